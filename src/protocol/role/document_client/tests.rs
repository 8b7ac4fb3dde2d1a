//! Replies and documents cut at every position, and connections that end at any of them.

use super::*;

const FIVE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Linux\r\n\
                    Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n\
                    Content-Length: 3\r\n";

fn head(more: &str) -> String {
    format!("P2P-CI/1.0 200 OK\r\n{FIVE}{more}\r\n")
}

/// A client that has sent this number of requests.
fn client(requests: usize) -> DocumentClient {
    let mut role = DocumentClient::new();
    (0..requests).for_each(|_| role.expect_reply());
    role
}

/// All events of these pieces and of the end after them, with the bytes of documents joined.
fn events(
    role: &mut DocumentClient,
    pieces: &[&[u8]],
) -> Vec<(DocumentMeaning, Vec<u8>, &'static str)> {
    let (mut input, mut found): (Vec<u8>, Vec<(_, Vec<u8>, _)>) = (Vec::new(), Vec::new());
    let mut take = |event: DocumentEvent, input: &mut Vec<u8>| {
        let bytes: Vec<u8> = input.drain(..event.used).collect();
        match (&event.meaning, found.last_mut()) {
            (DocumentMeaning::Bytes(place), Some((DocumentMeaning::Bytes(first), before, _))) => {
                assert_eq!(*place, *first + before.len() as u64);
                before.extend(bytes);
            }
            (DocumentMeaning::Surplus, Some((DocumentMeaning::Surplus, before, _))) => {
                before.extend(bytes);
            }
            _ => found.push((event.meaning, bytes, event.section)),
        }
    };
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some(event) = role.next(&input) {
            take(event, &mut input);
        }
    }
    loop {
        let event = role.on_end(&input);
        let is_last = !matches!(event.meaning, DocumentMeaning::Head(_));
        take(event, &mut input);
        if is_last {
            return found;
        }
        while let Some(event) = role.next(&input) {
            take(event, &mut input);
        }
    }
}

#[test]
fn cuts_do_not_matter() {
    let open = head("Connection: keep-alive\r\n") + "abc";
    let refusal = "P2P-CI/1.0 404 Not Found\r\nReason: none\r\n\r\n";
    let part = head("Content-Range: bytes 4-6/7\r\n").replace("200", "206") + "efg";
    let endless = "P2P-CI/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nabc";
    for (bytes, requests, sections) in [
        (head("") + "abc", 1, &["5.2", "5.3", "5.3", "5.7"][..]),
        (head("") + "abc\r\n", 2, &["5.2", "5.3", "5.3", "5.4", "5.7"]),
        (head("") + "ab", 1, &["5.2", "5.3", "5.3"]),
        (head("") + "a", 1, &["5.2", "5.3", "5.4"]),
        (part, 1, &["5.2", "5.3", "5.3", "5.7"]),
        (endless.into(), 1, &["5.2", "5.3", "5.4"]),
        (open.clone() + &open, 2, &["5.2", "5.3", "5.3", "5.2", "5.3", "5.3", "5.7"]),
        (open.clone() + &open, 3, &["5.2", "5.3", "5.3", "5.2", "5.3", "5.3", "5.7"]),
        (open + "abc", 1, &["5.2", "5.3", "5.3", "5.4", "5.7"]),
        (refusal.into(), 2, &["3.3", "5.7"]),
        ("HTTP/1.1 200 OK\r\n".into(), 1, &["6.1", "5.7"]),
        ("abc".into(), 0, &["5.4", "5.7"]),
        (String::new(), 1, &["5.7"]),
    ] {
        let bytes = bytes.as_bytes();
        let whole = events(&mut client(requests), &[bytes]);
        let found: Vec<_> = whole.iter().map(|(_, _, section)| *section).collect();
        assert_eq!(found, sections, "{} {whole:?}", bytes.escape_ascii());
        for cut in 0..bytes.len() {
            let pieces = [&bytes[..cut], &bytes[cut..]];
            let cut_events = events(&mut client(requests), &pieces);
            assert_eq!(cut_events, whole, "{} cut at {cut}", bytes.escape_ascii());
        }
    }
}

#[test]
fn documents_end_as_their_heads_say() {
    use DocumentMeaning::{Bytes, End, NoReply, Surplus, Truncated};
    let last = |bytes: &str, requests: usize| {
        let found = events(&mut client(requests), &[bytes.as_bytes()]);
        found
            .into_iter()
            .rev()
            .map(|(meaning, ..)| meaning)
            .find(|meaning| !matches!(meaning, DocumentMeaning::Closed | Surplus))
    };
    assert_eq!(last(&(head("") + "abc\n"), 1), Some(End(DocumentEnd::Complete)));
    assert_eq!(last(&(head("") + "ab"), 1), Some(Truncated(1)));
    // The missing bytes are as many as those of the empty line.
    assert_eq!(last(&(head("") + "a"), 1), Some(End(DocumentEnd::WithoutFirst("\r\n".into()))));
    assert_eq!(last("P2P-CI/1.0 200 OK\nOS: x\n\nabc", 1), Some(End(DocumentEnd::Close)));
    let open = head("Connection: keep-alive\r\n") + "abc";
    assert_eq!(last(&open, 2), Some(NoReply));
    let part = head("Content-Range: bytes 4-6/7\r\n").replace("200", "206");
    let mut role = client(1);
    let whole = role.next(part.as_bytes()).map(|event| event.used);
    assert_eq!((whole, role.missing()), (Some(part.len()), Some(3)));
    assert_eq!(role.next(b"ef").map(|event| event.meaning), Some(Bytes(4)));
    assert_eq!(role.next(b"gh").map(|event| (event.used, event.meaning)), Some((1, Bytes(6))));
}

#[test]
fn the_connection_may_end_within_a_head() {
    let head = head("");
    for end in 1..head.len() {
        let mut role = client(1);
        let part = &head.as_bytes()[..end];
        assert_eq!(role.next(part), None, "{end} bytes");
        let event = role.on_end(part);
        assert!(event.used <= end && event.meaning != DocumentMeaning::NoReply, "{event:?}");
    }
}

#[test]
fn a_head_that_is_cut_off_before_its_length_is_no_document() {
    let head = head("");
    let known = head.find("3\r\n").unwrap() + "3\r\n".len();
    assert!(matches!(
        client(1).on_end(b"P2P-CI/1.0 200 OK\r\n\r").meaning,
        DocumentMeaning::Fault(_)
    ));
    for end in 1..known {
        let part = &head.as_bytes()[..end];
        let event = client(1).on_end(part);
        let is_fault = matches!(event.meaning, DocumentMeaning::Fault(_));
        assert!(is_fault, "{:?}: {event:?}", head.get(..end));
    }
    // What is no header, is the document.
    for reply in [
        "P2P-CI/1.0 200 OK\r\nOS: x\r\nabc",
        "P2P-CI/1.0 200 OK\r\n\r\n",
        "P2P-CI/1.0 200 OK\nA: b",
    ] {
        let event = client(1).on_end(reply.as_bytes());
        assert!(matches!(event.meaning, DocumentMeaning::Head(_)), "{reply:?}: {event:?}");
    }
}
