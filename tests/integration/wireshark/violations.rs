//! Violations of protocol.md, each with its section, and forms of other programs.

use std::path::Path;

use crate::common::pcapng::{Capture, Side};
use crate::wireshark::tshark::{PASSES, Tshark};

const HEADERS: &str = "Host: h\r\nPort: 5678\r\n";

const OK: &str = "P2P-CI/1.0 200 OK\r\n";

const HEAD: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: x\r\n\
                    Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\n";

/// A request, the reply, and the violations by name that they must have, besides violations without which
/// the ones in question cannot be.
const CASES: &[(&str, &str, &[&str])] = &[
    // Requests.
    ("ADD RFC 01 P2P-CI/1.0\r\n{H}Title: t\r\n\r\n", "", &["rfc_zero"]),
    ("ADD RFC 1234567890 P2P-CI/1.0\r\n{H}Title: t\r\n\r\n", "", &["rfc_number"]),
    ("ADD RFC1 P2P-CI/1.0\r\n{H}Title: t\r\n\r\n", "", &["rfc_word"]),
    ("ADD 951 P2P-CI/1.0\r\n{H}Title: t\r\n\r\n", "", &["rfc_word"]),
    ("ADD FILE ..%2Fx P2P-CI/1.0\r\n{H}Title: t\r\n\r\n", "", &["file_name"]),
    ("ADD RFC 1 2 P2P-CI/1.0\r\n{H}Title: t\r\n\r\n", "", &["words"]),
    ("ADD RFC 1 P2P-CI/2.0\r\n{H}Title: t\r\n\r\n", "", &["version"]),
    ("ADD RFC 1 P2P-CI/1.0\r\n{H}\r\n", "", &["header_missing"]),
    ("ADD RFC 1 P2P-CI/1.0\r\n{H}Title: t\r\nDigest: sha-256=12\r\n\r\n", "", &["digest"]),
    ("ADD RFC 1 P2P-CI/1.0\r\n{H}Title: t\r\nLength: many\r\n\r\n", "", &["length"]),
    ("LIST P2P-CI/1.0\r\n{H}\r\n", "", &["list_words"]),
    ("LISTALL P2P-CI/1.0\r\n{H}\r\n", "", &["list_words"]),
    ("list ALL P2P-CI/1.0\r\n{H}\r\n", "", &["method_unknown"]),
    ("LEAVE P2P-CI/1.0\r\n{H}\r\n", "", &["method_leave"]),
    ("CONNECT 5678 P2P-CI/1.0\r\n\r\n", "", &["method_connect"]),
    ("LIST  ALL P2P-CI/1.0\r\n{H}\r\n", "", &["blanks"]),
    ("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 99999\r\n\r\n", "", &["port"]),
    ("LIST ALL P2P-CI/1.0\r\nHost: a b\r\nPort: 5678\r\n\r\n", "", &["host"]),
    ("LIST ALL P2P-CI/1.0\r\nHost h\r\nPort: 5678\r\n\r\n", "", &["header_colon"]),
    ("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPost: 5678\r\n\r\n", "", &["header_name"]),
    ("LIST ALL P2P-CI/1.0\r\nHOST: h\r\nPort: 5678\r\n\r\n", "", &["header_case"]),
    ("LIST ALL P2P-CI/1.0\r\nHost:h\r\nPort: 5678\r\n\r\n", "", &["header_blank"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}Port: 5678\r\n\r\n", "", &["header_twice"]),
    ("LIST ALL P2P-CI/1.0\r\nPort: 5678\r\nHost: h\r\n\r\n", "", &["header_order"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}Range: bytes=1-\r\n\r\n", "", &["header_not_here"]),
    ("LIST ALL P2P-CI/1.0\nHost: h\nPort: 5678\n\n", "", &["line_feed"]),
    ("LIST ALL P2P-CI/1.0\r\nHost: h\x07\r\nPort: 5678\r\n\r\n", "", &["control", "host"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}", "", &["request_end"]),
    ("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 5678", "", &["request_end", "line_end"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\nEND\r\n", "", &["end_line"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n~~~~~~~~~~~~~~~~", "", &["padding"]),
    ("0000000048LIST ALL P2P-CI/1.0\r\nHost: hosts\r\nPort: 5678\r\n\r\n", "", &["length_prefix"]),
    ("\0\x2cLIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 5678\r\n\r\n", "", &["length_prefix"]),
    ("\r\nLIST ALL P2P-CI/1.0\r\n{H}\r\n", "", &["empty_before"]),
    ("SEARCH ALL P2P-CI/1.0\r\n{H}Title: t\r\nLimit: 0\r\n\r\n", "", &["limit"]),
    ("SEARCH ALL P2P-CI/1.0\r\n{H}Title: ---\r\n\r\n", "", &["words_of_search"]),
    ("\x01\x02\x03", "", &["not_a_message"]),
    ("h:::5678\n", "", &["greeting"]),
    ("", "Welcome\r\n", &["greeting"]),
    // Replies of the index server.
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "P2PCI/1.0 200 OK\r\n\r\n\r\n", &["status_version"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "P2P-CI/1.0  400 Bad Request\r\n\r\n", &["status_line"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "P2P-CI/1.0 500 Error\r\n\r\n", &["status_code"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "P2P-CI/1.0 400 Bad\r\n\r\n", &["phrase"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "P2P-CI/1.0 404 Not Found\r\n\r\n", &["list_refused"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "{OK}RFC 1 t h 5\r\n\r\n", &["status_empty"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "{OK}RFC 1 t h 5\r\n", &["status_empty", "response_end"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\n1 t h 5\r\n\r\n", &["record_rfc"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\nRFC-7 t h 5\r\n\r\n", &["record_rfc"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\nRFC: 7 t h 5\r\n\r\n", &["record_rfc"]),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\nRFC 1 h 5 title\r\n\r\n", &["record"]),
    (
        "LIST ALL P2P-CI/1.0\r\n{H}\r\n",
        "{OK}\r\nRFC 2 t h 5\r\nRFC 1 t h 5\r\n\r\n",
        &["record_order"],
    ),
    ("LIST ALL P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\nFILE a t h 5\r\n\r\n", &["record_kind"]),
    (
        "LIST ALL P2P-CI/1.0\r\n{H}\r\n",
        "{OK}\r\nRFC 1 t h 5\r\nLength: 3\r\n\r\n",
        &["attribute_unasked"],
    ),
    ("LOOKUP RFC 1 P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\n\r\n", &["lookup_empty"]),
    ("LOOKUP RFC 1 P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\nRFC 2 t h 5\r\n\r\n", &["record_other"]),
    ("LOOKUP RFC 1 P2P-CI/1.0\r\n{H}\r\n", "P2P-CI/1.0 400 Bad Request\r\n", &["response_end"]),
    ("REMOVE RFC 1 P2P-CI/1.0\r\n{H}\r\n", "{OK}\r\n\r\n", &["record_none"]),
    (
        "REMOVE RFC 1 P2P-CI/1.0\r\n{H}\r\n",
        "{OK}\r\nRFC 1 t h 5\r\nRFC 1 t h 6\r\n\r\n",
        &["record_many"],
    ),
    (
        "SEARCH ALL P2P-CI/1.0\r\n{H}Title: t\r\nLimit: 1\r\n\r\n",
        "{OK}\r\nRFC 1 t h 5\r\nRFC 2 t h 5\r\n\r\n",
        &["record_limit"],
    ),
    ("", "{OK}\r\n\r\n", &["unsolicited"]),
    // Replies of the upload server.
    ("{GET}\r\n", "{OK}{HEAD}Content-Length: 1\r\n\r\nx", &["header_missing"]),
    ("{GET}\r\n", "{OK}{HEAD}Content-Length: 1\r\nContent-Type: a\r\nx", &["head_end"]),
    (
        "{GET}\r\n",
        "{OK}{HEAD}Content-Length: 1\r\nContent-Type: a\r\n RFC Data: x",
        &["head_end", "document_prefix"],
    ),
    (
        "{GET}\r\n",
        "{OK}{HEAD}Content-Length: 1\r\nContent-Type: a\r\n\r\nxyz",
        &["document_surplus"],
    ),
    (
        "{GET}\r\n",
        "{OK}{HEAD}Content-Length: 1\r\nContent-Type: a\r\nDigest: {D}\r\n\r\nx",
        &["digest_unasked"],
    ),
    (
        "{GET}Range: bytes=1-2\r\n\r\n",
        "P2P-CI/1.0 206 Partial Content\r\n{HEAD}Content-Length: 1\r\nContent-Type: a\r\n\
         Content-Range: bytes 1-2/3\r\n\r\nx",
        &["part_length"],
    ),
    (
        "{GET}\r\n",
        "P2P-CI/1.0 206 Partial Content\r\n{HEAD}Content-Length: 1\r\nContent-Type: a\r\n\
         Content-Range: bytes 0-0/3\r\n\r\nx",
        &["part_unasked", "digest_unasked"],
    ),
    (
        "{GET}\r\n",
        "{OK}Data: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: x\r\nLast Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\n\
         Content-Length: 1\r\nContent-Type: a\r\n\r\nx",
        &["header_name"],
    ),
    (
        "{GET}\r\n",
        "{OK}Date: Mon, 06 Nov 1994 08:49:37 GMT\r\nOS: x\r\nLast-Modified: 1795732759.4\r\n\
         Content-Length: 1\r\nContent-Type: a\r\n\r\nx",
        &["date"],
    ),
];

pub(crate) fn expand(text: &str) -> String {
    let digest = format!("sha-256={}", "0".repeat(64));
    text.replace("{GET}", "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\nOS: x\r\n")
        .replace("{HEAD}", HEAD)
        .replace("{OK}", OK)
        .replace("{H}", HEADERS)
        .replace("{D}", &digest)
}

/// Writes a capture with a connection for each case.
pub(crate) fn write(path: &Path) {
    let mut capture = Capture::create(path);
    for (at, (request, reply, _)) in (0..).zip(CASES) {
        let mut connection = capture.connect(40_000 + at, 7734);
        capture.send(&mut connection, Side::Client, expand(request).as_bytes());
        capture.send(&mut connection, Side::Server, expand(reply).as_bytes());
    }
    capture.close();
}

#[test]
fn each_violation_is_named_with_its_section() {
    let Some(tshark) = Tshark::find() else { return };
    let path = tshark.directory().join("violations.pcapng");
    write(&path);
    for passes in PASSES {
        let rows = tshark.fields(
            &path,
            passes,
            "p2pci && _ws.expert",
            &["tcp.stream", "_ws.expert.message", "p2pci.section"],
        );
        for (at, (request, reply, expected)) in CASES.iter().enumerate() {
            let of_case = rows.iter().filter(|row| row[0] == at.to_string());
            let messages: Vec<&str> = of_case.flat_map(|row| row[1].split('|')).collect();
            let found = |name: &&str| {
                let (section, text) = violation(name);
                messages.iter().any(|message| {
                    message.starts_with(&format!("{text} (protocol.md section {section})"))
                })
            };
            assert!(
                expected.iter().all(found),
                "{request:?} {reply:?} {expected:?}: {messages:#?}"
            );
            // A note that the capture has no response belongs to cases without a reply.
            let others: Vec<&&str> = messages
                .iter()
                .filter(|message| {
                    !expected.iter().any(|name| message.starts_with(&violation(name).1))
                })
                .filter(|message| !message.starts_with("The capture has no response"))
                .collect();
            assert_eq!(others, Vec::<&&str>::new(), "{request:?} {reply:?}");
        }
    }
}

/// The section and the text of a violation, as the dissector has them.
fn violation(name: &str) -> (String, String) {
    let source = include_str!("../../../wireshark/p2pci.lua");
    let (_, rest) = source.split_once(&format!("\n    {name} = {{ \"")).expect(name);
    let mut strings = rest.split('"');
    let section = strings.next().unwrap().to_string();
    (section, strings.nth(3).unwrap().to_string())
}

/// The rows of the table of violations in the dissector.
fn rows() -> Vec<&'static str> {
    let source = include_str!("../../../wireshark/p2pci.lua");
    let (_, table) = source.split_once("local VIOLATIONS = {").unwrap();
    let (table, _) = table.split_once("\n}\n").unwrap();
    table.lines().filter(|line| line.contains(" = { \"")).collect()
}

/// The names of all violations.
pub(crate) fn names() -> Vec<&'static str> {
    rows().into_iter().map(|row| row.split_once(" = ").unwrap().0.trim()).collect()
}

/// Each section that the dissector names is one of protocol.md.
#[test]
fn sections_exist() {
    let protocol = include_str!("../../../protocol.md");
    let rows = rows();
    assert!(rows.len() > 60);
    for row in rows {
        let section = row.split('"').nth(1).unwrap();
        let title = if section.contains('.') {
            format!("\n### {section} ")
        } else {
            format!("\n## {section}. ")
        };
        assert!(protocol.contains(&title), "{row}");
    }
}
