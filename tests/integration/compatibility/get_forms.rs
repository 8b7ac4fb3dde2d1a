//! Uploaders of other programs: the forms of the requests that they understand (protocol.md section 5.4).

use std::io::Write;
use std::time::Duration;

use crate::common::{in_parallel, names, run_peer};
use crate::compatibility::holders::{Holder, get, read};

/// Programs that understand one form of a GET. The form is remembered for the next document.
#[test]
fn a_get_is_sent_in_the_form_that_the_holder_understands() {
    const BAD: &[u8] = b"P2P-CI/1.0 400 Bad Request\r\n\r\n";
    const VERSION: &[u8] = b"P2P-CI/1.0 505 P2P-CI Version Not Supported\r\n\r\n";
    type Answer = fn(&[u8]) -> Option<&'static [u8]>;
    const REPLY: &[u8] = b"P2P-CI/1.0 200 OK\nContent-Length: 4\n\nbody";
    let table: [(&str, Answer, usize); 8] = [
        ("any", |_| Some(REPLY), 1),
        (
            "refuses extensions",
            |request| match request.windows(4).any(|w| w == b"Want") {
                true => Some(BAD),
                false => Some(REPLY),
            },
            2,
        ),
        (
            "reads the version with its CR",
            |request| match request.contains(&b'\r') {
                true => Some(VERSION),
                false => Some(REPLY),
            },
            2,
        ),
        (
            "refuses an empty line",
            |request| match request.ends_with(b"\n\n") || request.contains(&b'\r') {
                true => Some(BAD),
                false => Some(REPLY),
            },
            3,
        ),
        (
            "closes at an empty line",
            |request| match request.ends_with(b"\r\n\r\n") {
                true => Some(b""),
                false => Some(REPLY),
            },
            3,
        ),
        ("awaits END", |request| request.ends_with(b"\nEND\n").then_some(REPLY), 2),
        (
            "awaits digits",
            |request| {
                let length = std::str::from_utf8(request.get(..10)?).ok()?.parse::<usize>();
                Some(if length == Ok(request.len() - 10) { REPLY } else { b"" })
            },
            6,
        ),
        (
            "awaits writeUTF",
            |request| {
                let length = u16::from_be_bytes([request[0], request[1]]);
                (usize::from(length) == request.len() - 2)
                    .then_some(b"\0\x25P2P-CI/1.0 200 OK\nContent-Length: 4\n\nbody")
            },
            5,
        ),
    ];
    in_parallel(table, |(name, answer, connections)| {
        let from = Holder::start(move |stream| {
            let mut request = Vec::new();
            loop {
                let part = read(stream)?;
                if part.is_empty() {
                    return Ok(());
                }
                request.extend(part);
                if let Some(reply) = answer(&request) {
                    return stream.write_all(reply);
                }
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let arguments = ["--share", ".", "get", "7", "8", "--from", &from.address.to_string()];
        let (code, _, errors) = run_peer(&arguments, "", directory.path());
        assert_eq!(code, 0, "{name}: {errors}");
        assert_eq!(names(directory.path()), ["rfc7.txt", "rfc8.txt"], "{name}");
        let found = from.connections();
        // Both documents may be requested before the first reply.
        assert!((connections..=2 * connections).contains(&found), "{name}: {found} connections");
    });
}

/// A holder that replies to nothing is asked a small number of times.
#[test]
fn the_forms_of_a_get_are_bounded() {
    let from = Holder::start(|stream| {
        while !read(stream)?.is_empty() {}
        Ok(())
    });
    let begun = std::time::Instant::now();
    let (code, saved, errors) = get(&from, &[]);
    assert_eq!((code, saved), (69, None), "{errors}");
    assert_eq!(from.connections(), 6);
    assert!(begun.elapsed() < Duration::from_secs(35), "{:?}", begun.elapsed());
}
