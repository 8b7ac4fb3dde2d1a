//! Messages in any segments: the fields are the same. Random bytes cause no error.

use std::path::PathBuf;

use crate::common::pcapng::{Capture, Connection, Side};
use crate::wireshark::tshark::{PASSES, Tshark};

/// Pseudo-random numbers (xorshift), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

const INDEX: [(Side, &str); 8] = [
    (
        Side::Client,
        "ADD RFC 123 P2P-CI/1.0\r\nHost: one.example\r\nPort: 5678\r\nTitle: A Title\r\n\r\n",
    ),
    (Side::Server, "P2P-CI/1.0 200 OK\r\n\r\nRFC 123 A Title one.example 5678\r\n\r\n"),
    (Side::Client, "LOOKUP RFC 9 P2P-CI/1.0\r\nHost: one.example\r\nPort: 5678\r\n\r\n"),
    (Side::Server, "P2P-CI/1.0 404 Not Found\r\n\r\n"),
    (Side::Client, "LIST ALL P2P-CI/1.0\r\nHost: one.example\r\nPort: 5678\r\n\r\n"),
    (
        Side::Server,
        "P2P-CI/1.0 200 OK\r\n\r\nRFC 123 A Title one.example 5678\r\nRFC 456 B two.example 5679\r\n\r\n",
    ),
    (Side::Client, "LIST FILES P2P-CI/1.0\r\nHost: one.example\r\nPort: 5678\r\n\r\n"),
    (Side::Server, "P2P-CI/1.0 200 OK\r\n\r\n\r\n"),
];

const UPLOAD: [(Side, &str); 2] = [
    (Side::Client, "GET RFC 123 P2P-CI/1.0\r\nHost: one.example\r\nOS: Linux 6.1\r\n\r\n"),
    (
        Side::Server,
        "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Linux 6.1\r\n\
         Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: 22\r\n\
         Content-Type: text/plain\r\n\r\n\r\nRFC 123: A document.",
    ),
];

/// Writes a capture whose messages are cut into segments by `cut`: the length of the next one.
fn capture(tshark: &Tshark, name: &str, mut cut: impl FnMut(usize) -> usize) -> PathBuf {
    let path = tshark.directory().join(name);
    let mut capture = Capture::create(&path);
    let mut send =
        |capture: &mut Capture, connection: &mut Connection, messages: &[(Side, &str)]| {
            for (side, message) in messages {
                let mut rest = message.as_bytes();
                while !rest.is_empty() {
                    let (part, left) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
                    capture.send(connection, *side, part);
                    rest = left;
                }
            }
        };
    let mut index = capture.connect(40_000, 7734);
    let mut upload = capture.connect(40_001, 5678);
    send(&mut capture, &mut index, &INDEX);
    send(&mut capture, &mut upload, &UPLOAD);
    capture.close();
    path
}

/// What the dissector finds, without the numbers of frames.
fn found(tshark: &Tshark, capture: &std::path::Path, passes: &[&str]) -> Vec<Vec<String>> {
    let fields = [
        "method",
        "scope",
        "rfc",
        "host",
        "port",
        "title",
        "status",
        "record.rfc",
        "record.title",
        "record.host",
        "record.port",
        "record.count",
        "content_length",
        "content_type",
        "document",
        "os",
        "dialect",
    ];
    let found = tshark.found(capture, passes);
    fields.iter().map(|field| found[&format!("p2pci.{field}")].clone()).collect()
}

#[test]
fn messages_in_any_segments_have_the_same_fields() {
    let Some(tshark) = Tshark::find() else { return };
    let whole = found(&tshark, &capture(&tshark, "whole.pcapng", |length| length), &[]);
    assert_eq!(whole[0], ["ADD", "LOOKUP", "LIST", "LIST", "GET"]);
    assert_eq!(whole[14].len(), 1);
    assert_eq!(whole.last().unwrap(), &Vec::<String>::new());
    for passes in PASSES {
        let bytes = capture(&tshark, "bytes.pcapng", |_| 1);
        assert_eq!(found(&tshark, &bytes, passes), whole, "{passes:?}");
    }
    let mut random = Random(21);
    for round in 0..24 {
        let longest = [3, 20, 60][round % 3];
        let name = format!("random-{round}.pcapng");
        let cut = capture(&tshark, &name, |_| 1 + random.below(longest));
        // After one pass a message that seemed to be complete has fields both there and where it is complete.
        assert_eq!(found(&tshark, &cut, &["-2"]), whole, "{name}");
    }
}

#[test]
fn a_list_of_any_length_has_all_records() {
    let Some(tshark) = Tshark::find() else { return };
    let path = tshark.directory().join("long.pcapng");
    let mut capture = Capture::create(&path);
    let mut connection = capture.connect(40_000, 7734);
    let records: String = (1..=12_000)
        .map(|rfc| format!("RFC {rfc} A title of some words one.example 5678\r\n"))
        .collect();
    capture.send(&mut connection, INDEX[4].0, INDEX[4].1.as_bytes());
    capture.send(
        &mut connection,
        Side::Server,
        format!("P2P-CI/1.0 200 OK\r\n\r\n{records}\r\n").as_bytes(),
    );
    capture.send(&mut connection, INDEX[2].0, INDEX[2].1.as_bytes());
    capture.send(&mut connection, INDEX[3].0, INDEX[3].1.as_bytes());
    capture.close();
    for passes in PASSES {
        let found = tshark.found(&path, passes);
        let records = &found["p2pci.record.rfc"];
        let expected: Vec<String> = (1..=12_000).map(|rfc| rfc.to_string()).collect();
        assert!(*records == expected, "{passes:?}: {} records", records.len());
        assert_eq!(found["p2pci.status"], ["200", "404"]);
        assert_eq!(found["p2pci.section"], Vec::<String>::new());
    }
}

#[test]
fn pipelined_requests_are_linked_to_their_responses() {
    let Some(tshark) = Tshark::find() else { return };
    let path = tshark.directory().join("pipeline.pcapng");
    let mut capture = Capture::create(&path);
    let mut connection = capture.connect(40_000, 7734);
    let (requests, responses): (String, String) =
        (0..4).map(|at| (INDEX[2 * at].1, INDEX[2 * at + 1].1)).unzip();
    capture.send(&mut connection, Side::Client, requests.as_bytes());
    capture.send(&mut connection, Side::Server, responses.as_bytes());
    capture.close();
    for passes in PASSES {
        let rows =
            tshark.fields(&path, passes, "p2pci.status", &["p2pci.status", "p2pci.request_in"]);
        assert_eq!(rows, [["200|404|200|200", "4|4|4|4"]]);
        assert_eq!(tshark.found(&path, passes)["p2pci.section"], Vec::<String>::new());
    }
}

#[test]
fn random_bytes_cause_no_error() {
    let Some(tshark) = Tshark::find() else { return };
    let pieces: [&[u8]; 40] = [
        b"ADD RFC 1 P2P-CI/1.0\r\n",
        b"Host: h\r\n",
        b"Port: 5\r\n",
        b"Title: t\r\n",
        b"\r\n",
        b"\n",
        b"END\n",
        b"P2P-CI/1.0 200 OK\r\n",
        b"RFC 1 t h 5\r\n",
        b"GET RFC 1 P2P-CI/1.0\r\n",
        b"OS: x\r\n",
        b"QUIT",
        b"Content-Length: 5\r\n",
        b"Content-Type: text/plain\r\n",
        b"Digest: sha-256=",
        b"~~~~~~~~~~~~~~",
        b"\0\0\0\0\0\0\0\0\0\0",
        b"0000000042",
        b"\0\x15",
        b"\x80\x03",
        b"Range: bytes=1-\r\n",
        b"12  ",
        b"Content-Range: bytes 1-2/3\r\n",
        b"FILE %2e%2e P2P-CI/1.0\r\n",
        b"LIST ALL P2P-CI/1.0\r\n",
        b"P2P-CI/1.0 404 Not Found\r\n",
        b"Reason: x\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"RFC 1  h 5\r\n",
        b"1 h 5\n",
        b":\r\n",
        b" : x\r\n",
        b"SEARCH ALL P2P-CI/1.0\r\n",
        b"Limit: 0\r\n",
        b"\xff\xfe",
        b" ",
        b"RFC 1 t h 99999\r\n",
        b"P2P-CI/1.0 206 Partial Content\r\n",
        b"CONNECT 1\n",
        b"Content-Length: 9999999999999999999\r\n",
    ];
    let path = tshark.directory().join("random.pcapng");
    let mut capture = Capture::create(&path);
    let mut random = Random(7734);
    for port in 0..600 {
        let server = if random.below(3) == 0 { 9_000 + port } else { 7734 };
        let mut connection = capture.connect(40_000 + port % 20_000, server);
        for _ in 0..=random.below(10) {
            let mut bytes = Vec::new();
            for _ in 0..=random.below(5) {
                match random.below(3) {
                    0 => bytes.extend(
                        (0..random.below(40)).map(|_| u8::try_from(random.below(256)).unwrap()),
                    ),
                    _ => bytes.extend(pieces[random.below(pieces.len())]),
                }
            }
            bytes.truncate(1 + random.below(bytes.len() + 1));
            let side = if random.below(2) == 0 { Side::Client } else { Side::Server };
            capture.send(&mut connection, side, &bytes);
        }
        if random.below(2) == 0 {
            capture.finish(&mut connection, Side::Server);
        }
    }
    capture.close();
    let apart = ["-o", "tcp.desegment_tcp_streams:FALSE"];
    for options in [PASSES[0], PASSES[1], &apart] {
        let tree = tshark.tree(&path, options);
        assert!(tree.matches("\nP2P-CI, ").count() > 500, "{options:?}");
    }
}
