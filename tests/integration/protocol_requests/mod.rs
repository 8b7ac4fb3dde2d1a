//! Requests as tables (protocol.md sections 3 to 5).
//!
//! Each row of this file is decoded whole, at every prefix, byte by byte and with trailing data, and
//! encoded again. `faults` and `mistakes` have requests that are refused, `limits` those at a limit.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod faults;
mod limits;
mod mistakes;

use p2p_ci::protocol::{
    Content, Digest, Document, DocumentRequest, Endpoint, IndexRequest, Listing, Request,
    RequestDecoder, UploadRequest,
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
            IndexRequest::Lookup {
                document: rfc(3457),
                want_attributes: false,
                want_cluster: false,
                from: from(),
            },
        ),
        (
            "LOOKUP FILE x P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\n\r\n",
            IndexRequest::Lookup {
                document: file("x"),
                want_attributes: false,
                want_cluster: false,
                from: from(),
            },
        ),
        (
            "LOOKUP FILE x P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\nWant-Cluster: 1\r\n\r\n",
            IndexRequest::Lookup {
                document: file("x"),
                want_attributes: false,
                want_cluster: true,
                from: from(),
            },
        ),
        (
            "LOOKUP RFC 1 P2P-CI/1.0\r\nHost: b\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n",
            IndexRequest::Lookup {
                document: rfc(1),
                want_attributes: true,
                want_cluster: false,
                from: from(),
            },
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
    let get = |os: Option<&str>| {
        let mut get = DocumentRequest::new(rfc(1234), "somehost.csc.ncsu.edu".parse().unwrap());
        get.os = os.map(|os| os.parse().unwrap());
        get
    };
    round_trip(
        "GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\nOS: Mac OS 10.4.1\r\n\r\n",
        &get(Some("Mac OS 10.4.1")),
    );
    round_trip("GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\n\r\n", &get(None));
    let mut with_digest = get(None);
    with_digest.want_digest = true;
    round_trip(
        "GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\nWant-Digest: sha-256\r\n\r\n",
        &with_digest,
    );
    let mut kept_open = get(None);
    kept_open.keep_alive = true;
    round_trip(
        "GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\nConnection: keep-alive\r\n\r\n",
        &kept_open,
    );
    round_trip(
        "GET RFC 1234 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\n\r\n",
        &UploadRequest::Get(get(None)),
    );
    for (word, listing) in [("ALL", Listing::Rfcs), ("FILES", Listing::Files)] {
        round_trip(
            &format!("LIST {word} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n"),
            &UploadRequest::List { listing, from: "h:1".parse().unwrap() },
        );
    }
    round_trip(
        "LOOKUP RFC 7 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n",
        &UploadRequest::Lookup { document: rfc(7), from: endpoint("h:1") },
    );
}

/// Forms that other programs write and every reader accepts (protocol.md section 3.5).
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
    let lookup = IndexRequest::Lookup {
        document: rfc(1),
        want_attributes: false,
        want_cluster: false,
        from: endpoint("h:2"),
    };
    reads("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 2\r\nTitle: ignored\r\n\r\n", &lookup);
}
