//! The examples in the explanations of `--explain`: each request line that one names is accepted as it
//! is written, and each header as well.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;

use crate::common::{Index, Talk, peer};

const VERSION: &str = " P2P-CI/1.0";
/// Mistakes of people who type requests; both kinds of server get all of them.
const MISTAKES: [&str; 24] = [
    "P2P-CI/1.0",
    "LIST P2P-CI/1.0",
    "LIST RFC P2P-CI/1.0",
    "LIST ALL",
    "list all P2P-CI/1.0",
    "SEARCH P2P-CI/1.0",
    "SEARCH tcp P2P-CI/1.0",
    "LOOKUP P2P-CI/1.0",
    "LOOKUP 793 P2P-CI/1.0",
    "LOOKUP RFC793 P2P-CI/1.0",
    "LOOKUP RFC 0793 P2P-CI/1.0",
    "ADD P2P-CI/1.0",
    "ADD 793 P2P-CI/1.0",
    "REMOVE P2P-CI/1.0",
    "REMOVE RFC793 P2P-CI/1.0",
    "GET P2P-CI/1.0",
    "GET 793 P2P-CI/1.0",
    "GET RFC793 P2P-CI/1.0",
    "Host: somehost.csc.ncsu.edu",
    "hello",
    "LIST ALL P2P-CI/1.0\r\nHost localhost",
    "LIST ALL P2P-CI/1.0\r\nlocalhost",
    "LIST ALL P2P-CI/1.0\r\n: localhost",
    "LIST ALL P2P-CI/1.0\r\nHost: localhost\r\nPort: x",
];

/// The first line of the reply, and its explanation.
fn ask(server: SocketAddr, request: &str) -> (String, String) {
    let mut talk = Talk::to(server);
    talk.say(format!("{request}\r\n\r\n"));
    let reply = talk.reply();
    let reason = reply.iter().find_map(|line| line.strip_prefix("Reason: "));
    (reply.first().cloned().unwrap_or_default(), reason.unwrap_or_default().to_string())
}

/// Sends every example that a server names when it explains a mistake, with what a request needs
/// besides; returns their number. `request_line` is one that the server accepts.
fn check(server: SocketAddr, request_line: &str, headers: &str) -> usize {
    let mut checked = 0;
    for mistake in MISTAKES {
        let (_, reason) = ask(server, mistake);
        assert!(reason.contains("expected "), "{mistake:?}: {reason}");
        let expected = reason.split(", found ").next().unwrap_or_default();
        // Every second part is between two backticks.
        for example in expected.split('`').skip(1).step_by(2) {
            let first = example.split(' ').next().unwrap_or_default();
            let request = if ["LIST", "LOOKUP", "ADD", "REMOVE", "SEARCH", "GET"].contains(&first) {
                assert!(example.ends_with(VERSION), "{mistake:?}: {reason}");
                format!("{example}\r\n{headers}")
            } else if example.starts_with("Host: ") && headers.starts_with("Host: h\r\n") {
                format!("{request_line}\r\n{}", headers.replacen("Host: h", example, 1))
            } else {
                continue;
            };
            let (status, reason) = ask(server, &request);
            assert!(!status.contains(" 400 "), "{mistake:?}: {request:?}: {status} {reason}");
            checked += 1;
        }
    }
    checked
}

#[test]
fn an_index_names_requests_that_it_accepts() {
    let index = Index::start(&["--explain"]);
    let checked =
        check(index.address, "LIST ALL P2P-CI/1.0", "Host: h\r\nPort: 5678\r\nTitle: tcp");
    assert!(checked >= 15, "{checked}");
}

#[test]
fn an_upload_server_names_requests_that_it_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--explain", "share"];
    let program = peer(index.address, &arguments, directory.path());
    let line = program.line();
    let address = line.strip_prefix("uploading from ").unwrap().parse().unwrap();
    let checked = check(address, "GET RFC 793 P2P-CI/1.0", "Host: h\r\nOS: test");
    assert!(checked >= 3, "{checked}");
}
