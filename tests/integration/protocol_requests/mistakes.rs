//! Messages that name a likely mistake.

use p2p_ci::protocol::{DocumentRequest, IndexRequest, RequestDecoder};

/// Frequent faults in requests of programs and people, and the messages about them.
#[test]
fn likely_mistakes_are_named() {
    let index = |wire: &str| IndexRequest::decode(wire.as_bytes()).unwrap_err().to_string();
    let upload = |wire: &str| DocumentRequest::decode(wire.as_bytes()).unwrap_err().to_string();
    let ends = "Host: h\r\nPort: 1\r\nTitle: x\r\n\r\n";
    for (line, parts) in [
        ("GET RFC 1 P2P-CI/1.0", ["a request to an index server", "GET RFC 1", "5.1"]),
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
        ("LIST ALL P2P-CI/1.0 x", ["a line end after", "`x`", "3.1"]),
        ("LIST ALLP2P-CI/1.0", ["a blank before `P2P-CI/1.0`", "`LIST ALLP2P-CI/1.0`", "3.1"]),
        ("LIST ALL P2P-CI / 1.0", ["written exactly so", "`1.0`", "2.8"]),
        ("LIST ALL P2P-C/1.0", ["written exactly so", "`P2P-C/1.0`", "2.8"]),
        ("LIST ALL P2P_CI/1.0", ["written exactly so", "`P2P_CI/1.0`", "2.8"]),
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
        (
            "ADD RFC 1 P2P-CI/1.0",
            "a GET to an upload server, found `ADD RFC 1`; ADD is sent to the index",
        ),
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

/// What a beginner has probably done, after what was found.
#[test]
fn likely_causes_are_named() {
    let index = |wire: &[u8]| IndexRequest::decode(wire).unwrap_err().to_string();
    let upload = |wire: &[u8]| DocumentRequest::decode(wire).unwrap_err().to_string();
    let ends = "Host: h\r\nPort: 1\r\n\r\n";
    for (line, hint) in [
        ("GET RFC 1 P2P-CI/1.0", "GET is sent to a peer's upload port"),
        ("LOKUP RFC 1 P2P-CI/1.0", "LOOKUP is probably meant"),
        ("LSIT ALL P2P-CI/1.0", "LIST is probably meant"),
        ("serach ALL P2P-CI/1.0", "SEARCH is probably meant"),
        ("FIND RFC 1 P2P-CI/1.0", "LOOKUP is probably meant"),
        ("Register RFC 1 P2P-CI/1.0", "ADD is probably meant"),
        ("GTE RFC 1 P2P-CI/1.0", "GET is sent to a peer's upload port"),
        ("DOWNLOAD RFC 1 P2P-CI/1.0", "GET is sent to a peer's upload port"),
        ("RFC 1 LOOKUP P2P-CI/1.0", "LOOKUP comes first, the version last"),
        ("LOOKUP P2P-CI/1.0 RFC 1", "the method comes first, the version last"),
        ("P2P-CI/1.0 200 OK", "this looks like a reply"),
        ("LIST ALL P2P\u{2013}CI/1.0", "not that of ASCII"),
        ("LIST\u{a0}ALL P2P-CI/1.0", "not that of ASCII"),
        ("LIST ALL P2P-CI/1.0\\r\\nHost: h\\r\\n", "was sent as characters"),
        ("LIST <sp> ALL <sp> P2P-CI/1.0 <cr> <lf>", "`<sp>` stands for a blank"),
        ("b'LIST ALL P2P-CI/1.0'", "the quotes of a text in a program"),
        ("{\"method\": \"LIST\"}", "this looks like JSON"),
        ("SSH-2.0-OpenSSH_9.9", "this looks like SSH"),
    ] {
        let message = index(format!("{line}\r\n{ends}").as_bytes());
        let (_, found) = message.rsplit_once(", found ").unwrap();
        assert!(found.contains(&format!("; {hint}")) || found.contains(hint), "{line}: {message}");
        assert!(message.len() <= 250, "{message}");
    }
    for (header, hint) in [
        ("LIST ALL P2P-CI/1.0", "this looks like a new request"),
        ("LOOKUP RFC 1 P2P-CI/1.0", "this looks like a new request"),
        ("<cr><lf>", "stands for a blank"),
    ] {
        let message =
            index(format!("LIST ALL P2P-CI/1.0\r\nHost: h\r\n{header}\r\n\r\n").as_bytes());
        assert!(message.contains(hint), "{message}");
    }
    for (headers, hint) in [
        ("Host: h\r\nPort: 1\r\nTitel: x\r\n", "`Titel` is probably a misspelt `Title`"),
        ("Hots: h\r\nPort: 1\r\nTitle: x\r\n", "`Hots` is probably a misspelt `Host`"),
        ("Hostname: h\r\nPort: 1\r\nTitle: x\r\n", "`Hostname` is probably a misspelt `Host`"),
        ("Host: h\r\nprt: 1\r\nTitle: x\r\n", "`prt` is probably a misspelt `Port`"),
    ] {
        let message = index(format!("ADD RFC 1 P2P-CI/1.0\r\n{headers}\r\n").as_bytes());
        assert!(message.contains(hint), "{message}");
    }
    for (wire, hint) in [
        (&b"LIST ALL P2P-CI/1.0\n\rHost: h\n\r"[..], "this looks like `\\n\\r`"),
        (b"LIST ALL P2P-CI/1.0\r\r\nHost", "the carriage return was sent twice"),
        (b"LIST ALL P2P-CI/1.0\rHost: h", "a line ends with `\\r\\n`"),
        (b"\x16\x03\x01\x02\x00\x01", "this looks like TLS"),
        (b"\xef\xbb\xbfLIST ALL P2P-CI/1.0\r\n", "a byte order mark"),
        (b"\xff\xfeL\0I\0S\0T\0", "this looks like UTF-16"),
        (b"\xfe\xff\0L\0I\0S\0T", "this looks like UTF-16"),
        (b"L\0I\0S\0T\0", "this looks like UTF-16"),
        (b"\0L\0I\0S\0T", "this looks like UTF-16"),
        (b"LIST ALL P2P-CI/1.0\nPort: 1\0\0\0\0", "the padding of a buffer"),
        (b"\0\x30LIST ALL P2P-CI/1.0\r\n", "this looks like a length"),
        (b"\0\0\0\x30LIST ALL P2P-CI/1.0\r\n", "this looks like a length"),
        (b"\xff\xfd\x03\xff\xfb", "the options of telnet"),
        (b"\x80\x04\x95\x0a", "a pickle of Python"),
        (b"\xac\xed\0\x05", "an object of Java"),
        (b"LIST ALL P2P-CI/1.0\r\nHost: h\r\n\0\0\0", "the padding of a buffer"),
        (b"LIST A\x7fALL P2P-CI/1.0\r\n", "Backspace was sent"),
        (b"LIST \x1b[D", "a key such as an arrow was typed"),
    ] {
        assert!(index(wire).contains(hint), "{wire:?}: {}", index(wire));
        assert!(index(wire).len() <= 250, "{}", index(wire));
    }
    for (line, hint) in [
        ("LIST ALL P2P-CI/1.0", "LIST is sent to the index server, by default to port 7734"),
        ("LOKUP RFC 1 P2P-CI/1.0", "LOOKUP is sent to the index server"),
        ("GTE RFC 1 P2P-CI/1.0", "GET is probably meant"),
        ("FETCH RFC 1 P2P-CI/1.0", "GET is probably meant"),
    ] {
        let message = upload(format!("{line}\r\n{ends}").as_bytes());
        assert!(message.contains(hint), "{line}: {message}");
    }
}
