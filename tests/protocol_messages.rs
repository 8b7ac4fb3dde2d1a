//! The wire format as tables (protocol.md sections 3 to 5): each row is read whole, at every
//! prefix, byte by byte and with trailing data, and written again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use p2p_ci::protocol::{
    Document, DocumentHead, DocumentReply, DocumentReplyDecoder, DocumentRequest, Endpoint,
    IndexReply, IndexRequest, Listing, Record, Refusal, Request, RequestDecoder, Status,
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
            IndexRequest::Lookup { document: rfc(3457), from: from() },
        ),
        (
            "LOOKUP FILE x P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\n\r\n",
            IndexRequest::Lookup { document: file("x"), from: from() },
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
}

/// What other programs write and every reader accepts (protocol.md section 3.5).
#[test]
fn requests_of_other_programs() {
    let add =
        IndexRequest::Add { document: rfc(1), title: "T".parse().unwrap(), from: endpoint("h:2") };
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
    let lookup = IndexRequest::Lookup { document: rfc(1), from: endpoint("h:2") };
    reads("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 2\r\nTitle: ignored\r\n\r\n", &lookup);
}

/// The fault, the reply it deserves, whether the conversation goes on, and the words.
#[test]
fn faulty_requests() {
    let table = [
        (
            "ADD RFC 1 P2P-CI/2.0\r\n\r\n",
            505,
            true,
            "line 1: expected `P2P-CI/1.0` at the end of the line, found `P2P-CI/2.0` (section 2.8)",
        ),
        (
            "what is this P2P-CIx\r\n\u{ff}\r\n\r\n",
            505,
            true,
            "line 1: expected `P2P-CI/1.0` at the end of the line, found `P2P-CIx` (section 2.8)",
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            400,
            true,
            "line 1: expected `P2P-CI/1.0` at the end of the line, found `HTTP/1.1` (section 2.8)",
        ),
        (
            "LIST P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected ADD, REMOVE or LOOKUP with `RFC` and a number or `FILE` and a name, or `LIST ALL`, `LIST FILES` or `SEARCH ALL`, found `LIST` (section 4)",
        ),
        (
            "LIST ALL NOW P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected ADD, REMOVE or LOOKUP with `RFC` and a number or `FILE` and a name, or `LIST ALL`, `LIST FILES` or `SEARCH ALL`, found `LIST ALL NOW` (section 4)",
        ),
        (
            "LOOKUP RFC +5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected an RFC number from 1 to 999999999 without leading zeros, found `+5` (section 2.2)",
        ),
        (
            "LOOKUP file 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected `RFC` or `FILE`, found `file` (section 2.4)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\n\r\n",
            400,
            true,
            "line 3: expected a header `Port`, found the end of the head (section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPost: 1\r\n\r\n",
            400,
            true,
            "line 4: expected a header `Port`, found the end of the head (section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 2: expected a header such as `Host: somehost.csc.ncsu.edu`, found `Host h` (section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 65536\r\n\r\n",
            400,
            true,
            "line 3: expected a port from 1 to 65535, found `65536` (section 2.6)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nhost: h\r\n\r\n",
            400,
            true,
            "line 4: expected `Host` once, found it again (section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: a\r\ntitle: b\r\n\r\n",
            400,
            true,
            "line 5: expected `Title` once, found it again (section 2.9)",
        ),
        (
            "LOOKUP RFC 5 P2P-CI/1.0\r\nHost: a b\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 2: expected a host of 1 to 253 visible ASCII characters, found `a b` (section 2.6)",
        ),
        (
            "SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle:\r\n\r\n",
            400,
            true,
            "line 4: expected at least one word to search for, found `` (section 4.10)",
        ),
        (
            "SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: x\r\nLimit: 0\r\n\r\n",
            400,
            true,
            "line 5: expected a limit from 1 to 999999999, found `0` (section 4.10)",
        ),
        (
            "ADD RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 4: expected a header `Title`, found the end of the head (section 2.9)",
        ),
        (
            "ADD RFC 5 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: a\tb\r\n\r\n",
            400,
            true,
            "line 4: expected a title of at most 512 bytes without control characters, found `a\\x09b` (section 2.5)",
        ),
        (
            "ADD FILE ../x P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: x\r\n\r\n",
            400,
            true,
            "line 1: expected a file name of 1 to 255 bytes without `/`, `\\` and control characters, found `../x` (section 2.3)",
        ),
        (
            "ADD RFC 1 P2P-CI/1.0\r\nTitle: \x1b",
            400,
            false,
            "line 2: expected text without control characters, found `\\x1b` (section 3.1)",
        ),
        (
            "ADD RFC 1 P2P-CI/1.0\rHost: h\n",
            400,
            false,
            "line 1: expected a line end behind each carriage return, found `\\x0d` (section 3.1)",
        ),
        (
            "\x00",
            400,
            false,
            "line 1: expected a request line, such as `LIST ALL P2P-CI/1.0`, found `\\x00` (section 3.1)",
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

#[test]
fn bytes_of_other_protocols_are_refused_at_once() {
    for first in [0x80u8, 0x16, 0x00, 0xff, 0x1b, 0x7f] {
        let error = IndexRequest::decode(&[first]).unwrap_err();
        assert_eq!(error.framed, None, "{first:#x}");
    }
    let latin1 = b"ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: caf\xe9\r\n\r\n";
    let error = IndexRequest::decode(latin1).unwrap_err();
    assert_eq!(error.to_string(), "line 4: expected text in UTF-8, found `\\xe9` (section 2.1)");
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

fn record(line: &str) -> Record {
    Record::parse(line).unwrap()
}

#[test]
fn index_replies() {
    let refused = |refusal, reason: Option<&str>| IndexReply::Refused {
        refusal,
        reason: reason.map(|reason| reason.parse().unwrap()),
    };
    for (wire, reply) in [
        ("P2P-CI/1.0 200 OK\r\n\r\n\r\n", IndexReply::Found(vec![])),
        (
            "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 A Title h 1\r\nFILE x  h 2\r\n\r\n",
            IndexReply::Found(vec![record("RFC 1 A Title h 1"), record("FILE x  h 2")]),
        ),
        ("P2P-CI/1.0 404 Not Found\r\n\r\n", refused(Refusal::NotFound, None)),
        ("P2P-CI/1.0 400 Bad Request\r\n\r\n", refused(Refusal::BadRequest, None)),
        ("P2P-CI/1.0 503 Service Unavailable\r\n\r\n", refused(Refusal::ServiceUnavailable, None)),
        (
            "P2P-CI/1.0 505 P2P-CI Version Not Supported\r\n\r\n",
            refused(Refusal::VersionNotSupported, None),
        ),
        (
            "P2P-CI/1.0 400 Bad Request\r\nReason: line 1: expected x\r\n\r\n",
            refused(Refusal::BadRequest, Some("line 1: expected x")),
        ),
    ] {
        let bytes = wire.as_bytes();
        let whole = Ok(Some((reply.clone(), bytes.len())));
        assert_eq!(IndexReply::decode(bytes), whole, "whole: {wire:?}");
        assert_eq!(IndexReply::decode(&[bytes, b"P2P"].concat()), whole, "trailing: {wire:?}");
        for end in 0..bytes.len() {
            assert_eq!(IndexReply::decode(&bytes[..end]), Ok(None), "prefix {end}: {wire:?}");
        }
        let mut written = Vec::new();
        reply.encode(&mut written);
        assert_eq!(String::from_utf8(written).unwrap(), wire);
    }
}

/// What other servers write (protocol.md section 3.5). The text before the bar is enough for the
/// reply to be known as whole.
#[test]
fn index_replies_of_other_programs() {
    let found = IndexReply::Found(vec![record("RFC 1 T h 1"), record("RFC 2 T h 1")]);
    for wire in [
        "P2P-CI/1.0 200 OK\nRFC 1 T h 1\nRFC 2 T h 1\n\n|",
        "P2P-CI/1.0 200 OK\r\nRFC 1 T h 1\r\nRFC 2 T h 1\r\n\r\n|",
        "P2P-CI/1.0 200 OK\n\nRFC 1 T h 1\nRFC 2 T h 1\n\n|",
        "P2P-CI/1.0 200 OK\r\n\r\n1 T h 1\r\n2 T h 1\r\n\r\n|",
        "P2PCI/1.0 200\r\n\r\nRFC-1 T h 1\r\nRFC: 2 T h 1\r\n\r\n|",
        "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\nRFC 2 T h 1\r\n|P2P-CI/1.0 404 Not Found\r\n",
    ] {
        let (whole, rest) = wire.split_once('|').unwrap();
        let input = [whole, rest].concat();
        assert_eq!(
            IndexReply::decode(input.as_bytes()),
            Ok(Some((found.clone(), whole.len()))),
            "{wire:?}"
        );
    }
    for wire in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "P2P-CI/1.0 200 OK\r\n\r\nnonsense\r\n\r\n",
        "P2P-CI/1.0 2000 OK\r\n",
    ] {
        assert!(IndexReply::decode(wire.as_bytes()).is_err(), "{wire:?}");
    }
}

fn decode_document_reply(wire: &[u8], closed: bool) -> Option<(DocumentReply, usize)> {
    let mut decoder = DocumentReplyDecoder::default();
    if closed { Some(decoder.finish(wire).unwrap()) } else { decoder.decode(wire).unwrap() }
}

/// The digest of no bytes.
const EMPTY: &str = "sha-256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn document_head() -> DocumentHead {
    DocumentHead {
        date: Some("Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap()),
        os: Some("Mac OS 10.2.1".parse().unwrap()),
        last_modified: Some("Sat, 05 Nov 1994 08:49:37 GMT".parse().unwrap()),
        content_length: Some(12345),
        content_type: Some("text/plain".parse().unwrap()),
        digest: None,
        content_range: None,
    }
}

#[test]
fn document_replies() {
    for (wire, reply) in [
        (
            "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Mac OS 10.2.1\r\n\
             Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: 12345\r\n\
             Content-Type: text/plain\r\n\r\n",
            DocumentReply::Found(document_head()),
        ),
        (
            "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Mac OS 10.2.1\r\n\
             Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: 12345\r\n\
             Content-Type: text/plain\r\nDigest: sha-256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4\
             649b934ca495991b7852b855\r\n\r\n",
            DocumentReply::Found(DocumentHead {
                digest: Some(EMPTY.parse().unwrap()),
                ..document_head()
            }),
        ),
        ("P2P-CI/1.0 404 Not Found\r\n\r\n", DocumentReply::Refused(Refusal::NotFound)),
    ] {
        let mut written = Vec::new();
        reply.encode(&mut written);
        assert_eq!(String::from_utf8(written).unwrap(), wire);
        // A refusal is known as one from its status line on.
        let enough = match reply {
            DocumentReply::Found(_) => wire.len(),
            DocumentReply::Refused(_) => wire.len() - 2,
        };
        for end in 0..enough {
            assert_eq!(
                decode_document_reply(&wire.as_bytes()[..end], false),
                None,
                "{end}: {wire:?}"
            );
        }
        let whole = Some((reply, enough));
        assert_eq!(decode_document_reply(wire.as_bytes(), false), whole);
        let with_document = [wire, "Date: a document"].concat();
        assert_eq!(decode_document_reply(with_document.as_bytes(), false), whole);
    }
}

/// What other uploaders write (protocol.md section 5.4): the head, a bar, the document.
#[test]
fn document_replies_of_other_programs() {
    let length = |content_length| DocumentHead { content_length, ..DocumentHead::default() };
    let known = length(Some(4));
    let unknown = length(None);
    let typed = |head: &DocumentHead| DocumentHead {
        content_type: Some("text/text".parse().unwrap()),
        ..head.clone()
    };
    for (wire, head) in [
        ("P2PCI/1.0 200 OK\nContent-Length: 4\n\n|body", &known),
        ("P2P-CI/1.0 200 OK\r\nData: today\r\nContent Length:4\r\n\r\n|body", &known),
        (
            "P2P-CI/1.0 200 OK\r\nDate: Wed, 12 Feb 2009 15:12:05 GMT!\r\nContent-Length: 4\r\n\r\n|body",
            &known,
        ),
        (
            "P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\nContent Type: text/text\r\n|body\n",
            &typed(&known),
        ),
        (
            "P2P-CI/1.0 200 OK\r\n\r\nContent-Length: 20\r\n\r\nContent-Type: text/text\r\n\r\n|\n\nbody",
            &typed(&length(Some(20))),
        ),
        ("P2P-CI/1.0 200 OK\r\nContent-Type: text/text\r\n\r\n|\n\nbody", &typed(&unknown)),
        ("P2P-CI/1.0 200 OK\r\nX-Other: 1\r\n\r\n|RFC: 793\r\n", &unknown),
        ("P2P-CI/1.0 200 OK\r\n\r\n|Dated: a body\n", &unknown),
        // Read as a header if it arrived whole, and as the document if it did not.
        ("P2P-CI/1.0 200 OK\r\n\r\n|\rContent-Length: 4\r\nbody", &unknown),
        ("P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\n|Date: the body is longer", &known),
    ] {
        let (before, document) = wire.split_once('|').unwrap();
        let input = [before, document].concat();
        let bytes = input.as_bytes();
        let reply = Some((DocumentReply::Found(head.clone()), before.len()));
        assert_eq!(decode_document_reply(bytes, true), reply, "whole: {wire:?}");
        let mut decoder = DocumentReplyDecoder::default();
        let early = (0..bytes.len()).find_map(|end| decoder.decode(&bytes[..end]).unwrap());
        let found = early.or_else(|| decoder.finish(bytes).ok());
        assert_eq!(found, reply, "byte by byte: {wire:?}");
    }
}

#[test]
fn document_replies_that_end_early() {
    let finish = |wire: &str| DocumentReplyDecoder::default().finish(wire.as_bytes());
    assert!(finish("").is_err());
    assert!(finish("garbage").is_err());
    let not_found = DocumentReply::Refused(Refusal::NotFound);
    assert_eq!(finish("P2P-CI/1.0 404 Not Found"), Ok((not_found, 24)));
    for wire in [
        "P2P-CI/1.0 200 OK\r\nContent-Length: +4\r\n",
        "P2P-CI/1.0 200 OK\r\nContent-Length: 12345678901234567890\r\n",
        "P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n",
    ] {
        assert!(finish(wire).is_err(), "{wire:?}");
    }
    let endless = format!("P2P-CI/1.0 200 OK\r\n{}", "X: y\r\n".repeat(100));
    assert!(finish(&endless).is_err());
}

/// Whoever reads must not keep more than a head, whatever is sent instead of one.
#[test]
fn empty_lines_without_end_are_refused() {
    let flood = "\r\n".repeat(10_000);
    assert!(IndexRequest::decode(flood.as_bytes()).is_err());
    assert!(DocumentRequest::decode(flood.as_bytes()).is_err());
    assert!(IndexReply::decode(flood.as_bytes()).is_err());
    assert!(DocumentReplyDecoder::default().decode(flood.as_bytes()).is_err());
    let headers = format!("P2P-CI/1.0 404 Not Found\r\n{}", "X: y\r\n".repeat(10_000));
    assert!(IndexReply::decode(headers.as_bytes()).is_err());
}
