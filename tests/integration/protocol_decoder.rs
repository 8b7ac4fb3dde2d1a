//! The state that a decoder keeps from one request to the next (protocol.md section 3.1).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use p2p_ci::protocol::{Endpoint, IndexRequest, Listing, RequestDecoder};

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

/// A decoder remembers headers, which are mostly the same in the next request: here they are, and
/// here they are not.
#[test]
fn headers_are_those_of_each_request() {
    let long = format!("Host: b\r\nPort: 1\r\nX: {}\r\n", "x".repeat(600));
    let mut decoder = RequestDecoder::<IndexRequest>::new();
    for (headers, from) in [
        ("Host: b\r\nPort: 1\r\n", "b:1"),
        ("Host: b\r\nPort: 1\r\n", "b:1"),
        ("Host: b\r\nPort: 12\r\n", "b:12"),
        ("Host: b\nPort: 12\n", "b:12"),
        ("Port: 2\r\nHost: c\r\n", "c:2"),
        (&long, "b:1"),
        (&long, "b:1"),
        ("Host: b\r\nPort: 1\r\nTitle: T\r\n", "b:1"),
    ] {
        let wire = format!("LIST ALL P2P-CI/1.0\r\n{headers}\r\n");
        let request = IndexRequest::List { listing: Listing::Rfcs, from: endpoint(from) };
        let whole = Ok(Some((request, wire.len())));
        // In two pieces, of which the second begins within the headers, and in one.
        assert_eq!(decoder.decode(&wire.as_bytes()[..30]), Ok(None), "{headers:?}");
        assert_eq!(decoder.decode(wire.as_bytes()), whole, "{headers:?}");
        assert_eq!(decoder.decode(wire.as_bytes()), whole, "{headers:?} again");
        // A refused request between them is not remembered, and a request without headers has none.
        for headers in ["Host: b\r\nnonsense\r\n", "Host: b\r\nHost: b\r\n", ""] {
            let wire = format!("LIST ALL P2P-CI/1.0\r\n{headers}\r\n");
            for _ in 0..2 {
                let error = decoder.decode(wire.as_bytes()).unwrap_err();
                assert_eq!(error.framed, Some(wire.len()), "{headers:?}");
            }
        }
        assert_eq!(decoder.decode(wire.as_bytes()), whole, "{headers:?} at last");
    }
}
