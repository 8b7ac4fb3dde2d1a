//! Heads of other programs whose lines have other separators, units or versions.

use super::*;
use crate::protocol::message::document_bounds::Surplus;

/// The length that a head states, and what it has in place of the grammar.
fn read(head: &str) -> Option<(Option<u64>, Option<&'static str>)> {
    let mut decoder = DocumentReplyDecoder::default();
    let reply = format!("{head}\nDate Palms, a document");
    match decoder.decode(reply.as_bytes()) {
        Ok(Some((DocumentReply::Found(head), _))) => {
            let length = head.content_length;
            Some((length, decoder.into_bounds().deviation()))
        }
        _ => None,
    }
}

#[test]
fn heads_in_other_forms() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let version = Some("a status line with another version");
    for (head, expected) in [
        (format!("P2P-CI/1.0 200 OK\nDate={date}\nOS=L\nContent-Length=22\n"), (Some(22), None)),
        (format!("P2P-CI/1.0 200 OK\nDate {date}\nOS L\nContent-Length 22\n"), (Some(22), None)),
        ("P2P-CI/1.0 200 OK\nContent-Length: 22 bytes\n".into(), (Some(22), None)),
        ("P2P/1.0 200 OK\nContent-Length: 22\n".into(), (Some(22), version)),
        ("p2p-ci/1.0 200 OK\nContent-Length: 22\n".into(), (Some(22), version)),
    ] {
        assert_eq!(read(&head), Some(expected), "{head:?}");
    }
    // A reply of another protocol is none of a holder.
    assert_eq!(read("HTTP/1.1 200 OK\nContent-Length: 22\n"), None);
    assert_eq!(read("200 OK\nContent-Length: 22\n"), None);
    // The separator of the first header is that of all.
    let mixed = format!("P2P-CI/1.0 200 OK\nDate: {date}\nContent-Length 22\n");
    assert_eq!(read(&mixed).and_then(|(length, _)| length), None);
}

#[test]
fn another_empty_line_is_no_part_of_the_document() {
    let bounds = DocumentBounds::default();
    assert_eq!(bounds.surplus(b"\r\nRFC 1", b"xy"), Surplus::Shifted(2));
    // The document begins with it, and another one follows.
    assert_eq!(bounds.surplus(b"\r\nRFC 1", b"\r\n"), Surplus::Ignored);
    assert_eq!(bounds.surplus(b"\r\nRFC 1", b"xyz"), Surplus::Ignored);
}
