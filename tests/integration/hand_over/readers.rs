//! Many readers, and those that take nothing.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::kinds::{KINDS, clean, unclean};
use super::{ask, lender, line, request};
use crate::common::{Index, PATIENCE, directory, names, uninterrupted};

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
    let shared = directory(root.path(), "shared", &files);
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
    for (name, bytes) in &documents {
        // Whatever they have caused has happened when it is lent again.
        let begun = Instant::now();
        while line(&mut ask(address, name, "")) != "P2P-CI/1.0 200 OK" {
            assert!(begun.elapsed() < PATIENCE, "{name} is not lent again");
            thread::yield_now();
        }
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
                            // It may have closed too late for the document to move.
                            Ok(length) => assert_eq!(length, bytes.len()),
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

#[test]
fn a_reader_that_reads_nothing_gets_nothing() {
    const HEAD: usize = 50;
    let root = tempfile::tempdir().unwrap();
    let names_of = ["with-the-first-byte", "with-the-last-byte", "after-the-end"];
    let files = names_of.map(|name| (name, &b"bytes"[..]));
    let shared = directory(root.path(), "shared", &files);
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    for name in names_of {
        let mut stream = ask(address, name, "");
        let mut seen = [0; 4096];
        let mut count = uninterrupted(|| stream.peek(&mut seen)).unwrap();
        assert!(count > HEAD);
        match name {
            "with-the-first-byte" => {}
            "with-the-last-byte" => {
                while !seen[..count].ends_with(b"\r\n\r\nbytes") {
                    count = uninterrupted(|| stream.peek(&mut seen)).unwrap();
                }
            }
            _ => drop(program.error_with("stays here")),
        }
        stream.shutdown(Shutdown::Write).unwrap();
        if name != "after-the-end" {
            program.error_with("stays here");
        }
        // It has read nothing until now, and reads it all.
        let mut read = Vec::new();
        stream.read_to_end(&mut read).unwrap();
        assert!(read.ends_with(b"\r\n\r\nbytes"), "{}", read.escape_ascii());
    }
    assert_eq!(names(&shared).len(), names_of.len());
}

/// As `nc -N` does.
#[test]
fn a_reader_that_half_closes_after_its_request_gets_the_document_and_it_stays() {
    let root = tempfile::tempdir().unwrap();
    let large = vec![7; 3_000_000];
    let files: [(&str, &[u8]); 3] = [("empty", b""), ("small", b"small"), ("large", &large)];
    let shared = directory(root.path(), "shared", &files);
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    for (name, bytes) in files {
        let mut stream = ask(address, name, "");
        stream.shutdown(Shutdown::Write).unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).unwrap();
        let end = read.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert!(read[end..] == *bytes, "{name}: {} bytes", read.len() - end);
        program.error_with("stays here");
    }
    assert_eq!(names(&shared).len(), files.len());
}

#[test]
fn a_silent_reader_with_a_small_buffer_delays_no_other() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("document", &vec![7; 2_000_000])]);
    let index = Index::start(&[]);
    let (_program, address) = lender(&index, &shared);
    // A busy machine makes it longer, and nothing makes it shorter.
    let waited = [0; 2].map(|_| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut silent = TcpStream::from(socket);
        silent.write_all(request("document", "").as_bytes()).unwrap();
        uninterrupted(|| silent.peek(&mut [0])).unwrap();
        let begun = Instant::now();
        while line(&mut ask(address, "document", "")) != "P2P-CI/1.0 200 OK" {
            assert!(begun.elapsed() < PATIENCE);
            // The pace at which it asks again; nothing else shows when the document is free.
            thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed()
    });
    assert!(waited.into_iter().min() < Some(Duration::from_secs(3)), "{waited:?}");
}

#[test]
fn a_reader_that_takes_nothing_delays_no_other() {
    let root = tempfile::tempdir().unwrap();
    let large = vec![7; 30_000_000];
    let shared = directory(root.path(), "shared", &[("large", &large), ("small", b"small")]);
    let index = Index::start(&[]);
    let (_program, address) = lender(&index, &shared);
    for name in ["large", "small"] {
        let silent = ask(address, name, "");
        // It is here when the first byte is.
        uninterrupted(|| silent.peek(&mut [0])).unwrap();
        let begun = Instant::now();
        let mut stream = loop {
            let mut stream = ask(address, name, "");
            if line(&mut stream) == "P2P-CI/1.0 200 OK" {
                break stream;
            }
            assert!(begun.elapsed() < PATIENCE);
            // The pace at which it asks again; nothing else shows when the document is free.
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
