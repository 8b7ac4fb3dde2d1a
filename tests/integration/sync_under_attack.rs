//! Many documents with holders that try to stop the rest, and several processes on one directory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::holders::{endpoint, holder, honest, hurried, respond};
use crate::common::{Index, Program, directory, names, run_peer_again, share};
use p2p_ci::library::{PartFiles, SaveTarget};
use p2p_ci::peer::{Cancel, DownloadEvent, DownloadJob, DownloadRequest, Source, download_all};
use p2p_ci::protocol::Document;

/// A holder that sends every document at this rate; it ends with the test.
fn slow_holder(bytes_per_second: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request);
                let head = "P2P-CI/1.0 200 OK\r\nContent-Length: 9000000\r\n\r\n";
                let mut outcome = stream.write_all(head.as_bytes());
                let piece = vec![b'x'; bytes_per_second / 4];
                while outcome.is_ok() {
                    outcome = stream.write_all(&piece);
                    thread::sleep(Duration::from_millis(250));
                }
            });
        }
    });
    port
}

#[test]
fn slow_documents_do_not_keep_the_others() {
    bait_does_not_keep_the_others(10, 1200, 90);
}

/// Before, eight documents kept all workers for as long as they were served above 16 KiB a second.
#[test]
fn long_documents_do_not_keep_the_others() {
    bait_does_not_keep_the_others(10, 20_000, 90);
}

/// Before, each two of them took ten seconds, and other holders at the same host had to wait for all.
#[test]
fn any_number_of_documents_of_one_holder_does_not_keep_the_others() {
    bait_does_not_keep_the_others(400, 20_000, 30);
}

/// Before, each endpoint had a turn of some seconds, also after all turns of its party had failed: 40 of
/// them kept the others for minutes.
#[test]
fn bait_at_any_number_of_endpoints_of_one_party_does_not_keep_the_others() {
    const ENDPOINTS: usize = 40;
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "honest", &[]);
    for number in 1000..1030 {
        fs::write(shared.join(format!("rfc{number}.txt")), format!("document {number}")).unwrap();
    }
    let (_server, honest) = honest(&shared, Ipv4Addr::LOCALHOST);
    let piece = Arc::new(AtomicUsize::new(0));
    let bait = |_| {
        let piece = Arc::clone(&piece);
        let at = holder(Ipv4Addr::LOCALHOST, move |stream, _| {
            let piece = piece.load(Ordering::Relaxed);
            if piece == 0 {
                return stream.read_to_end(&mut Vec::new()).map(drop);
            }
            respond(stream, "Content-Length: 900000000\r\n", b"")?;
            loop {
                thread::sleep(Duration::from_millis(25));
                stream.write_all(&vec![b'x'; piece])?;
            }
        });
        endpoint(at).into()
    };
    let bait: Vec<Source> = (0..ENDPOINTS).map(bait).collect();
    // Silent, slow, and above the rate of slow holders.
    for bytes in [0, 30, 2000] {
        piece.store(bytes, Ordering::Relaxed);
        let mine = directory(root.path(), &format!("mine{bytes}"), &[]);
        let job = |number: usize, source: &Source| DownloadJob {
            request: DownloadRequest {
                document: Document::Rfc(number.to_string().parse().unwrap()),
                sources: vec![source.clone()],
                digest: None,
            },
            target: SaveTarget::file(&mine.join(format!("rfc{number}.txt"))),
            overwrite: false,
            found_free: None,
            cancel: Cancel::new(),
        };
        let mut jobs: Vec<DownloadJob> =
            (0..400).map(|at| job(at + 1, bait.get(at % ENDPOINTS).unwrap())).collect();
        jobs.extend((1000..1030).map(|number| job(number, &honest)));
        let (downloader, mut count, begun) = (hurried(10), 0, Instant::now());
        let parts = PartFiles::in_directory(&mine);
        let outcome = download_all(&downloader, &parts, jobs, &mut |event| {
            count += usize::from(matches!(event, DownloadEvent::Completed(..)));
            if count == 30 || begun.elapsed() > Duration::from_secs(10) {
                downloader.cancel().cancel();
            }
        });
        // It was cancelled.
        outcome.unwrap_err();
        assert_eq!(count, 30, "{bytes} bytes at a time");
    }
}

/// Documents that are served at this rate, and do not end within the test. All others are here within
/// this number of seconds.
fn bait_does_not_keep_the_others(count: usize, bytes_per_second: usize, most: u64) {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let bait: Vec<String> = (0..count).map(|at| format!("a{at}.bin")).collect();
    let _bait = index.register_files(&bait, slow_holder(bytes_per_second));
    let documents: Vec<(String, Vec<u8>)> =
        (0..40).map(|at| (format!("z{at}.md"), format!("document {at}").into_bytes())).collect();
    let files: Vec<(&str, &[u8])> =
        documents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let honest = directory(root.path(), "honest", &files);
    let (_honest, _) = share(index.address, &honest);
    let (mine, state) = (directory(root.path(), "mine", &[]), directory(root.path(), "state", &[]));
    let address = index.address.to_string();
    let arguments = [&address, "--share", ".", "sync"];
    let mut sync = Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &mine);
    let begun = Instant::now();
    let is_here = || documents.iter().all(|(name, _)| mine.join(name).exists());
    while !is_here() {
        assert!(begun.elapsed() < Duration::from_secs(most), "{:?}", names(&mine));
        thread::sleep(Duration::from_millis(50));
    }
    sync.signal("KILL");
    sync.wait();
    // The journal has the unfinished download.
    let why = run_peer_again(&[&address, "--share", ".", "why", "a0.bin"], &state, &mine).1;
    assert!(why.contains("  wanted") && !why.contains("given up"), "{why}");
}

#[test]
fn several_processes_share_one_directory() {
    let root = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..20_000_000u32).map(|at| (at * 31 % 251).to_le_bytes()[0]).collect();
    let small: Vec<(String, Vec<u8>)> =
        (0..60).map(|at| (format!("s{at}.md"), vec![b's'; 1000 + at])).collect();
    let mut files: Vec<(&str, &[u8])> =
        small.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    files.extend([("big.bin", &large[..]), ("big2.bin", &large[1..])]);
    let honest = directory(root.path(), "honest", &files);
    let index = Index::start(&[]);
    let (_honest, _) = share(index.address, &honest);
    index.wait_for_digests("FILE big.bin", 1);
    index.wait_for_digests("FILE big2.bin", 1);
    let (mine, state) = (directory(root.path(), "mine", &[]), directory(root.path(), "state", &[]));
    let address = index.address.to_string();
    thread::scope(|scope| {
        for what in [&["sync"][..], &["sync"], &["get", "big.bin", "big2.bin"]] {
            let arguments =
                [&[&address, "--share", ".", "--download-limit", "20M"][..], what].concat();
            let (mine, state) = (&mine, &state);
            scope.spawn(move || {
                let (code, output, errors) = run_peer_again(&arguments, state, mine);
                assert_eq!(code, 0, "{output}{errors}");
                assert!(!errors.contains("panicked") && !errors.contains("no holder"), "{errors}");
            });
        }
    });
    let mut expected: Vec<String> = files.iter().map(|(name, _)| (*name).to_string()).collect();
    expected.sort();
    let mut found = names(&mine);
    found.sort();
    assert_eq!(found, expected);
    for (name, bytes) in files {
        assert!(fs::read(mine.join(name)).unwrap() == bytes, "{name}");
    }
}
