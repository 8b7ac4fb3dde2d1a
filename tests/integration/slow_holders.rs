//! Downloads from holders that deliver slowly: left for better ones, and kept where there are none.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::holders::request;
use crate::common::{Index, directory, names, run_peer, share};
use p2p_ci::library::Hasher;

fn document(length: usize) -> Arc<Vec<u8>> {
    Arc::new((0..length).map(|at| (at * 7 % 251).to_le_bytes()[0]).collect())
}

/// A holder that sends a document, or the part that is requested, at this rate.
fn slow_holder(document: &Arc<Vec<u8>>, bytes_per_second: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut hasher = Hasher::default();
    hasher.update(document);
    let digest = hasher.finish();
    let document = Arc::clone(document);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let document = Arc::clone(&document);
            thread::spawn(move || {
                let Ok(request) = request(&mut stream) else { return };
                let range = request
                    .split_once("bytes=")
                    .and_then(|(_, range)| range.split('-').next()?.parse::<usize>().ok());
                let (first, all) = (range.unwrap_or(0), document.len());
                let (status, part) = match range {
                    Some(first) => (
                        "206 Partial Content",
                        format!("Content-Range: bytes {first}-{}/{all}\r\n", all - 1),
                    ),
                    None => ("200 OK", String::new()),
                };
                let length = all - first;
                let head = format!(
                    "P2P-CI/1.0 {status}\r\nContent-Length: {length}\r\n{part}Digest: {digest}\r\n\r\n"
                );
                let mut outcome = stream.write_all(head.as_bytes());
                for piece in
                    document.iter().as_slice().split_at(first).1.chunks(bytes_per_second / 4)
                {
                    if outcome.is_err() {
                        return;
                    }
                    outcome = stream.write_all(piece);
                    thread::sleep(Duration::from_millis(250));
                }
            });
        }
    });
    port
}

/// A holder whose document is a byte longer in each attempt.
fn growing_holder() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (count, mut stream) in (1..).zip(listener.incoming().map_while(Result::ok)) {
            let _ = stream.read(&mut [0; 4096]);
            let digest = "ab".repeat(32);
            let head = format!(
                "P2P-CI/1.0 200 OK\r\nContent-Length: {}\r\nDigest: sha-256={digest}\r\n\r\n",
                count + 1
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&vec![b'x'; count]);
        }
    });
    port
}

/// Downloads a document of this length with holders at these rates and perhaps an honest one.
fn get(length: usize, rates: &[usize], is_honest: bool, commands: &[&[&str]]) {
    let document = document(length);
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let mut records = Vec::new();
    for rate in rates {
        records.push(index.register_files(&["a.bin"], slow_holder(&document, *rate)));
    }
    let honest = directory(root.path(), "honest", &[("a.bin", &document[..])]);
    let _honest = is_honest.then(|| {
        let honest = share(index.address, &honest);
        index.wait_for_digests("FILE a.bin", 1);
        honest
    });
    thread::scope(|scope| {
        for (number, command) in commands.iter().enumerate() {
            let mine = directory(root.path(), &format!("mine{number}"), &[]);
            let address = index.address.to_string();
            let arguments = [&[address.as_str(), "--share", "."][..], command].concat();
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            let document = Arc::clone(&document);
            scope.spawn(move || {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let begun = Instant::now();
                let (code, output, errors) = run_peer(&arguments, "", &mine);
                assert_eq!(code, 0, "{length} {arguments:?}: {output}{errors}");
                assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
                assert!(fs::read(mine.join("a.bin")).unwrap() == **document);
                assert_eq!(names(&mine), ["a.bin"]);
            });
        }
    });
}

const ALL: &[&[&str]] = &[&["get", "a.bin"], &["sync"]];

#[test]
fn a_slow_holder_is_left_for_a_better_one() {
    // More slow ones than holders that are asked in parallel for a large document.
    let slow = [1200; 10];
    thread::scope(|scope| {
        scope.spawn(|| get(1_000_000, &slow[..2], true, &[ALL[0], ALL[1]]));
        scope.spawn(|| get(9_000_000, &slow, true, &[ALL[0], ALL[1]]));
    });
}

#[test]
fn slow_holders_are_used_where_there_are_no_others() {
    thread::scope(|scope| {
        scope.spawn(|| get(30_000, &[1200], false, &[ALL[0], ALL[1]]));
        scope.spawn(|| get(60_000, &[1200, 2000], false, &[ALL[0]]));
    });
}

#[test]
fn a_document_that_only_grows_or_is_too_slow_is_given_up() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let _records = [
        index.register_files(&["grows.bin"], growing_holder()),
        index.register_files(&["slow.bin"], slow_holder(&document(100_000), 400)),
    ];
    let index = &index.address.to_string();
    thread::scope(|scope| {
        for (number, (command, code, reason)) in [
            (&["get", "grows.bin"][..], 76, "expected"),
            (&["get", "slow.bin"], 69, "at least 1 KiB a second"),
        ]
        .into_iter()
        .enumerate()
        {
            let mine = directory(root.path(), &number.to_string(), &[]);
            scope.spawn(move || {
                let arguments = [&[index.as_str(), "--share", "."][..], command].concat();
                let (found, output, errors) = run_peer(&arguments, "", &mine);
                assert_eq!(found, code, "{output}{errors}");
                assert!(errors.contains(reason), "{errors}");
                assert_eq!(names(&mine), [] as [&str; 0]);
            });
        }
    });
}
