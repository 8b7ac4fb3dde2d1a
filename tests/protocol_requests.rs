//! Requests as tables (protocol.md sections 3 to 5): each row is read whole, at every prefix, byte
//! by byte and with trailing data, and written again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use p2p_ci::protocol::{
    Content, Digest, Document, DocumentRequest, Endpoint, IndexRequest, Listing, Request,
    RequestDecoder, Status,
};

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn rfc(number: u32) -> Document {
    Document::Rfc(number.to_string().parse().unwrap())
}

fn file(name: &str) -> Document {
    Document::File(name.parse().unwrap())
}

/// Reads `wire` in four ways; it must be `value` and nothing else.
fn reads<R: Request + Clone + PartialEq + std::fmt::Debug>(wire: &str, value: &R) {
    let bytes = wire.as_bytes();
    let whole = Ok(Some((value.clone(), bytes.len())));
    let decode = |input: &[u8]| RequestDecoder::<R>::new().decode(input);
    assert_eq!(decode(bytes), whole, "whole: {wire:?}");
    assert_eq!(decode(&[bytes, b"ADD"].concat()), whole, "trailing: {wire:?}");
    let mut byte_by_byte = RequestDecoder::<R>::new();
    for end in 0..bytes.len() {
        assert_eq!(decode(&bytes[..end]), Ok(None), "prefix {end}: {wire:?}");
        assert_eq!(byte_by_byte.decode(&bytes[..end]), Ok(None), "byte {end}: {wire:?}");
    }
    assert_eq!(byte_by_byte.decode(bytes), whole, "byte by byte: {wire:?}");
}

fn round_trip<R: Request + Clone + PartialEq + std::fmt::Debug>(wire: &str, value: &R) {
    reads(wire, value);
    let mut written = Vec::new();
    value.encode(&mut written);
    assert_eq!(String::from_utf8(written).unwrap(), wire);
}

#[test]
fn index_requests() {
    let add = |document, title: &str| IndexRequest::Add {
        document,
        title: title.parse().unwrap(),
        content: Content::default(),
        from: endpoint("thishost.csc.ncsu.edu:5678"),
    };
    let from = || endpoint("b:1");
    for (wire, request) in [
        (
            "ADD RFC 123 P2P-CI/1.0\r\nHost: thishost.csc.ncsu.edu\r\nPort: 5678\r\n\
             Title: A Proferred Official ICP\r\n\r\n",
            add(rfc(123), "A Proferred Official ICP"),
        ),
        (
            "ADD FILE a%20b.pdf P2P-CI/1.0\r\nHost: thishost.csc.ncsu.edu\r\nPort: 5678\r\n\
             Title: \r\n\r\n",
            add(file("a%20b.pdf"), ""),
        ),
        (
            "REMOVE RFC 123 P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\n\r\n",
            IndexRequest::Remove { document: rfc(123), from: from() },
        ),
        (
            "LOOKUP RFC 3457 P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\n\r\n",
            IndexRequest::Lookup { document: rfc(3457), want_attributes: false, from: from() },
        ),
        (
            "LOOKUP FILE x P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\n\r\n",
            IndexRequest::Lookup { document: file("x"), want_attributes: false, from: from() },
        ),
        (
            "LOOKUP RFC 1 P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n",
            IndexRequest::Lookup { document: rfc(1), want_attributes: true, from: from() },
        ),
        (
            &format!(
                "ADD RFC 1 P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\nTitle: T\r\n\
                 Digest: sha-256={}\r\nLength: 42\r\n\r\n",
                "00".repeat(32)
            ),
            IndexRequest::Add {
                document: rfc(1),
                title: "T".parse().unwrap(),
                content: Content { digest: Some(Digest::new([0; 32])), length: Some(42) },
                from: from(),
            },
        ),
        (
            "LIST ALL P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\n\r\n",
            IndexRequest::List { listing: Listing::Rfcs, from: from() },
        ),
        (
            "LIST FILES P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\n\r\n",
            IndexRequest::List { listing: Listing::Files, from: from() },
        ),
        (
            "SEARCH ALL P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\nTitle: TCP congestion\r\n\r\n",
            IndexRequest::Search {
                words: "TCP congestion".parse().unwrap(),
                limit: None,
                from: from(),
            },
        ),
        (
            "SEARCH ALL P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\nTitle: x\r\nLimit: 10\r\n\r\n",
            IndexRequest::Search {
                words: "x".parse().unwrap(),
                limit: Some("10".parse().unwrap()),
                from: from(),
            },
        ),
    ] {
        round_trip(wire, &request);
    }
}

#[test]
fn document_requests() {
    let get = |os: Option<&str>| DocumentRequest {
        document: rfc(1234),
        host: "somehost.csc.ncsu.edu".parse().unwrap(),
        os: os.map(|os| os.parse().unwrap()),
        want_digest: false,
        range: None,
        keep_alive: false,
    };
    round_trip(
        "GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\nOS: Mac OS 10.4.1\r\n\r\n",
        &get(Some("Mac OS 10.4.1")),
    );
    round_trip("GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\n\r\n", &get(None));
    let with_digest = DocumentRequest { want_digest: true, ..get(None) };
    round_trip(
        "GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\nWant-Digest: sha-256\r\n\r\n",
        &with_digest,
    );
    let kept_open = DocumentRequest { keep_alive: true, ..get(None) };
    round_trip(
        "GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\nConnection: keep-alive\r\n\r\n",
        &kept_open,
    );
}

/// What other programs write and every reader accepts (protocol.md section 3.5).
#[test]
fn requests_of_other_programs() {
    let add = IndexRequest::Add {
        document: rfc(1),
        title: "T".parse().unwrap(),
        content: Content::default(),
        from: endpoint("h:2"),
    };
    for wire in [
        "ADD RFC 1 P2P-CI/1.0\nHost: h\nPort: 2\nTitle: T\n\n",
        "ADD RFC 1 P2P-CI/1.0\r\nTitle: T\r\nPort: 2\r\nHost: h\r\n\r\n",
        "ADD RFC 1 P2P-CI/1.0\r\nHOST:h\r\nport:2\r\nTiTlE:T\r\n\r\n",
        "ADD RFC 1 P2P-CI/1.0\r\nHost :  h \r\nPort\t:\t2\t\r\n Title : T\r\n\r\n",
        "ADD RFC 1 P2P-CI/1.0 \t\r\nHost: h\r\nPort: 2\r\nTitle: T\r\n\r\n",
        "ADD RFC 1 P2P-CI/1.0\r\nUser-Agent: x:y\r\nHost: h\r\nPort: 2\r\nTitle: T\r\n\r\n",
        "\r\n\n\r\nADD RFC 1 P2P-CI/1.0\nHost: h\r\nPort: 2\nTitle: T\r\n\n",
        "ADD  RFC  1  P2P-CI/1.0\r\nHost: h\r\nPort: 2\r\nTitle: T\r\n\r\n",
    ] {
        reads(wire, &add);
    }
    let lookup =
        IndexRequest::Lookup { document: rfc(1), want_attributes: false, from: endpoint("h:2") };
    reads("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 2\r\nTitle: ignored\r\n\r\n", &lookup);
}

/// The fault, its status, whether the connection stays open, and the message.
#[test]
fn faulty_requests() {
    let table = [
        (
            "ADD RFC 1 P2P-CI/2.0\r\n\r\n",
            505,
            true,
            "line 1: expected `P2P-CI/1.0` at the end of the line, found `P2P-CI/2.0` (protocol.md section 2.8)",
        ),
        (
            "what is this P2P-CIx\r\n\u{ff}\r\n\r\n",
            505,
            true,
            "line 1: expected `P2P-CI/1.0` at the end of the line, found `P2P-CIx` (protocol.md section 2.8)",
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            400,
            true,
            "line 1: expected `P2P-CI/1.0` at the end of the line, because this is no HTTP server, found `HTTP/1.1` (protocol.md section 2.8)",
        ),
        (
            "LIST P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected `LIST ALL` for RFCs, or `LIST FILES` for other documents, found `LIST` (protocol.md section 4.4)",
        ),
        (
            "LIST ALL NOW P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected `LIST ALL` for RFCs, or `LIST FILES` for other documents, found `LIST ALL NOW` (protocol.md section 4.4)",
        ),
        (
            "LOOKUP RFC +5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected an RFC number from 1 to 999999999 without leading zeros, such as `793`, found `+5` (protocol.md section 2.2)",
        ),
        (
            "LOOKUP file 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected RFC or FILE in capital letters, found `file` (protocol.md section 2.4)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\n\r\n",
            400,
            true,
            "line 3: expected a header `Port`, found `Host` (protocol.md section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPost: 1\r\n\r\n",
            400,
            true,
            "line 4: expected a header `Port`, found `Host`, `Post` (protocol.md section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 2: expected a colon after the name, such as `Host: somehost.csc.ncsu.edu`, found `Host h` (protocol.md section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 65536\r\n\r\n",
            400,
            true,
            "line 3: expected a port from 1 to 65535, such as `5678`, found `65536` (protocol.md section 2.6)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nhost: h\r\n\r\n",
            400,
            true,
            "line 4: expected `Host` once, found it again (protocol.md section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: a\r\ntitle: b\r\n\r\n",
            400,
            true,
            "line 5: expected `Title` once, found it again (protocol.md section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: a b\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 2: expected a host of 1 to 253 visible ASCII characters, such as `localhost`, found `a b` (protocol.md section 2.6)",
        ),
        (
            "SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle:\r\n\r\n",
            400,
            true,
            "line 4: expected at least one letter or digit to search for, found nothing (protocol.md section 4.10)",
        ),
        (
            "SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: x\r\nLimit: 0\r\n\r\n",
            400,
            true,
            "line 5: expected a limit from 1 to 999999999, such as `20`, found `0` (protocol.md section 4.10)",
        ),
        (
            "ADD RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 4: expected a header `Title`, found `Host`, `Port` (protocol.md section 2.9)",
        ),
        (
            "ADD RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: a\tb\r\n\r\n",
            400,
            true,
            "line 4: expected text without control characters and line ends, found `a\\x09b` (protocol.md section 2.5)",
        ),
        (
            "ADD FILE ../x P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: x\r\n\r\n",
            400,
            true,
            "line 1: expected a percent-encoded file name in UTF-8, with `%2F` for `/`, found `../x` (protocol.md section 2.3)",
        ),
        (
            "ADD RFC 1 P2P-CI/1.0\r\nTitle: \x1b",
            400,
            false,
            "line 2: expected text without control characters, found `\\x1b` (protocol.md section 2.1)",
        ),
        (
            "ADD RFC 1 P2P-CI/1.0\rHost: h\n",
            400,
            false,
            "line 1: expected a line feed after the carriage return, found `H` (protocol.md section 2.1)",
        ),
        (
            "\x00",
            400,
            false,
            "line 1: expected a request line such as `LIST ALL P2P-CI/1.0`, with nothing before it, found `\\x00` (protocol.md section 3.1)",
        ),
    ];
    for (wire, code, goes_on, message) in table {
        // The table is Latin-1, so that it can hold bytes that are no UTF-8.
        let bytes: Vec<u8> = wire.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let error = IndexRequest::decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), message, "{wire:?}");
        assert_eq!(Status::from(error.refusal).code(), code, "{wire:?}");
        assert_eq!(error.framed, goes_on.then_some(bytes.len()), "{wire:?}");
    }
}

/// What programs and people send that is no request, and what they are told.
#[test]
fn likely_mistakes_are_named() {
    let index = |wire: &str| IndexRequest::decode(wire.as_bytes()).unwrap_err().to_string();
    let upload = |wire: &str| DocumentRequest::decode(wire.as_bytes()).unwrap_err().to_string();
    let ends = "Host: h\r\nPort: 1\r\nTitle: x\r\n\r\n";
    for (line, parts) in [
        ("GET RFC 1 P2P-CI/1.0", ["upload server of a peer", "GET RFC 1", "5.1"]),
        ("LISTALL P2P-CI/1.0", ["a blank after LIST", "LISTALL", "3.1"]),
        ("list all P2P-CI/1.0", ["LIST in capital letters", "list all", "3.1"]),
        ("LIST all P2P-CI/1.0", ["`LIST ALL` for RFCs", "LIST all", "4.4"]),
        ("SEARCH tcp P2P-CI/1.0", ["`SEARCH ALL`", "SEARCH tcp", "4.10"]),
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
        ("GET 1 P2P-CI/1.0", "RFC before the number, such as `GET RFC 793`"),
        ("get RFC 1 P2P-CI/1.0", "GET in capital letters"),
        ("QUIT P2P-CI/1.0", "the method GET"),
        ("GET / HTTP/1.1", "no HTTP server"),
    ] {
        let message = upload(&format!("{line}\r\n{ends}"));
        assert!(message.contains(expected), "{line}: {message}");
    }
    // What is cut off.
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

#[test]
fn bytes_of_other_protocols_are_refused_at_once() {
    for first in [0x80u8, 0x16, 0x00, 0xff, 0x1b, 0x7f] {
        let error = IndexRequest::decode(&[first]).unwrap_err();
        assert_eq!(error.framed, None, "{first:#x}");
    }
    // A line end of another system is refused with the byte behind it, and not at the end of a line
    // that may never come.
    let carriage_return = b"LIST ALL P2P-CI/1.0\rH";
    assert_eq!(IndexRequest::decode(&carriage_return[..20]), Ok(None));
    assert_eq!(IndexRequest::decode(carriage_return).unwrap_err().framed, None);
    let latin1 = b"ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: caf\xe9\r\n\r\n";
    let error = IndexRequest::decode(latin1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4: expected text in UTF-8, found `\\xe9` (protocol.md section 2.1)"
    );
    assert_eq!(error.framed, Some(latin1.len()));
}

/// Each limit (protocol.md section 7), one byte or line below, at, and above it.
#[test]
fn heads_at_their_limits() {
    let ends = "Host: h\r\nPort: 1\r\n\r\n";
    let decode = |wire: String| IndexRequest::decode(wire.as_bytes()).map(|found| found.is_some());
    let request_line = |length: usize| {
        let words = "LIST ALL P2P-CI/1.0\r\n";
        format!("LIST ALL{} P2P-CI/1.0\r\n{ends}", " ".repeat(length - words.len()))
    };
    assert_eq!(decode(request_line(2048)), Ok(true));
    assert_eq!(decode(request_line(2049)).unwrap_err().framed, None);
    let header_line =
        |length: usize| format!("LIST ALL P2P-CI/1.0\r\nX: {}\r\n{ends}", "x".repeat(length - 5));
    assert_eq!(decode(header_line(4096)), Ok(true));
    assert_eq!(decode(header_line(4097)).unwrap_err().framed, None);
    let headers =
        |count: usize| format!("LIST ALL P2P-CI/1.0\r\n{}{ends}", "X: y\r\n".repeat(count - 2));
    assert_eq!(decode(headers(32)), Ok(true));
    assert_eq!(decode(headers(33)).unwrap_err().framed, None);
    let head = |length: usize| {
        let start =
            format!("LIST ALL P2P-CI/1.0\r\n{}", format!("X: {}\r\n", "x".repeat(3995)).repeat(4));
        let rest = length - start.len() - ends.len() - 5;
        format!("{start}X: {}\r\n{ends}", "x".repeat(rest))
    };
    assert_eq!(head(16384).len(), 16384);
    assert_eq!(decode(head(16384)), Ok(true));
    assert_eq!(decode(head(16385)).unwrap_err().framed, None);
    // Without any line end nothing more is kept than one line may have.
    assert_eq!(decode("L".repeat(2047)), Ok(false));
    assert!(decode("L".repeat(2048)).is_err());
}
