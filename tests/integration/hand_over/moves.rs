//! Where a document is after its reader has all of it, or not.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use super::{ask, head, lender};
use crate::common::{Index, directory, names, skip};

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
    let shared = directory(root.path(), "shared", &[("file", b"old")]);
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
    let shared = directory(root.path(), "shared", &[("file", b"old")]);
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
    let shared = directory(root.path(), "shared", &[("file", b"second")]);
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
    let shared = directory(root.path(), "shared", &[("document", b"bytes")]);
    fs::write(shared.join("handed-over"), "a file, not a directory").unwrap();
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    drop(take(address, "document"));
    program.error_with("stays here");
    assert_eq!(fs::read(shared.join("document")).unwrap(), b"bytes");
}

/// Without a descriptor the peer cannot find out whether its reader has acknowledged everything.
#[cfg(target_os = "linux")]
#[test]
fn in_doubt_the_document_stays() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("file", b"bytes")]);
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    let stream = take(address, "file");
    let process = program.id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &process, "--nofile=3:"]).status();
    if !limited.is_ok_and(|status| status.success()) {
        skip("there is no `prlimit`");
        return;
    }
    drop(stream);
    program.error_with("stays here");
    assert_eq!(names(&shared), ["file"]);
}

/// The link could lead to any directory, which hand-over must not fill.
#[cfg(unix)]
#[test]
fn a_document_does_not_move_through_a_link() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("file", b"bytes")]);
    let other = directory(root.path(), "other", &[]);
    std::os::unix::fs::symlink(&other, shared.join("handed-over")).unwrap();
    let index = Index::start(&[]);
    let (program, address) = lender(&index, &shared);
    drop(take(address, "file"));
    let error = program.error_with("stays here");
    assert!(error.contains("expected a directory `./handed-over`"), "{error}");
    assert!(names(&other).is_empty());
    assert_eq!(fs::read(shared.join("file")).unwrap(), b"bytes");
}
