//! Holders that begin to deliver, and then stop or are slow; and holders that are dead (protocol.md
//! section 7).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::directory;
use crate::common::holders::{endpoint, holder, honest, hurried, respond};
use p2p_ci::library::{Hasher, PartialFile};
use p2p_ci::peer::{CompletedDownload, DownloadError, DownloadRequest, Source};
use p2p_ci::protocol::Document;

/// A directory with RFC 1.
fn shared(root: &Path) -> PathBuf {
    let directory = directory(root, "honest", &[]);
    fs::write(directory.join("rfc1.txt"), "1").unwrap();
    directory
}

/// The tests of this file share the descriptors of one process: a holder without one replies with 503.
static ONE_FETCH: Mutex<()> = Mutex::new(());

/// Fetches RFC 1; returns how long that took, too.
fn fetch_of(sources: Vec<Source>) -> (Result<CompletedDownload, DownloadError>, Duration) {
    let _alone = ONE_FETCH.lock().unwrap_or_else(PoisonError::into_inner);
    let root = tempfile::tempdir().unwrap();
    let mut incoming = PartialFile::begin(&root.path().join("rfc1.txt")).unwrap();
    let document = Document::Rfc("1".parse().unwrap());
    let wanted = DownloadRequest { document, sources, digest: None };
    let begun = Instant::now();
    let fetched = hurried(10).download(&wanted, &mut incoming, &mut |_| {});
    (fetched, begun.elapsed())
}

/// The behaviour of unproven holders that begin as honest ones do.
#[derive(Clone, Copy, Debug)]
struct Begins {
    length: usize,
    /// Bytes of the document that come immediately.
    first: usize,
    /// Bytes in each fortieth of a second after that.
    more: usize,
}

/// This number of such holders, with one listener. Each has a version of its own, so that none
/// resumes where another one has stopped.
fn beginning(count: u8, begins: Begins) -> Vec<Source> {
    let Begins { length, first, more } = begins;
    let at = holder(Ipv4Addr::UNSPECIFIED, move |stream, _| {
        let number = match stream.local_addr()?.ip() {
            IpAddr::V4(address) => address.octets()[2],
            IpAddr::V6(_) => 0,
        };
        let headers = format!("Content-Length: {length}\r\nDigest: sha-256={number:064x}\r\n");
        respond(stream, &headers, &vec![b'x'; first])?;
        if more == 0 {
            // Until the peer closes.
            return stream.read_to_end(&mut Vec::new()).map(drop);
        }
        loop {
            thread::sleep(Duration::from_millis(25));
            stream.write_all(&vec![b'x'; more])?;
        }
    });
    let source = |number| endpoint((Ipv4Addr::new(127, 10, number, 1), at.port()).into()).into();
    (0..count).map(source).collect()
}

/// The first that stops or is slow costs some seconds. More is expected of the others before they
/// are taken, and they are tried in parallel.
#[test]
fn holders_that_stop_or_are_slow_after_the_beginning_are_tried_in_parallel() {
    let cases = [
        Begins { length: 100_000, first: 17_000, more: 0 },
        Begins { length: 100_000, first: 17_000, more: 225 },
        Begins { length: 100_000, first: 0, more: 225 },
        Begins { length: 9_000_000, first: 17_000, more: 0 },
        Begins { length: 9_000_000, first: 17_000, more: 225 },
        Begins { length: 9_000_000, first: 0, more: 3_750 },
    ];
    // Not all together: the tests run with few descriptors.
    cases.chunks(3).for_each(stop_or_are_slow);
}

fn stop_or_are_slow(cases: &[Begins]) {
    let run = |begins: Begins| {
        move || {
            let mut sources = beginning(20, begins);
            let root = tempfile::tempdir().unwrap();
            let (_server, honest) = honest(&shared(root.path()), Ipv4Addr::LOCALHOST);
            sources.push(honest.clone());
            let (fetched, time) = fetch_of(sources);
            assert_eq!(fetched.unwrap().holders, [honest.holder], "{begins:?}");
            assert!(time < Duration::from_secs(8), "{begins:?}: {time:?}");
        }
    };
    thread::scope(|scope| {
        for begins in cases {
            scope.spawn(run(*begins));
        }
    });
}

/// Slow holders are left for each other, and the document is downloaded all the same.
#[test]
fn several_slow_holders_deliver_where_there_are_no_others() {
    const DOCUMENT: usize = 60_000;
    for has_digest in [false, true] {
        let mut hasher = Hasher::default();
        hasher.update(&[b'x'; DOCUMENT]);
        let digest = format!("Digest: {}\r\n", hasher.finish());
        let sources = (0..3u8).map(|number| {
            let digest = if has_digest { digest.clone() } else { String::new() };
            let at = holder(Ipv4Addr::new(127, 11, number, 1), move |stream, _| {
                respond(stream, &format!("Content-Length: {DOCUMENT}\r\n{digest}"), b"")?;
                (0..DOCUMENT / 2_000).try_for_each(|_| {
                    thread::sleep(Duration::from_millis(25));
                    stream.write_all(&[b'x'; 2_000])
                })
            });
            endpoint(at).into()
        });
        let (fetched, time) = fetch_of(sources.collect());
        assert_eq!(fetched.unwrap().length, DOCUMENT as u64);
        assert!(time < Duration::from_secs(7), "{time:?}");
    }
}

/// Thousands of dead holders cost little, whatever length others announce.
#[test]
fn thousands_of_dead_holders_are_skipped() {
    let root = tempfile::tempdir().unwrap();
    let (_server, honest) = honest(&shared(root.path()), Ipv4Addr::LOCALHOST);
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let dead = |number: u16| {
        let [high, low] = number.to_be_bytes();
        endpoint((Ipv4Addr::new(127, 12, high, low), port).into()).into()
    };
    let begins = Begins { length: 9_000_000, first: 17_000, more: 0 };
    for mut sources in [Vec::new(), beginning(1, begins)] {
        sources.extend((0..9_900).map(dead));
        sources.push(honest.clone());
        let (fetched, time) = fetch_of(sources);
        assert_eq!(fetched.unwrap().holders, from_ref(&honest.holder));
        assert!(time < Duration::from_secs(7), "{time:?}");
    }
}

/// Before, such a holder was asked for the whole document before all others, again and again: each other
/// one was asked four seconds later than the one before it.
#[test]
fn holders_that_stop_before_the_end_and_send_a_wrong_rest_are_asked_once_before_others() {
    const LENGTH: usize = 1_000_000;
    let with_rest = |number: u8| {
        let at = holder(Ipv4Addr::new(127, 13, number, 1), move |stream, request| {
            let digest = format!("Digest: sha-256={number:064x}\r\n");
            let range = request.split("bytes=").nth(1).and_then(|range| range.split('-').next());
            if let Some(first) = range.and_then(|first| first.parse::<usize>().ok()) {
                let (count, last) = (LENGTH - first, LENGTH - 1);
                let head = format!(
                    "P2P-CI/1.0 206 Partial Content\r\nContent-Length: {count}\r\n\
                     Content-Range: bytes {first}-{last}/{LENGTH}\r\n{digest}\r\n"
                );
                stream.write_all(head.as_bytes())?;
                return stream.write_all(&vec![b'y'; count]);
            }
            respond(stream, &format!("Content-Length: {LENGTH}\r\n{digest}"), &[b'x'; 990_000])?;
            loop {
                thread::sleep(Duration::from_millis(10));
                stream.write_all(b"x")?;
            }
        });
        endpoint(at).into()
    };
    let root = tempfile::tempdir().unwrap();
    let (_server, honest) = honest(&shared(root.path()), Ipv4Addr::LOCALHOST);
    let mut sources: Vec<Source> = (0..40).map(with_rest).collect();
    sources.push(honest.clone());
    let (fetched, time) = fetch_of(sources);
    assert_eq!(fetched.unwrap().holders, [honest.holder]);
    assert!(time < Duration::from_secs(8), "{time:?}");
}

/// Before, the first of them left one byte missing, and of so few bytes none was expected of the others:
/// they were waited for without an end. Of a document in segments each was tried alone, for 30 s.
#[test]
fn holders_that_stop_before_the_last_byte_of_every_range_do_not_keep_the_honest_one() {
    for length in [400_000, 9_000_000] {
        let root = tempfile::tempdir().unwrap();
        let directory = shared(root.path());
        let body = vec![b'1'; length];
        fs::write(directory.join("rfc1.txt"), &body).unwrap();
        let (_server, honest) = honest(&directory, Ipv4Addr::LOCALHOST);
        let mut hasher = Hasher::default();
        hasher.update(&body);
        let digest = format!("Digest: {}\r\n", hasher.finish());
        let mut sources = stopping_before_the_end(20, length, &digest);
        sources.push(honest.clone());
        let (fetched, time) = fetch_of(sources);
        assert_eq!(fetched.unwrap().holders, [honest.holder]);
        assert!(time < Duration::from_secs(8), "{time:?}");
    }
}

/// Holders that send all that was requested but the last byte, and with a digest that other bytes have.
fn stopping_before_the_end(count: u8, length: usize, digest: &str) -> Vec<Source> {
    let digest = digest.to_string();
    let at = holder(Ipv4Addr::UNSPECIFIED, move |stream, request| {
        let range = request.split("bytes=").nth(1).and_then(|range| range.lines().next());
        let (status, count) = match range.and_then(|range| range.split_once('-')) {
            None => ("200 OK\r\n".into(), length),
            Some((first, last)) => {
                let first: usize = first.parse().unwrap();
                let last = last.parse().unwrap_or(length - 1);
                let range = format!("Content-Range: bytes {first}-{last}/{length}\r\n");
                (format!("206 Partial Content\r\n{range}"), last + 1 - first)
            }
        };
        let head = format!("P2P-CI/1.0 {status}Content-Length: {count}\r\n{digest}\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(&vec![b'x'; count - 1])?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    });
    let source = |number| endpoint((Ipv4Addr::new(127, 16, number, 1), at.port()).into()).into();
    (0..count).map(source).collect()
}

/// A holder of a version of its own, which announces a length and stops after fewer bytes.
fn dishonest_holder_that_stops(address: Ipv4Addr, length: usize, sent: usize) -> Source {
    let digest = u32::from(address);
    let at = holder(address, move |stream, _| {
        let headers = format!("Content-Length: {length}\r\nDigest: sha-256={digest:064x}\r\n");
        respond(stream, &headers, &vec![b'x'; sent])?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    });
    endpoint(at).into()
}

/// Each dishonest holder delivers twice as much as the one before it, and then stops.
#[test]
fn holders_that_stop_after_ever_larger_beginnings_cost_a_few_seconds_each() {
    for length in [7_900_000, 9_000_000] {
        let mut sources = Vec::new();
        for number in 0..10u8 {
            let sent = (17_000usize << number).min(length - 1);
            sources.push(dishonest_holder_that_stops(
                Ipv4Addr::new(127, 13, number, 1),
                length,
                sent,
            ));
        }
        let root = tempfile::tempdir().unwrap();
        let (_server, honest) = honest(&shared(root.path()), Ipv4Addr::LOCALHOST);
        sources.push(honest.clone());
        let (fetched, time) = fetch_of(sources);
        assert_eq!(fetched.unwrap().holders, [honest.holder], "{length}");
        assert!(time < Duration::from_secs(8), "{length}: {time:?}");
    }
}

/// Each announces twice the length of the one before it, and sends all but the last bytes.
#[test]
fn holders_that_announce_ever_larger_lengths_cost_a_few_seconds_each() {
    let mut sources = Vec::new();
    for number in 0..12u8 {
        let length = 17_000usize << number;
        sources.push(dishonest_holder_that_stops(
            Ipv4Addr::new(127, 14, number, 1),
            length,
            length - 10,
        ));
    }
    let root = tempfile::tempdir().unwrap();
    let (_server, honest) = honest(&shared(root.path()), Ipv4Addr::LOCALHOST);
    sources.push(honest.clone());
    let (fetched, time) = fetch_of(sources);
    assert_eq!(fetched.unwrap().holders, [honest.holder]);
    assert!(time < Duration::from_secs(8), "{time:?}");
}

/// Holders that deliver one document, and then begin and stop.
#[test]
fn holders_that_deliver_once_and_then_stop_cost_a_few_seconds_each() {
    const DOCUMENTS: usize = 12;
    let body = |number: usize| vec![b'a' + u8::try_from(number).unwrap(); 20_000];
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "honest", &[]);
    for number in 0..DOCUMENTS {
        fs::write(shared.join(format!("rfc{}.txt", number + 1)), body(number)).unwrap();
    }
    let mut sources: Vec<Source> = Vec::new();
    for number in 0..3u8 {
        let served = Arc::new(AtomicUsize::new(0));
        let at = holder(Ipv4Addr::new(127, 15, number, 1), move |stream, request| {
            let document = request.split(' ').nth(2).and_then(|word| word.parse().ok());
            let body = body(document.unwrap_or(1usize) - 1);
            let length = match served.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => body.len(),
                _ => 17_000,
            };
            let mut hasher = Hasher::default();
            hasher.update(&body);
            let headers =
                format!("Content-Length: {}\r\nDigest: {}\r\n", body.len(), hasher.finish());
            respond(stream, &headers, &body[..length])?;
            stream.read_to_end(&mut Vec::new()).map(drop)
        });
        sources.push(endpoint(at).into());
    }
    let (_server, honest) = honest(&shared, Ipv4Addr::LOCALHOST);
    sources.push(honest);
    let (fetcher, begun) = (hurried(10), Instant::now());
    for number in 0..DOCUMENTS {
        let path = root.path().join("fetched");
        let mut incoming = PartialFile::begin(&path).unwrap();
        let document = Document::Rfc((number + 1).to_string().parse().unwrap());
        let wanted = DownloadRequest { document, sources: sources.clone(), digest: None };
        fetcher.download(&wanted, &mut incoming, &mut |_| {}).unwrap();
        incoming.commit(true).unwrap();
        assert!(fs::read(&path).unwrap() == body(number), "{number}");
    }
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
}
