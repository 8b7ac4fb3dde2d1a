//! Requests, faults and replies on one connection (protocol.md sections 3 and 6).

use crate::common::Index;

#[test]
fn ten_bad_requests_in_a_row_close_the_connection() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    for _ in 0..9 {
        talk.say("nonsense\r\n\r\n");
        assert_eq!(talk.reply(), ["P2P-CI/1.0 400 Bad Request"]);
    }
    talk.add(1, "a good one restarts the count", "h", 1);
    for _ in 0..10 {
        talk.say("nonsense\r\n\r\n");
        assert_eq!(talk.reply(), ["P2P-CI/1.0 400 Bad Request"]);
    }
    assert!(talk.is_closed());
}

#[test]
fn bytes_of_other_programs_are_refused_and_the_connection_closed() {
    let index = Index::start(&[]);
    for bytes in [
        &b"\x80\x04\x95"[..],
        b"\x16\x03\x01\x02\x00",
        b"\x00\x15ADD RFC 1 P2P-CI/1.0\n",
        b"LIST ALL P2P-CI/1.0\rHost: h\r\n\r\n",
        b"LIST ALL P2P-CI/1.0\r\nHost: \x1b[31m\r\n",
    ] {
        let mut talk = index.connect();
        talk.say(bytes);
        assert_eq!(talk.reply(), ["P2P-CI/1.0 400 Bad Request"], "{bytes:?}");
        assert!(talk.is_closed(), "{bytes:?}");
    }
    let mut long = index.connect();
    long.say("L".repeat(100_000));
    assert_eq!(long.reply(), ["P2P-CI/1.0 400 Bad Request"]);
    assert!(long.is_closed());
}

#[test]
fn a_request_that_ends_with_the_connection_is_answered() {
    let index = Index::start(&["--explain"]);
    let mut talk = index.connect();
    talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n");
    talk.finish();
    assert_eq!(
        talk.reply(),
        [
            "P2P-CI/1.0 400 Bad Request",
            "Reason: line 4: expected the empty line that ends a request, found the end of the \
             connection (protocol.md section 3.1); the connection is closed, because the end of this \
             request is unknown"
        ]
    );
}

#[test]
fn replies_come_in_one_piece_and_in_order_however_requests_are_cut() {
    let index = Index::start(&[]);
    let mut requests = String::new();
    for number in 1..=200 {
        requests.push_str(&format!(
            "ADD RFC {number} P2P-CI/1.0\r\nHost: h\nPort: 1\r\nTitle: T\n\r\n"
        ));
    }
    for size in [1, 7, 100_000] {
        let mut talk = index.connect();
        for piece in requests.as_bytes().chunks(size) {
            talk.say(piece);
        }
        for number in 1..=200 {
            assert_eq!(talk.reply()[2], format!("RFC {number} T h 1"), "pieces of {size}");
        }
    }
}

#[test]
fn a_long_list_arrives_whole() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    let title = "x".repeat(400);
    for number in 1..=5000 {
        talk.add(number, &title, "h", 1);
    }
    let list = index.list();
    assert_eq!(list.len(), 5000);
    assert_eq!(list[4999], format!("RFC 5000 {title} h 1"));
}

#[test]
fn a_few_empty_lines_may_come_between_requests() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    let lookup = "LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
    for (first, count) in [("\n", 5), ("", 32), ("\n\n", 31), ("\n\n\n", 0)] {
        talk.say(format!("{first}{}{lookup}", "\r\n".repeat(count)));
        assert_eq!(talk.reply(), ["P2P-CI/1.0 404 Not Found"], "after {count} lines");
    }
}

/// They kept a thread busy for nothing. They are counted across reads, and in pieces of a byte.
#[test]
fn endless_empty_lines_are_refused() {
    let index = Index::start(&["--explain"]);
    for (piece, count) in [("\r\n", 33), ("\n", 65)] {
        let mut talk = index.connect();
        talk.say("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        assert_eq!(talk.reply()[0], "P2P-CI/1.0 404 Not Found");
        (0..count).for_each(|_| talk.say(piece));
        let reply = talk.reply();
        assert_eq!(reply[0], "P2P-CI/1.0 400 Bad Request");
        assert!(reply[1].contains("at most 64 bytes of empty lines"), "{reply:?}");
        assert!(talk.rest().is_empty());
    }
}

/// Requests of another version were answered for as long as they came.
#[test]
fn ten_requests_of_another_version_in_a_row_are_enough() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    talk.say("LIST ALL P2P-CI/9.9\r\nHost: h\r\nPort: 1\r\n\r\n".repeat(20));
    let replies = String::from_utf8(talk.rest()).unwrap();
    assert_eq!(replies.matches("P2P-CI/1.0 505 ").count(), 10, "{replies}");
}

/// Found by fuzzing: the two bytes of an empty line between requests came one after the other, and
/// were taken for the beginning of a request.
#[test]
fn an_empty_line_in_two_pieces_begins_no_request() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    talk.say("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n\r");
    assert_eq!(talk.reply(), ["P2P-CI/1.0 404 Not Found"]);
    talk.say("\n");
    talk.finish();
    assert_eq!(String::from_utf8(talk.rest()).unwrap(), "");
}
