//! The programs of the pages, with the programs of this crate.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::{file, has};
use crate::common::{self, Index, Program};

/// Runs `p2p-ci check`: its exit code, and what failed.
fn check(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    let Output { status, stdout, .. } = command.arg("check").args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap())
}

/// Starts the peer of the page; returns it and its port.
fn python_peer(index: &Index, directory: &Path) -> (Program, u16) {
    let program = file("examples/python/client.py");
    let port = index.address.port().to_string();
    let arguments = [program.to_str().unwrap(), "127.0.0.1", &port, "."];
    let peer = Program::start("python3", &arguments, directory);
    loop {
        let line = peer.line();
        if let Some(port) = line.strip_prefix("serving on port ") {
            return (peer, port.parse().unwrap());
        }
        assert!(line.contains(": 200 OK: RFC "), "{line}");
    }
}

#[test]
fn the_client_exchanges_documents_with_our_programs() {
    if !has("python3") {
        return;
    }
    for options in [&[][..], &["--compat"]] {
        let root = tempfile::tempdir().unwrap();
        let index = Index::start(options);
        let text = "Host Software\n\nA text of two paragraphs.\n";
        let theirs =
            common::directory(root.path(), "their directory", &[("rfc1.txt", text.as_bytes())]);
        let ours = common::directory(root.path(), "our directory", &[("rfc2.txt", b"second\n")]);
        let (mut peer, port) = python_peer(&index, &theirs);
        let (_ours, our_port) = common::share(index.address, &ours);
        peer.type_line("list");
        assert_eq!(peer.line(), "200 OK");
        let of_first = format!("RFC 1 Host Software A text of two paragraphs. 127.0.0.1 {port}");
        assert_eq!(peer.line(), of_first);
        assert!(peer.line().starts_with("RFC 2 "));
        peer.type_line("lookup 9");
        assert_eq!(peer.line(), "404 Not Found");
        peer.type_line("get 2");
        let saved = peer.line();
        assert!(
            saved.starts_with("saved rfc2.txt from ") && saved.ends_with(&our_port.to_string())
        );
        assert_eq!(peer.line(), "200 OK");
        assert_eq!(fs::read(theirs.join("rfc2.txt")).unwrap(), b"second\n");
        let address = index.address.to_string();
        let third = common::directory(root.path(), "third", &[]);
        let (code, _, errors) =
            common::run_peer(&[&address, "--share", ".", "get", "1"], "", &third);
        assert_eq!(code, 0, "{errors}");
        assert_eq!(fs::read_to_string(third.join("rfc1.txt")).unwrap(), text);
        let uploader = format!("127.0.0.1:{port}");
        let (code, output) = check(&["uploader", &uploader, "1", "--level", "robust"]);
        assert_eq!(code, 0, "{output}");
        // It leaves when its input ends.
        assert!(peer.end_input().success());
        index.wait_for_records(1);
    }
}

#[test]
fn the_client_passes_all_cases() {
    if !has("python3") {
        return;
    }
    let program = file("examples/python/client.py");
    let start = format!("python3 '{}' {{host}} {{port}} {{dir}}", program.display());
    let menu = file("examples/python/client-menu.txt");
    let arguments = ["peer", "--start", &start, "--menu", menu.to_str().unwrap()];
    let (code, output) = check(&[&arguments[..], &["--level", "robust"]].concat());
    assert_eq!(code, 0, "{output}");
}

#[test]
fn the_server_passes_all_cases_and_serves_our_peers() {
    if !has("python3") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let program = file("examples/python/server.py");
    let server = Program::start("python3", &[program.to_str().unwrap(), "0"], root.path());
    let line = server.line();
    let port = line.strip_prefix("listening on port ").unwrap();
    let address = format!("127.0.0.1:{port}");
    let (code, output) = check(&["server", &address, "--level", "robust"]);
    assert_eq!(code, 0, "{output}");
    let directory = common::directory(root.path(), "shared", &[("rfc7.txt", b"Seven\n\ntext\n")]);
    let (_peer, _) = common::share(address.parse().unwrap(), &directory);
    let other = common::directory(root.path(), "other", &[]);
    let (code, _, errors) = common::run_peer(&[&address, "--share", ".", "get", "7"], "", &other);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(fs::read(other.join("rfc7.txt")).unwrap(), b"Seven\n\ntext\n");
}
