//! The announcements of a holder are not trusted: lengths that no file can have here, bytes after the
//! document, a document without a length, and a document that another process is downloading.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common::holders::{holder, respond};
use crate::common::{Index, Program, Talk, directory, names, peer, run_peer, run_peer_again};

const DOCUMENT: &[u8] = b"a document\n";
/// More than a file may have in the test below.
const MEBIBYTE: usize = 1 << 20;

/// A holder whose replies have these headers and this body; then it closes.
fn fixed(address: Ipv4Addr, headers: String, body: Vec<u8>) -> SocketAddr {
    holder(address, move |stream, _| respond(stream, &headers, &body))
}

/// Registers RFC 7 for each of these holders, the first one first.
fn register(index: &Index, holders: &[SocketAddr]) -> Vec<Talk> {
    let register = |holder: &SocketAddr| {
        let mut talk = index.connect();
        talk.add(7, "Seven", &holder.ip().to_string(), holder.port());
        talk
    };
    holders.iter().map(register).collect()
}

/// Runs a peer whose files may have at most 4 MiB.
fn run_limited(index: &Index, command: &str, directory: &Path) -> (Option<i32>, String) {
    let script = format!("ulimit -f 4096; exec \"$PEER\" \"$INDEX\" --share . {command}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory)
        .env("PEER", env!("CARGO_BIN_EXE_peer"))
        .env("INDEX", index.address.to_string())
        .env("XDG_CACHE_HOME", directory.join(".state"))
        .env("XDG_STATE_HOME", directory.join(".state"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_length_that_no_file_can_have_is_a_failure_of_its_holder() {
    let root = tempfile::tempdir().unwrap();
    let honest = fixed(
        Ipv4Addr::new(127, 0, 0, 2),
        format!("Content-Length: {}\r\n", DOCUMENT.len()),
        DOCUMENT.to_vec(),
    );
    let digest = format!("Digest: sha-256={}\r\n", "c".repeat(64));
    let huge = format!("Content-Length: {}\r\n", 64u64 << 30);
    let here = Ipv4Addr::LOCALHOST;
    let dishonest_holders = [
        ("nothing follows", fixed(here, format!("{huge}{digest}"), Vec::new())),
        ("one piece follows", fixed(here, format!("{huge}{digest}"), vec![b'x'; MEBIBYTE])),
        ("more than a file can have", fixed(here, huge, vec![b'x'; 8 * MEBIBYTE])),
        ("the same without a length", fixed(here, String::new(), vec![b'x'; 8 * MEBIBYTE])),
    ];
    let check = |what: &str, dishonest: SocketAddr, command: &str| {
        let index = Index::start(&[]);
        let _records = register(&index, &[honest, dishonest]);
        let mine = directory(root.path(), &format!("{what} {command}"), &[]);
        let (code, errors) = run_limited(&index, command, &mine);
        let expected = if command == "get 7 8" { 66 } else { 0 };
        assert_eq!(code, Some(expected), "{what}, {command}: {errors}");
        assert_eq!(fs::read(mine.join("rfc7.txt")).unwrap(), DOCUMENT, "{what}, {command}");
        fs::remove_dir_all(mine.join(".state")).unwrap();
        assert_eq!(names(&mine), ["rfc7.txt"], "{what}, {command}");
    };
    // Each download waits before it tries its holders again.
    thread::scope(|scope| {
        for (what, dishonest) in dishonest_holders {
            for command in ["get 7", "sync", "get 7 8"] {
                let check = &check;
                scope.spawn(move || check(what, dishonest, command));
            }
        }
    });
}

/// Downloads documents with each command from one holder that replies so, and checks what each
/// command writes to standard error.
fn each_download(headers: String, body: Vec<u8>, check: impl Fn(&str, &str, SocketAddr)) {
    let root = tempfile::tempdir().unwrap();
    let dishonest = fixed(Ipv4Addr::LOCALHOST, headers, body);
    let index = Index::start(&[]);
    let mut record = index.connect();
    record.add(7, "Seven", "127.0.0.1", dishonest.port());
    record.add(8, "Eight", "127.0.0.1", dishonest.port());
    for command in ["get 7", "get 7 8", "sync"] {
        let mine = directory(root.path(), command, &[]);
        let arguments = format!("{} --share . {command}", index.address);
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let (code, _, errors) = run_peer(&arguments, "", &mine);
        assert_eq!(code, 0, "{errors}");
        assert_eq!(fs::read(mine.join("rfc7.txt")).unwrap(), DOCUMENT);
        check(command, &errors, dishonest);
    }
}

#[test]
fn bytes_after_the_document_are_reported_once_and_ignored() {
    let length = format!("Content-Length: {}\r\n", DOCUMENT.len());
    each_download(length, [DOCUMENT, b"more"].concat(), |command, errors, dishonest| {
        let reports =
            errors.matches("sent more than Content-Length says: `more` is ignored").count();
        assert_eq!(reports, 1, "{command}: {errors}");
        assert!(errors.contains(&dishonest.to_string()), "{errors}");
    });
}

#[test]
fn a_document_without_a_length_may_be_truncated() {
    each_download(String::new(), DOCUMENT.to_vec(), |command, errors, _| {
        assert!(errors.contains("of RFC 7: it may be truncated"), "{command}: {errors}");
    });
}

/// Two processes download one document: the second one waits, and its holder is not blamed.
#[test]
fn a_second_get_waits_for_the_first_one() {
    let root = tempfile::tempdir().unwrap();
    let document: Vec<u8> = (0..12 * MEBIBYTE).map(|at| (at % 251).to_le_bytes()[0]).collect();
    let digest = digest_of(&document);
    let (begun, has_begun) = channel();
    let (begun, document) = (Mutex::new(begun), Arc::new(document));
    let (go, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let begun = Arc::new(begun);
    let sent = Arc::clone(&document);
    // It sends one half, and the rest when the test says so.
    let slow = holder(Ipv4Addr::LOCALHOST, move |stream: &mut TcpStream, request: &str| {
        let range = request.split("bytes=").nth(1).and_then(|rest| {
            let (first, last) = rest.split("\r\n").next()?.split_once('-')?;
            Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()))
        });
        let (first, last) = range.unwrap_or((0, None));
        let last = last.unwrap_or(sent.len() - 1).min(sent.len() - 1);
        let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
        let part = match range {
            Some(_) => format!("Content-Range: bytes {first}-{last}/{}\r\n", sent.len()),
            None => String::new(),
        };
        let count = last + 1 - first;
        let head = format!(
            "P2P-CI/1.0 {status}\r\nContent-Length: {count}\r\n{part}Digest: {digest}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let middle = first + count / 2;
        stream.write_all(&sent[first..middle])?;
        let _ = begun.lock().unwrap().send(());
        // The sender is dropped when all threads may continue.
        let _ = gate.lock().unwrap().recv();
        stream.write_all(&sent[middle..=last])
    });
    let index = Index::start(&[]);
    let _records = register(&index, &[slow]);
    let (mine, state) = (directory(root.path(), "mine", &[]), tempfile::tempdir().unwrap());
    let mut first = peer(index.address, &["--share", ".", "get", "7"], &mine);
    has_begun.recv().unwrap();
    let second = Program::start_again(
        env!("CARGO_BIN_EXE_peer"),
        &[&index.address.to_string(), "--share", ".", "get", "7"],
        state.path(),
        &mine,
    );
    second.error_with("another process is downloading RFC 7 here");
    drop(go);
    assert!(first.wait().success());
    let mut second = second;
    assert!(second.wait().success());
    let said = second.errors().join("\n");
    assert!(!said.contains(&slow.port().to_string()), "{said}");
    assert_eq!(fs::read(mine.join("rfc7.txt")).unwrap(), *document);
    assert_eq!(names(&mine), ["rfc7.txt"]);
    // Neither does the journal name the holder.
    let address = index.address.to_string();
    let (code, why, _) =
        run_peer_again(&[&address, "--share", ".", "why", "7"], state.path(), &mine);
    assert_eq!(code, 0, "{why}");
    assert!(!why.contains(&slow.port().to_string()) && !why.contains("given up"), "{why}");
    assert!(why.contains("found here"), "{why}");
}

fn digest_of(bytes: &[u8]) -> String {
    let mut hasher = p2p_ci::library::Hasher::default();
    hasher.update(bytes);
    hasher.finish().to_string()
}
