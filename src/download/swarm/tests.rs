//! Workers that panic, and holders that stop (protocol.md section 5.6).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use super::*;
use crate::library::{Opened, PartialFile};

const LENGTH: u64 = 9_000_000;

fn swarm(directory: &std::path::Path) -> (Arc<Swarm>, Arc<ChunkedPart>, PartialFile) {
    swarm_of(directory, Vec::new())
}

fn swarm_of(
    directory: &std::path::Path,
    holders: Vec<Source>,
) -> (Arc<Swarm>, Arc<ChunkedPart>, PartialFile) {
    let has_others = !holders.is_empty();
    let mut partial = PartialFile::begin(&directory.join("document")).unwrap();
    let digest = Digest::new([7; 32]);
    let Ok(Opened::Locked(part)) = partial.chunked(&digest, LENGTH) else { panic!("busy") };
    let document = Document::Rfc("1".parse().unwrap());
    let (dialer, admission, accounting) = Default::default();
    let request = SegmentedDocument {
        dialer: &dialer,
        admission: &admission,
        accounting: &accounting,
        document: &document,
        digest,
        holders,
        has_others,
        preferred_rates: None,
        first: None,
        part: &part,
    };
    let swarm = Swarm::new(request, 2);
    (swarm, part, partial)
}

fn panicking(swarm: &Swarm, worker: usize) {
    let range = swarm.lock().segments.take(worker, 1e6, Instant::now());
    assert!(range.is_none(), "it has a segment and panics, as it should");
}

#[test]
fn a_download_ends_when_its_workers_panic() {
    let directory = tempfile::tempdir().unwrap();
    let (swarm, part, _incoming) = swarm(directory.path());
    for worker in 0..2 {
        start(&swarm, worker, move |swarm| panicking(swarm, worker));
    }
    let outcome = swarm.follow(&part, 0, &mut |_| {});
    assert!(matches!(outcome, Err(SwarmError::Holders(failures)) if failures.is_empty()));
}

#[test]
fn the_range_of_a_failed_worker_is_released() {
    let directory = tempfile::tempdir().unwrap();
    let (swarm, part, _incoming) = swarm(directory.path());
    start(&swarm, 0, |swarm| panicking(swarm, 0));
    start(&swarm, 1, |swarm| {
        let holder = "127.0.0.1:1".parse().unwrap();
        let mut segments = 0;
        while let Some(range) = swarm.next_range(1, &holder) {
            let part = swarm.lock().part.clone();
            let count = range.end - range.start;
            let bytes = vec![7; usize::try_from(count).unwrap()];
            part.unwrap().write(&bytes, range.start).unwrap();
            swarm.lock().segments.advance(1, count, Instant::now());
            segments += 1;
        }
        assert!(segments > 0);
    });
    let delivered = swarm.follow(&part, 0, &mut |_| {}).unwrap();
    assert_ne!(delivered.digest, Digest::new([7; 32]));
    assert!(part.missing().is_empty());
}

/// A holder that answers a request for a range as `respond` does, which gets the range.
fn holder(respond: impl Fn(&mut std::net::TcpStream, u64, u64) + Send + 'static) -> Source {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint: Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.extend(byte);
            }
            let request = String::from_utf8(request).unwrap();
            let Some((_, range)) = request.split_once("Range: bytes=") else { continue };
            let (first, last) = range.lines().next().unwrap().split_once('-').unwrap();
            let end = last.parse().map_or(LENGTH, |last: u64| last + 1);
            respond(&mut stream, first.parse().unwrap(), end);
        }
    });
    endpoint.into()
}

/// Sends the head of a part, and this number of its bytes.
fn send_part(stream: &mut std::net::TcpStream, first: u64, end: u64, count: u64) {
    let (digest, length) = (Digest::new([7; 32]), end - first);
    let head = format!(
        "P2P-CI/1.0 206 Partial Content\r\nDigest: {digest}\r\nContent-Length: {length}\r\n\
         Content-Range: bytes {first}-{}/{LENGTH}\r\nContent-Type: text/plain\r\n\r\n",
        end - 1
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The downloader may have closed the connection.
    let _ = stream.write_all(&vec![7; usize::try_from(count).unwrap()]);
}

/// Once, all holders of the version counted as stopped, also those that had delivered what they were
/// asked for.
#[test]
fn only_holders_that_still_owe_a_segment_have_stopped() {
    let delivered = std::sync::atomic::AtomicBool::new(false);
    let honest = holder(move |stream, first, end| {
        match delivered.swap(true, std::sync::atomic::Ordering::Relaxed) {
            false => send_part(stream, first, end, end - first),
            true => stream.write_all(b"P2P-CI/1.0 503 Service Unavailable\r\n\r\n").unwrap(),
        }
    });
    let stopping = holder(|stream, first, end| {
        send_part(stream, first, end, 100_000);
        // Until the peer closes.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let directory = tempfile::tempdir().unwrap();
    let holders = [&honest, &stopping].map(Source::clone).to_vec();
    let (swarm, part, _incoming) = swarm_of(directory.path(), holders);
    let stats = &swarm.admission.stats;
    stats.delivered(&honest.holder);
    stats.delivered(&stopping.holder);
    for worker in 0..2 {
        start(&swarm, worker, move |swarm| swarm.work(worker));
    }
    let outcome = swarm.follow(&part, 0, &mut |_| {});
    assert!(matches!(outcome, Err(SwarmError::Holders(_))), "{outcome:?}");
    assert!(stats.is_proven(&honest.holder));
    assert!(!stats.is_proven(&stopping.holder));
}
