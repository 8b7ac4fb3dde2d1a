//! Uploaders of other programs that fill their heads to a block (protocol.md section 5.4). `get` must store exactly the
//! document, or nothing, and never silently.

use super::holders::{End, answering, get};
use crate::common::in_parallel;

const PADDING: [u8; 4] = [0, b' ', b'~', b'!'];
const DOCUMENT: &str = "\n\nNetwork Working Group\nNote: x\n\nA document.\n";

/// A head that ends with `end`, and this padding to a number of bytes, before a document.
fn reply(length: Option<usize>, end: &str, byte: u8, block: usize, document: &str) -> Vec<u8> {
    let length = length.map_or_else(String::new, |length| format!("Content-Length: {length}\r\n"));
    let head = format!("P2P-CI/1.0 200 OK\r\nOS: x\r\n{length}Content-Type: text/plain\r\n{end}");
    let mut reply = head.into_bytes();
    reply.resize(block.max(reply.len() + 1), byte);
    reply.extend_from_slice(document.as_bytes());
    reply
}

#[test]
fn padding_after_the_head_is_no_part_of_the_document() {
    let long = DOCUMENT.repeat(2000);
    let mut cases = Vec::new();
    for byte in PADDING {
        for end in ["\r\n", ""] {
            for (block, document) in [(1024, DOCUMENT), (256, DOCUMENT), (1000, &long)] {
                for (way, size) in [(End::Close, 100), (End::CloseAfterClient, 1 << 20)] {
                    let length = Some(document.len());
                    cases.push((reply(length, end, byte, block, document), way, size, document));
                }
            }
            // No length, and a full block.
            cases.push((reply(None, end, byte, 1024, DOCUMENT), End::Close, 700, DOCUMENT));
        }
    }
    // The NUL of a string.
    let with_nul = reply(Some(DOCUMENT.len()), "\r\n", 0, 0, DOCUMENT);
    cases.push((with_nul.clone(), End::Close, 4096, DOCUMENT));
    cases.push(([with_nul, vec![0]].concat(), End::Close, 4096, DOCUMENT));
    // A document that begins with blanks itself, after blanks up to a block.
    let centered = "          RFC 1: A document that begins with blanks.\n";
    let blanks = reply(Some(centered.len()), "\r\n", b' ', 512, centered);
    cases.push((blanks, End::Close, 4096, centered));
    in_parallel(cases, |(reply, end, size, document)| {
        let beginning = String::from_utf8_lossy(&reply[..100]).into_owned();
        let (code, saved, errors) = get(&answering(reply.clone(), end, size), &[]);
        let what = format!("{beginning:?} {end:?}, {} bytes: {errors}", reply.len());
        assert_eq!(code, 0, "{what}");
        assert!(saved.as_deref() == Some(document), "{saved:?} {what}");
        assert!(errors.contains("before the document, which is no part of it"), "{what}");
        let (code, saved, errors) = get(&answering(reply, end, size), &["--strict"]);
        assert_eq!((code, saved), (76, None), "strict, {what}: {errors}");
    });
}

#[test]
fn documents_that_begin_with_such_bytes_are_intact() {
    let mut cases = Vec::new();
    for byte in PADDING {
        for count in [1, 7, 8, 28, 1000] {
            let rest = format!("{}RFC 1\n", String::from(char::from(byte)).repeat(count - 1));
            let document = format!("{}{rest}", char::from(byte));
            for surplus in ["", "\r\n"] {
                let length = Some(document.len());
                let reply = reply(length, "\r\n", byte, 0, &rest);
                let reply = [&reply[..], surplus.as_bytes()].concat();
                cases.push((reply, document.clone(), surplus));
            }
        }
    }
    in_parallel(cases, |(reply, document, surplus)| {
        let (code, saved, errors) = get(&answering(reply, End::Close, 4096), &[]);
        let what = format!("{} bytes, {surplus:?}: {errors}", document.len());
        let is_reported = document.starts_with('\0') && !surplus.is_empty();
        assert_eq!((code, saved), (0, Some(document)), "{what}");
        assert_eq!(errors.is_empty(), !is_reported, "{what}");
    });
}

#[test]
fn what_padding_leaves_open_is_not_stored_silently() {
    let nothing: [(Vec<u8>, &str); 4] = [
        // Neither as many bytes as the padding has, nor a block.
        (reply(Some(DOCUMENT.len() - 3), "\r\n", b'~', 200, DOCUMENT), "more after"),
        (reply(None, "\r\n", b'~', 200, DOCUMENT), "no length, ~"),
        (reply(None, "\r\n", 0, 0, DOCUMENT), "no length, NUL"),
        (reply(Some(DOCUMENT.len() + 9), "", 0, 200, DOCUMENT), "a length with some padding"),
    ];
    in_parallel(nothing, |(reply, what)| {
        let (code, saved, errors) = get(&answering(reply, End::Close, 4096), &[]);
        assert_eq!((code, saved), (76, None), "{what}: {errors}");
        assert!(errors.contains("before it"), "{what}: {errors}");
    });
    let blanks = reply(None, "\r\n", b' ', 200, "RFC 1\n");
    let (code, saved, errors) = get(&answering(blanks, End::Close, 4096), &[]);
    assert_eq!(code, 0, "{errors}");
    assert!(saved.is_some_and(|saved| saved.ends_with("  RFC 1\n")));
    assert!(errors.contains("may be padding"), "{errors}");
}
