//! Eleven other programs: what their clients sent to their own servers and uploaders is sent to ours.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::common::captures::{self, Event};
use crate::common::{Index, PATIENCE, Program, directory, in_parallel, skip_without_sample};

/// A program, and the statuses of the replies to its requests, in the order of the capture: from the index
/// server, and from the uploader. `*` stands for no reply.
const PROGRAMS: [(char, &str); 11] = [
    ('a', "200 200 200 200 404 200 200 200 | 200"),
    ('b', "200 200 404 | 200"),
    ('c', "200 200 200 404 404 200 | 200"),
    ('d', "200 200 200 200 404 505 200 200 200 200 | "),
    ('e', "200 200 200 200 404 | 200"),
    ('f', "200 200 200 200 404 200 | 200"),
    ('g', "200 200 200 200 404 400 | 200"),
    ('h', "200 200 200 200 404 200 200 | 200"),
    ('i', "200 200 200 200 404 200 200 200 200 | 200"),
    ('j', "200 200 200 200 404 200 | 200"),
    ('k', "200 200 200 200 404 200 200 200 200 | 200"),
];

/// Reads a reply until nothing more has come for this time. An upload server closes the connection after a document.
fn reply(stream: &mut TcpStream, quiet: Duration) -> Vec<u8> {
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        reply.extend_from_slice(&buffer[..count]);
        stream.set_read_timeout(Some(quiet)).unwrap();
    }
    reply
}

/// The code of a status line, or what stands for it.
fn code(reply: &[u8]) -> String {
    let line = String::from_utf8_lossy(reply);
    let mut words = line.split_ascii_whitespace();
    match words.next() {
        Some("P2P-CI/1.0" | "P2PCI/1.0") => words.next().unwrap_or("*").to_string(),
        Some(_) => "?".into(),
        None => "*".into(),
    }
}

/// Sends what the clients of a program sent, each to our server of that kind. Returns the codes of the replies.
fn replay(text: &str, index: SocketAddr, uploader: SocketAddr) -> String {
    let lines: Vec<_> = captures::lines(text).flatten().collect();
    let index_port = lines.first().unwrap().port;
    let mut streams = HashMap::new();
    let (mut from_index, mut from_uploader) = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        match &line.event {
            Event::Connect(_) => {
                let address = if line.port == index_port { index } else { uploader };
                let stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                streams.insert(line.stream, stream);
            }
            Event::Bytes { from_client: true, bytes, is_divided } => {
                let stream = streams.get_mut(line.stream).unwrap();
                let length = if *is_divided { 1 } else { bytes.len() };
                // A server that has closed the connection resets it.
                bytes.chunks(length).for_each(|part| drop(stream.write_all(part)));
                let mut later =
                    lines.iter().skip(at + 1).filter(|other| other.stream == line.stream);
                let is_answered = later.next().is_some_and(|next| {
                    matches!(next.event, Event::Bytes { from_client: false, .. })
                });
                if is_answered {
                    let is_index = line.port == index_port;
                    let quiet = if is_index { Duration::from_millis(150) } else { PATIENCE };
                    let reply = reply(stream, quiet);
                    match is_index {
                        true => from_index.push(code(&reply)),
                        false => {
                            let is_whole = reply.ends_with(DOCUMENT.as_bytes());
                            from_uploader.push(if is_whole { code(&reply) } else { "cut".into() });
                        }
                    }
                }
            }
            _ => {}
        }
    }
    format!("{} | {}", from_index.join(" "), from_uploader.join(" "))
}

const DOCUMENT: &str = "The document that all of them download.\n";

#[test]
fn clients_of_other_programs_are_answered() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if !samples.is_dir() {
        return skip_without_sample(&samples);
    }
    let root = tempfile::tempdir().unwrap();
    let document = DOCUMENT.as_bytes();
    let shared =
        directory(root.path(), "shared", &[("rfc1.txt", document), ("rfc951.txt", document)]);
    in_parallel(PROGRAMS, |(letter, expected)| {
        let index = Index::start(&["--compat"]);
        let own = Index::start(&[]);
        let address = own.address.to_string();
        let arguments = [&address, "--share", ".", "--upload", "127.0.0.1:0", "--compat", "share"];
        let program = Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, &shared);
        let uploader = program.line().strip_prefix("uploading from ").unwrap().parse().unwrap();
        let text = std::fs::read_to_string(samples.join(format!("program-{letter}.txt"))).unwrap();
        assert_eq!(replay(&text, index.address, uploader), expected, "program {letter}");
    });
}

#[test]
fn segments_are_restored() {
    assert_eq!(captures::segment("b'ab' ...<6 bytes total>... b'cd'").unwrap(), b"ab..cd");
    assert_eq!(captures::segment("b'~~' ...<6 bytes total>... b'~~'").unwrap(), b"~~~~~~");
    assert_eq!(captures::segment("b'abc' ...<2 bytes total>... b'abc'"), None);
}
