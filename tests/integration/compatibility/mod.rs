//! Programs of other people at our index server and upload server in compatibility mode (protocol.md appendix
//! B): what they send, in pieces and with pauses, and what they get.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod captured_replies;
mod get_forms;
mod holders;
mod index_of_capture;
mod other_indexes;
mod other_programs;
mod padded_heads;
mod uploaders;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::{Index, PATIENCE, Program, directory, uninterrupted};

/// A connection that sends pieces, and reads what is expected.
struct Client(TcpStream);

impl Client {
    fn to(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Reads exactly this much, and compares it.
    #[track_caller]
    fn expect(&mut self, expected: &[u8]) {
        let mut found = vec![0; expected.len()];
        let result = self.0.read_exact(&mut found);
        let (found, expected) = (found.escape_ascii(), expected.escape_ascii());
        assert_eq!(found.to_string(), expected.to_string(), "{result:?}");
    }

    /// The connection must end without another byte.
    #[track_caller]
    fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.escape_ascii().to_string(), "");
    }
}

/// Requests of an ADD, a LOOKUP that finds it, and one that does not, each with what is replied.
type Conversation = [(&'static [u8], &'static [u8])];

#[track_caller]
fn converse(arguments: &[&str], conversation: &Conversation) {
    let index = Index::start(&[&["--compat"], arguments].concat());
    let mut client = Client::to(index.address);
    for (request, reply) in conversation {
        client.send(request);
        client.expect(reply);
    }
    client.0.shutdown(std::net::Shutdown::Write).unwrap();
    client.expect_end();
}

#[test]
fn line_feeds_without_an_empty_line() {
    converse(
        &[],
        &[
            (b"LIST ALL P2P-CI/1.0\nHost: vm\nPost: 56875\n", b"P2P-CI/1.0 200 OK\n"),
            (
                b"ADD RFC 1 P2P-CI/1.0\nHost: vm\nPost: 56875\nTitle: Host Software\n",
                b"P2P-CI/1.0 200 OK\nRFC 1 Host Software vm 56875\n",
            ),
            (
                b"LOOKUP RFC 9999 P2P-CI/1.0\nHost: vm\nPost: 53131\nTitle: Nope\n",
                b"P2P-CI/1.0 404 Not Found\n",
            ),
        ],
    );
}

#[test]
fn an_unterminated_last_line() {
    converse(
        &["--compat-form", "nothing-found=404"],
        &[
            (
                b"LIST ALL P2P-CI/1.0\r\nHost: vm\r\nPort: 29171",
                b"P2P-CI/1.0 404 Not Found\r\n\r\n",
            ),
            (
                b"ADD RFC 1 P2P-CI/1.0\r\nHost: vm\r\nPort: 29171\r\nTitle: Host Software",
                b"P2P-CI/1.0 200 OK\r\nRFC 1 Host Software vm 29171\r\n\r\n",
            ),
            (b"LEAVE P2P-CI/1.0\r\nHost: vm\r\nPort: 29171", b"P2P-CI/1.0 200 OK\r\n\r\n"),
        ],
    );
}

#[test]
fn the_line_end_ends_requests_and_replies() {
    converse(
        &[],
        &[
            (b"LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\nEND\n", b"P2P-CI/1.0 200 OK\n\n\nEND\n"),
            (
                b"ADD RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\nTitle: t\nEND\n",
                b"P2P-CI/1.0 200 OK\n\nRFC 1 t h 1\n\nEND\n",
            ),
        ],
    );
}

#[test]
fn a_line_end_that_comes_late_ends_the_reply_late() {
    converse(
        &[],
        &[
            (b"LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\n", b"P2P-CI/1.0 200 OK\n"),
            (b"END\n", b"\nEND\n"),
            (b"LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\nEND\n", b"P2P-CI/1.0 200 OK\n\n\nEND\n"),
        ],
    );
}

#[test]
fn padding_and_prefixes() {
    let padded = [&b"LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"[..], &[b'~'; 987]].concat();
    let padded: &'static [u8] = padded.leak();
    converse(
        &[],
        &[
            (padded, b"P2P-CI/1.0 200 OK\n"),
            (
                b"0000000036LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n",
                b"0000000018P2P-CI/1.0 200 OK\n",
            ),
            (b"\0\x24LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n", b"\0\x12P2P-CI/1.0 200 OK\n"),
            (
                b"\x80\x02X\x24\0\0\0LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n.",
                b"\x80\x02X\x12\0\0\0P2P-CI/1.0 200 OK\n.",
            ),
        ],
    );
}

#[test]
fn words_of_joining_and_leaving() {
    let index = Index::start(&["--compat"]);
    let mut client = Client::to(index.address);
    client.send(b"CONNECT 50305 P2P-CI/1.0\n");
    client.send(b"ADD 0951 P2P-CI/1.0\nHost: vm\nTitle: Bootstrap Protocol\n\n");
    client.expect(b"P2P-CI/1.0 200 OK\nRFC 951 Bootstrap Protocol vm 50305\n");
    client.send(b"DEL SELF P2P-CI/1.0\nHost: vm\nPort: 50305\n");
    client.expect(b"P2P-CI/1.0 200 OK\n");
    client.expect_end();
}

#[test]
fn a_request_that_is_complete_by_the_grammar_is_not_delayed() {
    let index = Index::start(&["--compat"]);
    let mut client = Client::to(index.address);
    let request = b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
    // The shortest of several times is below the shortest silence, on a busy machine, too.
    let times = (0..20).map(|_| {
        let begun = Instant::now();
        client.send(request);
        client.expect(b"P2P-CI/1.0 200 OK\r\n\r\n\r\n");
        begun.elapsed()
    });
    let shortest = times.min().unwrap();
    assert!(shortest < Duration::from_millis(40), "{shortest:?}");
}

#[test]
fn without_the_option_nothing_changes() {
    let index = Index::start(&[]);
    let mut client = Client::to(index.address);
    client.send(b"LIST P2P-CI/1.0\nHost: h\nPort: 1\n\n");
    client.expect(b"P2P-CI/1.0 400 Bad Request\r\n\r\n");
}

#[test]
fn other_programs_download_from_our_peer() {
    let root = tempfile::tempdir().unwrap();
    let document = "A document.\n".repeat(2000);
    let shared = directory(
        root.path(),
        "shared",
        &[("rfc1.txt", document.as_bytes()), ("a.txt", document.as_bytes())],
    );
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let arguments = [&address, "--share", ".", "--upload", "127.0.0.1:0", "--compat", "share"];
    let program = Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, &shared);
    let port: u16 = program.line().rsplit_once(':').unwrap().1.parse().unwrap();
    let requests: [&[u8]; 10] = [
        b"GET RFC 1 P2P-CI/1.0\r\nHost: vm\r\nOS: Linux",
        b"GET 1 P2P-CI/1.0\nHost: vm\nOS: Linux\n",
        b"GET RFC1 P2P-CI/1.0\r\nHost 127.0.0.1 \r\nOS Linux\r\n\r\n",
        b"GET RFC 0001 P2P-CI/1.0\nHost: vm\nOS: Linux\n\nEND\n",
        b"GET RFC 1 P2P-CI/1.0\n~~~~~~~~~~~~~~~~~",
        b"GET RFC 1 P2P-CI/1.0\r\nHost: vm\r\n\r\n",
        b"GET file a.txt 1.0\nHost: vm\nOS: Linux\n\n",
        b"0000000040GET RFC 1 P2P-CI/1.0\nHost: vm\nOS: Linux\n",
        b"\0\x28GET RFC 1 P2P-CI/1.0\nHost: vm\nOS: Linux\n",
        b"GET RFC 1 P2P-CI-v1.0.0\nHost: vm\nOS: Linux\n\0\0\0\0\0\0\0\0",
    ];
    for request in requests {
        let mut client = Client::to(([127, 0, 0, 1], port).into());
        client.send(request);
        // One read has the head, and nothing of the document.
        let mut head = [0; 4096];
        let count = uninterrupted(|| client.0.read(&mut head)).unwrap();
        // A prefix of the request comes before the head, too.
        let prefix = request.iter().position(|&byte| byte == b'G').unwrap();
        let head = String::from_utf8_lossy(&head[prefix..count]).into_owned();
        assert!(head.starts_with("P2P-CI/1.0 200 OK"), "{head}");
        assert!(head.contains("Content-Length: 24000"), "{head}");
        let is_end = request.ends_with(b"END\n");
        assert!(head.ends_with(if is_end { "\n\nEND\n" } else { "\r\n\r\n" }), "{head:?}");
        let mut rest = Vec::new();
        client.0.read_to_end(&mut rest).unwrap();
        assert!(rest == document.as_bytes(), "{} bytes", rest.len());
    }
}

#[test]
fn faults_and_unusual_titles_keep_the_connection() {
    converse(
        &[],
        &[
            (
                b"ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: caf\xe9\r\n\r\n",
                b"P2P-CI/1.0 400 Bad Request\r\n\r\n",
            ),
            (
                b"ADD RFC 1 P2P-CI/1.0\r\nTitle: Wow!!!!!!!!\r\nHost: h\r\nPort: 1\r\n\r\n",
                b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 Wow!!!!!!!! h 1\r\n\r\n",
            ),
            (
                b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: abc\r\n\r\n",
                b"P2P-CI/1.0 400 Bad Request\r\n\r\n",
            ),
            (b"LOOKUP RFC 2 P2P-CI/1.0\r\nHost: h\r\n\r\n", b"P2P-CI/1.0 404 Not Found\r\n\r\n"),
        ],
    );
}
