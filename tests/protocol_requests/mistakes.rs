//! Messages that name a likely mistake.

use p2p_ci::protocol::{DocumentRequest, IndexRequest, RequestDecoder};

/// Frequent faults in requests of programs and people, and the messages about them.
#[test]
fn likely_mistakes_are_named() {
    let index = |wire: &str| IndexRequest::decode(wire.as_bytes()).unwrap_err().to_string();
    let upload = |wire: &str| DocumentRequest::decode(wire.as_bytes()).unwrap_err().to_string();
    let ends = "Host: h\r\nPort: 1\r\nTitle: x\r\n\r\n";
    for (line, parts) in [
        ("GET RFC 1 P2P-CI/1.0", ["upload server of a peer", "GET RFC 1", "5.1"]),
        ("LISTALL P2P-CI/1.0", ["a blank after LIST", "LISTALL", "3.1"]),
        ("list all P2P-CI/1.0", ["LIST in capital letters", "list all", "3.1"]),
        ("LIST all P2P-CI/1.0", ["`LIST ALL P2P-CI/1.0` for RFCs", "LIST all", "4.4"]),
        ("SEARCH tcp P2P-CI/1.0", ["`SEARCH ALL P2P-CI/1.0`", "SEARCH tcp", "4.10"]),
        ("ADD P2P-CI/1.0", ["a document after ADD", "none", "2.4"]),
        ("ADD RFC P2P-CI/1.0", ["a number after RFC", "none", "2.4"]),
        ("ADD RFC1 P2P-CI/1.0", ["a blank between RFC and the number", "`RFC1`", "2.4"]),
        ("LOOKUP 0951 P2P-CI/1.0", ["RFC before the number", "`0951`", "2.4"]),
        ("ADD RFC 1 A Title P2P-CI/1.0", ["nothing but one number", "`RFC 1 A Title`", "2.4"]),
        ("ADD FILE a b P2P-CI/1.0", ["`%20`", "`FILE a b`", "2.4"]),
        ("ADD é P2P-CI/1.0", ["RFC and a number, or FILE and a name", "`é`", "2.4"]),
        ("ADD rfc 1 P2P-CI/1.0", ["in capital letters", "`rfc`", "2.4"]),
        ("DEL SELF P2P-CI/1.0", ["closing its connection", "DEL SELF", "4.8"]),
        ("DEL RFC 1 P2P-CI/1.0", ["REMOVE", "DEL RFC 1", "4.2"]),
        ("FOO RFC 1 P2P-CI/1.0", ["one of the methods ADD", "FOO RFC 1", "4"]),
        ("0000000055LIST ALL P2P-CI/1.0", ["without a length", "0000000055LIST", "3.1"]),
        ("P2P-CI/1.0", ["a method before the version", "the version alone", "3.1"]),
        ("P2P-CI/1.0 LIST ALL", ["at the end of the line", "at the beginning", "2.8"]),
        ("LIST ALL", ["`P2P-CI/1.0` at the end of the line, as in", "`LIST ALL`", "2.8"]),
        ("LIST ALL 1.0", ["written exactly so", "`1.0`", "2.8"]),
        ("LIST ALL p2p-ci/1.0", ["written exactly so", "`p2p-ci/1.0`", "2.8"]),
        ("LIST ALL P2PCI/1.0", ["written exactly so", "`P2PCI/1.0`", "2.8"]),
        ("LIST ALL P2P-CI/1.0 \u{a0}", ["a line end after", "`\\u{a0}`", "3.1"]),
        ("ADD RFC 1 P2P-CI/1.0 Host: h", ["a line of its own", "`Host: h`", "3.1"]),
        ("Host: h", ["before the headers", "`Host: h`", "3.1"]),
        ("QUIT", ["closing its connection", "`QUIT`", "4.8"]),
    ] {
        let message = index(&format!("{line}\r\n{ends}"));
        assert!(message.starts_with("line 1: expected "), "{message}");
        assert!(message.ends_with(&format!("(protocol.md section {})", parts[2])), "{message}");
        let (expected, found) = message.rsplit_once(", found ").unwrap();
        assert!(expected.contains(parts[0]), "{line}: {message}");
        assert!(found.contains(parts[1]), "{line}: {message}");
        assert!(message.len() <= 250, "{message}");
    }
    for (header, expected) in [
        ("LIST ALL P2P-CI/1.0", "an empty line between two requests"),
        ("Port 1", "a colon after the name"),
        ("~~~~", "or the empty line that ends a request"),
        (": h", "a name before the colon"),
        ("My Host: h", "a name without blanks"),
    ] {
        let message = index(&format!("LIST ALL P2P-CI/1.0\r\nHost: h\r\n{header}\r\n\r\n"));
        assert!(
            message.starts_with("line 3: expected ") && message.contains(expected),
            "{message}"
        );
    }
    let many = "LIST ALL P2P-CI/1.0\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n";
    assert!(index(many).contains("`Host`, found `A`, `B`, `C`, `D`, others"), "{}", index(many));
    for (line, expected) in [
        ("ADD RFC 1 P2P-CI/1.0", "GET; ADD goes to the index server"),
        ("GET 1 P2P-CI/1.0", "RFC before the number, such as `GET RFC 793 P2P-CI/1.0`"),
        ("get RFC 1 P2P-CI/1.0", "GET in capital letters"),
        ("QUIT P2P-CI/1.0", "the method GET"),
        ("GET / HTTP/1.1", "no HTTP server"),
    ] {
        let message = upload(&format!("{line}\r\n{ends}"));
        assert!(message.contains(expected), "{line}: {message}");
    }
    // Truncated requests.
    for (wire, expected) in [
        ("LIST ALL P2P-CI/1.0\r\nHost: h", "line 2: expected the end of this line, and the empty"),
        ("LIST ALL P2P-CI/1.0\r\nHost: h\r\n", "line 3: expected the empty line"),
    ] {
        let mut decoder = RequestDecoder::<IndexRequest>::new();
        assert_eq!(decoder.decode(wire.as_bytes()), Ok(None));
        let message = decoder.cut("the end of the connection").to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}
