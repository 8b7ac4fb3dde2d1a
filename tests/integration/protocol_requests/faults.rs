//! Faulty requests with their status and message.

use p2p_ci::protocol::{IndexRequest, Status};

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
            "line 1: expected `LIST ALL P2P-CI/1.0` for RFCs, or `LIST FILES P2P-CI/1.0` for other documents, found `LIST` (protocol.md section 4.4)",
        ),
        (
            "LIST ALL NOW P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
            400,
            true,
            "line 1: expected `LIST ALL P2P-CI/1.0` for RFCs, or `LIST FILES P2P-CI/1.0` for other documents, found `LIST ALL NOW` (protocol.md section 4.4)",
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
            "line 4: expected a header `Port`, found `Host`, `Post`; `Post` is probably a misspelt `Port` (protocol.md section 2.9)",
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
            "line 2: expected text without control characters, found `\\x1b`; a key such as an arrow was typed: begin a new connection (protocol.md section 2.1)",
        ),
        (
            "ADD RFC 1 P2P-CI/1.0\rHost: h\n",
            400,
            false,
            "line 1: expected a line feed after the carriage return, found `H`; a line ends with `\\r\\n` (protocol.md section 2.1)",
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

#[test]
fn bytes_of_other_protocols_are_refused_immediately() {
    for first in [0x80u8, 0x16, 0x00, 0xff, 0x1b, 0x7f] {
        let error = IndexRequest::decode(&[first]).unwrap_err();
        assert_eq!(error.framed, None, "{first:#x}");
    }
    // A line end of another system is refused with the byte after it, and not at the end of a line
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
