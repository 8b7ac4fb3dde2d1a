//! Holders that never answer, or late, or stop (protocol.md section 7).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::holders::{endpoint, holder, honest, hurried, respond};
use crate::common::{directory, in_parallel};
use p2p_ci::library::{PartFiles, PartialFile, SaveTarget};
use p2p_ci::peer::{
    Cancel, CompletedDownload, DownloadError, DownloadEvent, DownloadJob, DownloadRequest, Source,
    TransferError, download_all,
};
use p2p_ci::protocol::Document;

/// Connections to unproven holders that there may be at a time.
const CONNECTIONS: usize = 8;

const STACK: usize = 64 * 1024;

/// The tests of this file share the descriptors of one process. The one that needs most of them runs
/// alone.
static DESCRIPTORS: RwLock<()> = RwLock::new(());

fn among_others() -> RwLockReadGuard<'static, ()> {
    DESCRIPTORS.read().unwrap_or_else(PoisonError::into_inner)
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    DESCRIPTORS.write().unwrap_or_else(PoisonError::into_inner)
}

/// Holders that accept connections and never say anything. Counts how many there are at a time.
struct Silent {
    sources: Vec<Source>,
    most: Arc<AtomicUsize>,
}

fn silent(addresses: impl Iterator<Item = Ipv4Addr>) -> Silent {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listen = || {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
        let accept = move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                open.fetch_add(1, Ordering::SeqCst);
                let ended = Arc::clone(&open);
                let serve = move || {
                    // Until the peer closes.
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                    ended.fetch_sub(1, Ordering::SeqCst);
                };
                thread::Builder::new().stack_size(STACK).spawn(serve).unwrap();
                most.fetch_max(settled(&open), Ordering::SeqCst);
            }
        };
        thread::Builder::new().stack_size(STACK).spawn(accept).unwrap();
        port
    };
    // A listener serves all addresses; an address that is there again has another port.
    let (mut ports, mut count_by_address) = (Vec::new(), HashMap::<Ipv4Addr, usize>::new());
    let source = |address: Ipv4Addr| {
        let count = count_by_address.entry(address).or_default();
        *count += 1;
        if ports.len() < *count {
            ports.push(listen());
        }
        endpoint((address, ports[*count - 1]).into()).into()
    };
    Silent { sources: addresses.map(source).collect(), most }
}

/// How many connections are open. More than the limit are counted only if they stay: a connection
/// that the peer has closed before it made the next one may not have ended here yet.
fn settled(open: &AtomicUsize) -> usize {
    let begun = Instant::now();
    while open.load(Ordering::SeqCst) > CONNECTIONS && begun.elapsed() < Duration::from_millis(500)
    {
        thread::yield_now();
    }
    open.load(Ordering::SeqCst)
}

fn shared(root: &Path, documents: usize) -> PathBuf {
    let directory = directory(root, "honest", &[]);
    for number in 1..=documents {
        fs::write(directory.join(format!("rfc{number}.txt")), number.to_string()).unwrap();
    }
    directory
}

fn wanted(number: usize, sources: Vec<Source>) -> DownloadRequest {
    let document = Document::Rfc(number.to_string().parse().unwrap());
    DownloadRequest { document, sources, digest: None }
}

/// Fetches RFC 1 from silent holders and an honest one, which is last.
fn fetch(addresses: impl Iterator<Item = Ipv4Addr>, most: Duration) {
    let root = tempfile::tempdir().unwrap();
    let silent = silent(addresses);
    let (_server, honest) = honest(&shared(root.path(), 1), Ipv4Addr::LOCALHOST);
    let mut sources = silent.sources;
    sources.push(honest.clone());
    let mut incoming = PartialFile::begin(&root.path().join("rfc1.txt")).unwrap();
    let begun = Instant::now();
    let fetched = hurried(10).download(&wanted(1, sources), &mut incoming, &mut |_| {});
    assert_eq!(fetched.unwrap().holders, [honest.holder]);
    assert!(begun.elapsed() < most, "{:?}", begun.elapsed());
    let concurrent = silent.most.load(Ordering::SeqCst);
    assert!(concurrent <= CONNECTIONS, "{concurrent} connections to unproven holders");
}

#[test]
fn a_few_silent_holders_cost_a_few_seconds() {
    let _turn = among_others();
    fetch(std::iter::repeat_n(Ipv4Addr::LOCALHOST, 5), Duration::from_secs(4));
}

#[test]
fn many_silent_holders_in_one_network_are_one() {
    let _turn = among_others();
    fetch(std::iter::repeat_n(Ipv4Addr::new(127, 0, 9, 9), 40), Duration::from_secs(4));
}

#[test]
fn silent_holders_in_as_many_networks_are_tried_a_few_at_a_time() {
    let _turn = among_others();
    let addresses = (0..60u8).map(|number| Ipv4Addr::new(127, 1, number, 1));
    fetch(addresses, Duration::from_secs(8));
}

#[test]
fn many_documents_with_silent_holders() {
    let _turn = alone();
    let root = tempfile::tempdir().unwrap();
    let silent = silent((0..30u8).map(|number| Ipv4Addr::new(127, 3, number, 1)));
    let (_server, honest) = honest(&shared(root.path(), 100), Ipv4Addr::LOCALHOST);
    let mut sources = silent.sources;
    sources.push(honest);
    let mine = directory(root.path(), "mine", &[]);
    let orders = (1..=100).map(|number| DownloadJob {
        request: wanted(number, sources.clone()),
        target: SaveTarget::file(&mine.join(format!("rfc{number}.txt"))),
        overwrite: false,
        found_free: None,
        cancel: Cancel::new(),
    });
    let begun = Instant::now();
    let mut count = 0;
    let parts = PartFiles::in_directory(&mine);
    let outcome =
        download_all(&hurried(10), &parts, orders.collect(), &mut |happening| match happening {
            DownloadEvent::Completed(..) => count += 1,
            DownloadEvent::GivenUp(_, error) => panic!("{error}"),
            _ => {}
        });
    outcome.unwrap();
    assert_eq!(count, 100);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let concurrent = silent.most.load(Ordering::SeqCst);
    assert!(concurrent <= CONNECTIONS, "{concurrent} connections to unproven holders");
}

/// A reply whose body is missing, or a part of it.
fn stopping(address: Ipv4Addr, bytes: usize) -> Source {
    let at = holder(address, move |stream, _| {
        respond(stream, "Content-Length: 100000\r\n", &vec![b'x'; bytes])?;
        // Until the peer closes.
        stream.read_to_end(&mut Vec::new()).map(drop)
    });
    endpoint(at).into()
}

/// A holder that answers a moment before the time for a reply is over, as a busy one may.
fn busy(address: Ipv4Addr, reply: &'static str) -> Source {
    let at = holder(address, move |stream, _| {
        thread::sleep(Duration::from_millis(1200));
        stream.write_all(reply.as_bytes())
    });
    endpoint(at).into()
}

const LATE_DOCUMENT: &str = "P2P-CI/1.0 200 OK\r\nOS: test\r\nContent-Length: 4\r\n\r\nlate";

/// The time is a fifth of the usual one, so that a busy machine is not taken for a silent holder.
fn fetch_of(sources: Vec<Source>) -> (Result<CompletedDownload, DownloadError>, Duration) {
    let root = tempfile::tempdir().unwrap();
    let mut incoming = PartialFile::begin(&root.path().join("rfc1.txt")).unwrap();
    let begun = Instant::now();
    let fetched = hurried(5).download(&wanted(1, sources), &mut incoming, &mut |_| {});
    (fetched, begun.elapsed())
}

#[test]
fn holders_that_stop_after_the_head_are_tried_in_parallel() {
    let _turn = among_others();
    in_parallel([0, 1, 1000], |bytes| {
        let mut sources: Vec<Source> =
            (0..12u8).map(|number| stopping(Ipv4Addr::new(127, 4, number, 1), bytes)).collect();
        let root = tempfile::tempdir().unwrap();
        let (_server, honest) = honest(&shared(root.path(), 1), Ipv4Addr::LOCALHOST);
        sources.push(honest.clone());
        let (fetched, time) = fetch_of(sources);
        assert_eq!(fetched.unwrap().holders, [honest.holder]);
        assert!(time < Duration::from_secs(7), "{time:?}");
    });
}

#[test]
fn a_late_document_is_awaited_if_there_is_no_other_holder() {
    let _turn = among_others();
    let silent = silent((0..6u8).map(|number| Ipv4Addr::new(127, 5, number, 1)));
    in_parallel([Vec::new(), silent.sources], |others| {
        let mut sources = vec![busy(Ipv4Addr::LOCALHOST, LATE_DOCUMENT)];
        sources.extend(others);
        let fetched = fetch_of(sources).0;
        assert_eq!(fetched.unwrap().length, 4, "it is asked again with more time");
    });
}

#[test]
fn a_late_refusal_is_waited_for() {
    let _turn = among_others();
    let refusal = "P2P-CI/1.0 503 Service Unavailable\r\n\r\n";
    let silent = silent((0..6u8).map(|number| Ipv4Addr::new(127, 6, number, 1)));
    in_parallel([Vec::new(), silent.sources], |others| {
        let mut sources = vec![busy(Ipv4Addr::LOCALHOST, refusal)];
        sources.extend(others);
        let Err(DownloadError::AllFailed { failures, .. }) = fetch_of(sources).0 else {
            panic!("no holder")
        };
        let is_told = |error: &TransferError| match error {
            TransferError::Refused(status) => status.code() == 503,
            _ => false,
        };
        assert!(failures.iter().any(|(_, error)| is_told(error)), "{failures:?}");
    });
}
