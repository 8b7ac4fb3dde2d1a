//! Replies as tables (protocol.md sections 3.2, 4.9, 5.2 to 5.4): read whole and at every prefix, and
//! written again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use p2p_ci::protocol::{
    DocumentHead, DocumentReply, DocumentReplyDecoder, DocumentRequest, IndexReply, IndexRequest,
    Record, Refusal,
};

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

/// Replies of other index servers (protocol.md section 4.9). The text before the bar is enough for the
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
    // Attributes, also unknown ones, are no records.
    let wire = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\nLength: 5\r\nColor: red\r\nAdded: now\r\n\
                RFC 2 T h 1\r\n\r\n";
    assert_eq!(IndexReply::decode(wire.as_bytes()), Ok(Some((found, wire.len()))));
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

/// The head of the handout's example, with a change.
fn document_head(change: impl FnOnce(&mut DocumentHead)) -> DocumentHead {
    let mut head = DocumentHead::default();
    head.date = Some("Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
    head.os = Some("Mac OS 10.2.1".parse().unwrap());
    head.last_modified = Some("Sat, 05 Nov 1994 08:49:37 GMT".parse().unwrap());
    head.content_length = Some(12345);
    head.content_type = Some("text/plain".parse().unwrap());
    change(&mut head);
    head
}

#[test]
fn document_replies() {
    for (wire, reply) in [
        (
            "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Mac OS 10.2.1\r\n\
             Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: 12345\r\n\
             Content-Type: text/plain\r\n\r\n",
            DocumentReply::Found(document_head(|_| ())),
        ),
        (
            "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Mac OS 10.2.1\r\n\
             Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: 12345\r\n\
             Content-Type: text/plain\r\nDigest: sha-256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4\
             649b934ca495991b7852b855\r\n\r\n",
            DocumentReply::Found(document_head(|head| head.digest = Some(EMPTY.parse().unwrap()))),
        ),
        (
            "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Mac OS 10.2.1\r\n\
             Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: 12345\r\n\
             Content-Type: text/plain\r\nConnection: keep-alive\r\n\r\n",
            DocumentReply::Found(document_head(|head| head.keep_alive = true)),
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

/// Replies of other upload servers (protocol.md section 5.4): the head, a bar, the document.
#[test]
fn document_replies_of_other_programs() {
    let length = |content_length| {
        let mut head = DocumentHead::default();
        head.content_length = content_length;
        head
    };
    let known = length(Some(4));
    let unknown = length(None);
    let typed = |head: &DocumentHead| {
        let mut head = head.clone();
        head.content_type = Some("text/text".parse().unwrap());
        head
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

/// A reader must not keep more bytes than a head may have, whatever is sent instead of one.
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
