//! Each field of the dissector is a filter that selects frames.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::pcapng::{Capture, Side};
use crate::wireshark::samples::{self, SAMPLES};
use crate::wireshark::tshark::{Tshark, all_fields};
use crate::wireshark::violations::{self, expand};

use Side::{Client, Server};

/// Segments of connections with what neither the sample captures nor the violations that are tested one by one
/// have. `{x}` stands for 2,100 times `x`.
const CONVERSATIONS: &[&[(Side, &str)]] = &[
    // Extensions.
    &[
        (
            Client,
            "LOOKUP RFC 1 P2P-CI/1.0\r\n{H}Want-Cluster: 1\r\nWant-Attributes: 1\r\nX-Note: 1\r\n\r\n",
        ),
        (
            Server,
            "P2P-CI/1.0 404 Not Found\r\nReason: no peer has it\r\nAttributes: 1\r\nCluster: a\r\n\
             Cluster-Server: h:1\r\n\r\n",
        ),
    ],
    &[(Client, "{GET}Want-Digest: sha-256\r\nRange: bytes=1-2\r\n\r\n")],
    // The rest of a message arrives after a pause.
    &[(Client, "LIST ALL P2P-CI/1.0\nHost: h\n"), (Client, "Port: 1\n")],
    &[(Client, "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"), (Client, "\n")],
    // Violations.
    &[(Client, "LIST ALL P2P-CI/1.0\r\nHost: a\rb\r\nPort: 5678\r\n\r\n")],
    &[(Client, "LOOKUP RFC 1 P2P-CI/1.0\r\n{H}Title: t\r\n\r\n")],
    &[(Client, "ADD RFC 1 P2P-CI/1.0\r\n{H}Title: {x}\r\n\r\n")],
    &[
        (Client, "LIST ALL P2P-CI/1.0\r\n{H}\r\n"),
        (Server, "P2P-CI/1.0 400 Bad Request\r\nReason: {x}\r\n\r\n"),
    ],
    &[(Client, "{GET}Want-Digest: md5\r\nConnection: open\r\nRange: lines=1-2\r\n\r\n")],
    &[
        (Client, "{GET}Range: bytes=0-0\r\n\r\n"),
        (
            Server,
            "P2P-CI/1.0 206 Partial Content\r\n{HEAD}Content-Length: 1\r\nContent-Type: a\r\n\
             Content-Range: 0-0\r\n\r\nx",
        ),
    ],
    &[
        (Client, "LOOKUP RFC 1 P2P-CI/1.0\r\n{H}Want-Cluster: yes\r\nWant-Attributes: yes\r\n\r\n"),
        (Server, "P2P-CI/1.0 404 Not Found\r\nCluster: a b\r\nCluster-Server: here\r\n\r\n"),
    ],
    &[
        (Client, "LIST ALL P2P-CI/1.0\r\n{H}\r\n"),
        (Server, "P2P-CI/1.0 400 Bad Request\r\nRFC 1 t h 5\r\n\r\n"),
    ],
    &[
        (Client, "{GET}\r\n"),
        (Server, "{OK}\r\n{HEAD}no header\r\nContent-Length: 1\r\nContent-Type: a\r\n\r\nx"),
    ],
    &[(Client, "{GET}\r\n"), (Server, "{OK}{HEAD}Content-Type: a\r\n\r\nx")],
    &[(Client, "{GET}\r\n"), (Server, "{OK}{HEAD}Content-Length: 9\r\nContent-Type: a\r\n\r\nx")],
    &[
        (Client, "{GET}\r\n"),
        (Server, "{OK}{HEAD}Content-Length: 1\r\nContent-Type: a\r\n\r\nx"),
        (Client, "{GET}\r\n"),
    ],
    &[(Client, "LIST ALL P2P-CI/1.0\r\n{H}X-Note: {x}{x}\r\n\r\n")],
    &[(Client, "LIST ALL P2P-CI/1.0\r\n{H}{head}\r\n")],
    &[(Client, "LIST ALL P2P-CI/1.0\r\n{H}{headers}\r\n")],
];

fn write_conversations(path: &Path) {
    let filled = |text: &str| {
        let headers: String = (0..40).map(|number| format!("X-{number}: 1\r\n")).collect();
        let text = text.replace("{headers}", &headers).replace("{head}", &"X: {x}\r\n".repeat(9));
        expand(&text).replace("{x}", &"x".repeat(2_100)).into_bytes()
    };
    let mut capture = Capture::create(path);
    // No text.
    let no_text: [&[u8]; 2] = [
        b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nX: \xff\r\n\r\n",
        b"\x80\x03X\x01\0\0\0Lq\0.",
    ];
    for (at, bytes) in (0..).zip(no_text) {
        let mut connection = capture.connect(39_000 + at, 7734);
        capture.send(&mut connection, Client, bytes);
    }
    for (at, conversation) in (0..).zip(CONVERSATIONS) {
        let is_upload = conversation.iter().any(|(_, text)| text.starts_with("{GET}"));
        let mut connection = capture.connect(40_000 + at, if is_upload { 5678 } else { 7734 });
        for (side, text) in *conversation {
            let bytes = filled(text);
            bytes.chunks(1_400).for_each(|bytes| capture.send(&mut connection, *side, bytes));
        }
        capture.finish(&mut connection, Server);
        capture.finish(&mut connection, Client);
    }
    capture.close();
}

#[test]
fn each_field_selects_a_frame() {
    let Some(tshark) = Tshark::find() else { return };
    let (of_violations, others) =
        (tshark.directory().join("violations.pcapng"), tshark.directory().join("others.pcapng"));
    violations::write(&of_violations);
    write_conversations(&others);
    let names = violations::names().into_iter().map(|name| format!("p2pci.violation.{name}"));
    let mut left: BTreeSet<String> = all_fields().into_iter().chain(names).collect();
    assert!(left.len() > 150, "{left:?}");
    let samples = SAMPLES.iter().map(|(name, _)| samples::directory().join(name));
    for capture in samples.chain([of_violations, others]) {
        let names: Vec<&str> = left.iter().map(String::as_str).collect();
        // The first of two passes does not know yet what comes later.
        let rows = tshark.fields(&capture, &["-2"], &names.join(" || "), &names);
        let is_found =
            |at: usize| rows.iter().any(|row| row.get(at).is_some_and(|cell| !cell.is_empty()));
        let found: Vec<String> = names
            .iter()
            .enumerate()
            .filter(|(at, _)| is_found(*at))
            .map(|(_, name)| (*name).to_string())
            .collect();
        assert!(!found.is_empty(), "{}", capture.display());
        left.retain(|name| !found.contains(name));
    }
    assert_eq!(left, BTreeSet::new(), "no frame has these fields");
}
