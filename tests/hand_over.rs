//! Documents that are handed over: none is lost and none is twice there, whatever its readers do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Index, PATIENCE, Program, folder, names};

/// A peer that hands over what is in a folder.
fn lender(index: &Index, shared: &Path) -> (Program, SocketAddr) {
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--hand-over", "share"];
    let program = common::peer(index.address, &arguments, shared);
    let port = program.line().rsplit_once(':').unwrap().1.parse().unwrap();
    program.line();
    (program, SocketAddr::from(([127, 0, 0, 1], port)))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn request(name: &str, headers: &str) -> String {
    format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n{headers}\r\n")
}

fn ask(address: SocketAddr, name: &str, headers: &str) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(request(name, headers).as_bytes()).unwrap();
    stream
}

/// The next line of a head, byte by byte, so that nothing else is read.
fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        line.extend(byte);
    }
    String::from_utf8(line).unwrap().trim_end().to_string()
}

/// Status and length of the document.
fn head(stream: &mut TcpStream) -> (String, usize) {
    let status = line(stream);
    let mut length = 0;
    loop {
        let header = line(stream);
        if header.is_empty() {
            return (status, length);
        }
        if let Some(value) = header.strip_prefix("Content-Length: ") {
            length = value.parse().unwrap();
        }
    }
}

fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

fn read_all(stream: &mut TcpStream) {
    // A refusal, or the end that another kind of reader has caused, is no matter here.
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Readers that do not take a document as it should be taken.
const KINDS: usize = 20;
fn unclean(kind: usize, address: SocketAddr, name: &str) {
    match kind {
        0 => read_all(&mut ask(address, name, "Range: bytes=0-0\r\n")),
        1 => read_all(&mut ask(address, name, "Range: bytes=4-\r\n")),
        2 => read_all(&mut ask(address, name, "Range: bytes=0-\r\nWant-Digest: sha-256\r\n")),
        3 => {
            let stream = ask(address, name, "");
            stream.shutdown(Shutdown::Write).unwrap();
            reset(stream);
        }
        4 => {
            let stream = ask(address, name, "");
            stream.shutdown(Shutdown::Write).unwrap();
            thread::sleep(Duration::from_millis(200));
            reset(stream);
        }
        5 => reset(ask(address, name, "")),
        6 => drop(ask(address, name, "")),
        7 => {
            let mut stream = ask(address, name, "");
            let (_, length) = head(&mut stream);
            let _ = stream.read_exact(&mut vec![0; length / 10]);
            // Closing over what was not read resets, and there is always a byte of that.
        }
        8 => {
            let mut stream = ask(address, name, "");
            let (_, length) = head(&mut stream);
            let _ = stream.read_exact(&mut vec![0; length.saturating_sub(1)]);
        }
        9 => {
            let mut stream = ask(address, name, "");
            read_all(&mut stream);
            reset(stream);
        }
        10 => {
            let mut stream = ask(address, name, "");
            let (_, length) = head(&mut stream);
            let _ = stream.read_exact(&mut vec![0; length]);
            reset(stream);
        }
        11 => {
            let stream = ask(address, name, "");
            thread::sleep(Duration::from_millis(300));
            reset(stream);
        }
        12 => drop(connect(address)),
        13 => connect(address).write_all(b"GET FILE").unwrap(),
        14 => connect(address).write_all(b"NOTHING THAT IS KNOWN\r\n\r\n").unwrap(),
        15 => {
            let mut stream = ask(address, name, "");
            line(&mut stream);
            reset(stream);
        }
        16 => {
            // It half-closes in the middle, and is gone.
            let mut stream = ask(address, name, "");
            line(&mut stream);
            let _ = stream.shutdown(Shutdown::Write);
            thread::sleep(Duration::from_millis(100));
            reset(stream);
        }
        17 => read_all(&mut ask(address, name, "Connection: keep-alive\r\nRange: bytes=1-2\r\n")),
        18 => {
            let mut stream = ask(address, name, "Range: bytes=9999999999-\r\n");
            read_all(&mut stream);
        }
        _ => {
            let mut stream = connect(address);
            let text = request(name, "");
            for part in text.as_bytes().chunks(7) {
                let _ = stream.write_all(part);
            }
            reset(stream);
        }
    }
}

/// Readers that take all of a document: `None` if it is gone, or lent to somebody else.
fn clean(kind: usize, address: SocketAddr, name: &str) -> Result<usize, String> {
    let headers = ["", "Want-Digest: sha-256\r\n", "Connection: keep-alive\r\n"][kind % 3];
    let mut stream = ask(address, name, headers);
    let (status, length) = head(&mut stream);
    if status != "P2P-CI/1.0 200 OK" {
        return Err(status);
    }
    let mut bytes = vec![0; length];
    match kind % 2 {
        0 => stream.read_exact(&mut bytes).unwrap(),
        _ => {
            bytes.clear();
            stream.read_to_end(&mut bytes).unwrap();
        }
    }
    Ok(bytes.len())
}

fn documents() -> Vec<(String, Vec<u8>)> {
    const LENGTHS: [usize; 10] =
        [1, 5, 900, 10_000, 65_535, 65_536, 65_537, 300_000, 3_000_000, 9_000_000];
    (0..20)
        .map(|number| {
            let byte = u8::try_from(number).unwrap();
            (format!("document-{number}"), vec![byte; LENGTHS[number % LENGTHS.len()]])
        })
        .collect()
}

/// Where a document is.
fn places(shared: &Path, name: &str, bytes: &[u8]) -> Vec<PathBuf> {
    let places = [shared.join(name), shared.join("handed-over").join(name)];
    places.into_iter().filter(|path| fs::read(path).is_ok_and(|found| found == bytes)).collect()
}

#[test]
fn readers_of_all_kinds_lose_no_document() {
    const READERS: usize = 200;
    let root = tempfile::tempdir().unwrap();
    let documents = documents();
    let files: Vec<(&str, &[u8])> =
        documents.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let shared = folder(root.path(), "shared", &files);
    let index = Index::start(&["--log", "quiet"]);
    let (_program, address) = lender(&index, &shared);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= READERS {
                        break;
                    }
                    // Each kind meets ten documents.
                    let (name, _) = &documents[(number / KINDS * 2 + number) % documents.len()];
                    unclean(number % KINDS, address, name);
                }
            });
        }
    });
    // Whatever they have caused has happened when the last of them is gone.
    thread::sleep(Duration::from_secs(1));
    for (name, bytes) in &documents {
        assert_eq!(places(&shared, name, bytes), [shared.join(name)], "{name}");
    }

    // Half of them are then read as they should be, by several readers each.
    let (kept, given) = documents.split_at(10);
    thread::scope(|scope| {
        for (number, (name, bytes)) in given.iter().enumerate() {
            for kind in [number, number + 1, number + 3] {
                scope.spawn(move || {
                    let begun = Instant::now();
                    loop {
                        match clean(kind, address, name) {
                            Ok(length) => return assert_eq!(length, bytes.len()),
                            Err(status) if status.contains(" 404 ") => return,
                            Err(status) => assert!(status.contains(" 503 "), "{status}"),
                        }
                        assert!(begun.elapsed() < PATIENCE, "{name} is not lent");
                        thread::yield_now();
                    }
                });
            }
        }
    });
    let begun = Instant::now();
    for (name, bytes) in given {
        let target = [shared.join("handed-over").join(name)];
        while places(&shared, name, bytes) != target {
            assert!(begun.elapsed() < PATIENCE, "{name}: {:?}", places(&shared, name, bytes));
            thread::yield_now();
        }
    }
    for (name, bytes) in kept {
        assert_eq!(places(&shared, name, bytes), [shared.join(name)], "{name}");
    }
    assert_eq!(names(&shared).len(), 11);
    assert_eq!(names(&shared.join("handed-over")).len(), 10);
}

/// Gets all of a document, and leaves the connection open.
fn take(address: SocketAddr, name: &str) -> TcpStream {
    let mut stream = ask(address, name, "");
    let (status, length) = head(&mut stream);
    assert_eq!(status, "P2P-CI/1.0 200 OK");
    stream.read_exact(&mut vec![0; length]).unwrap();
    stream
}

#[test]
fn a_file_that_was_replaced_stays() {
    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[("file", b"old")]);
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    let stream = take(address, "file");
    fs::write(shared.join(".new"), "new").unwrap();
    fs::rename(shared.join(".new"), shared.join("file")).unwrap();
    drop(stream);
    program.error_with("replaced");
    assert_eq!(fs::read(shared.join("file")).unwrap(), b"new");
    assert!(!shared.join("handed-over").exists());
}

#[test]
fn the_end_of_the_peer_hands_nothing_over() {
    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[("file", b"old")]);
    let index = Index::start(&[]);
    let (mut program, address) = lender(&index, &shared);
    let _stream = take(address, "file");
    program.signal("TERM");
    program.wait();
    assert_eq!(names(&shared), ["file"]);
}

#[test]
fn nothing_that_was_handed_over_is_overwritten() {
    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[("file", b"second")]);
    fs::create_dir(shared.join("handed-over")).unwrap();
    fs::write(shared.join("handed-over/file"), "first").unwrap();
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    drop(take(address, "file"));
    program.error_with("file.2");
    assert_eq!(fs::read(shared.join("handed-over/file")).unwrap(), b"first");
    assert_eq!(fs::read(shared.join("handed-over/file.2")).unwrap(), b"second");
    assert!(!shared.join("file").exists());
}

#[test]
fn a_place_that_takes_nothing_keeps_the_document_here() {
    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[("document", b"bytes")]);
    fs::write(shared.join("handed-over"), "a file, not a folder").unwrap();
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    drop(take(address, "document"));
    program.error_with("stays here");
    assert_eq!(fs::read(shared.join("document")).unwrap(), b"bytes");
}

/// A folder on another file system than this one's, if there is one.
#[cfg(target_os = "linux")]
#[test]
fn a_document_moves_to_another_file_system() {
    use std::os::unix::fs::MetadataExt;

    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[("file", b"bytes")]);
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
    if other.path().metadata().unwrap().dev() == shared.metadata().unwrap().dev() {
        return;
    }
    std::os::unix::fs::symlink(other.path(), shared.join("handed-over")).unwrap();
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    drop(take(address, "file"));
    program.error_with("it was moved to");
    assert_eq!(names(other.path()), ["file"]);
    assert_eq!(fs::read(other.path().join("file")).unwrap(), b"bytes");
    assert!(!shared.join("file").exists());
}

#[test]
fn a_reader_that_takes_nothing_keeps_nobody_waiting() {
    let root = tempfile::tempdir().unwrap();
    let large = vec![7; 30_000_000];
    let shared = folder(root.path(), "shared", &[("large", &large), ("small", b"small")]);
    let index = Index::start(&[]);
    let (_program, address) = lender(&index, &shared);
    for name in ["large", "small"] {
        let silent = ask(address, name, "");
        // It is here when the first byte is.
        silent.peek(&mut [0]).unwrap();
        let begun = Instant::now();
        let mut stream = loop {
            let mut stream = ask(address, name, "");
            if line(&mut stream) == "P2P-CI/1.0 200 OK" {
                break stream;
            }
            assert!(begun.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(20));
        };
        // Two seconds, and what a busy machine adds to that.
        assert!(begun.elapsed() < Duration::from_secs(6), "{name}: {:?}", begun.elapsed());
        stream.read_to_end(&mut Vec::new()).unwrap();
        drop(stream);
        let begun = Instant::now();
        while !shared.join("handed-over").join(name).exists() {
            assert!(begun.elapsed() < PATIENCE, "{name} is not handed over");
            thread::yield_now();
        }
        // The silent one gets the bytes that it was promised, and takes nothing away.
        let mut silent = silent;
        let read = silent.read_to_end(&mut Vec::new());
        assert!(read.is_ok_and(|count| count > 5) || name == "large");
        assert!(matches!(silent.read(&mut [0]), Ok(0) | Err(_)));
        let names = names(&shared.join("handed-over"));
        assert!(names.iter().filter(|found| *found == name).count() == 1, "{names:?}");
    }
    let gone = ask(address, "small", "").read(&mut [0; 20]).map_err(|error| error.kind());
    assert!(matches!(gone, Ok(_) | Err(ErrorKind::ConnectionReset)));
}
