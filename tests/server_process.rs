//! The index server as a program: real sockets, real signals.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Index, Program, Talk, share};

#[test]
fn it_says_where_it_listens_for_each_address() {
    // A machine may have no IPv6.
    let second = match TcpListener::bind("[::1]:0") {
        Ok(_) => "[::1]:",
        Err(_) => "127.0.0.2:",
    };
    let arguments = ["--listen", "127.0.0.1:0", "--listen", &format!("{second}0")];
    let program = Program::start(env!("CARGO_BIN_EXE_server"), &arguments, Path::new("."));
    for expected in ["127.0.0.1:", second] {
        let line = program.line();
        let port = line.strip_prefix("listening on ").and_then(|line| line.strip_prefix(expected));
        let port: u16 = port.expect(&line).parse().unwrap();
        assert_ne!(port, 0);
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        let mut talk = Talk::to(address);
        talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        assert_eq!(talk.reply(), ["P2P-CI/1.0 200 OK", ""]);
    }
}

#[test]
fn records_belong_to_their_connection() {
    let index = Index::start(&[]);
    let mut victim = index.connect();
    victim.add(1, "Mine", "victim", 1000);

    let mut stranger = index.connect();
    stranger.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: victim\r\nPort: 1000\r\n\r\n");
    assert_eq!(stranger.reply(), ["P2P-CI/1.0 404 Not Found"]);
    stranger.add(1, "Mine", "victim", 1000);
    assert_eq!(index.list(), ["RFC 1 Mine victim 1000"]);
    stranger.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: victim\r\nPort: 1000\r\n\r\n");
    assert_eq!(stranger.reply()[2], "RFC 1 Mine victim 1000");
    stranger.add(1, "Theirs", "victim", 1000);
    assert_eq!(index.list(), ["RFC 1 Theirs victim 1000", "RFC 1 Mine victim 1000"]);
    drop(stranger);
    index.wait_for_records(1);
    assert_eq!(index.list(), ["RFC 1 Mine victim 1000"]);
}

/// The time of a second is for a machine that has a free processor: one of three attempts must hold
/// it. Records that stay fail the first attempt.
#[test]
fn records_are_gone_within_a_second_of_close_and_crash() {
    let index = Index::start(&[]);
    let within_a_second = |end_owner: &dyn Fn()| {
        (0..3).any(|_| {
            end_owner();
            index.wait_for_records(0) < Duration::from_secs(1)
        })
    };
    assert!(within_a_second(&|| {
        let mut closing = index.connect();
        closing.add(1, "T", "h", 1);
        drop(closing);
    }));

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rfc90001.txt"), "text").unwrap();
    assert!(within_a_second(&|| {
        let (peer, _) = share(index.address, folder.path());
        assert_eq!(index.list().len(), 1);
        peer.signal("KILL");
    }));
}

#[test]
fn it_stops_within_two_seconds_and_ends_its_sessions() {
    for signal in ["INT", "TERM"] {
        let mut index = Index::start(&[]);
        let mut idle = index.connect();
        idle.add(1, "T", "h", 1);
        let mut half = index.connect();
        half.say("LIST ALL P2P");
        let start = Instant::now();
        index.program.signal(signal);
        assert_eq!(index.program.wait().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(idle.is_closed() && half.is_closed());
    }
}

#[test]
fn a_full_server_answers_503_and_recovers() {
    let index = Index::start(&["--max-connections", "2"]);
    let mut first = index.connect();
    first.add(1, "T", "h", 1);
    let mut second = index.connect();
    second.add(2, "T", "h", 1);
    let mut third = index.connect();
    assert_eq!(third.line().as_deref(), Some("P2P-CI/1.0 503 Service Unavailable"));
    assert_eq!(third.line().as_deref(), Some(""));
    assert!(third.is_closed());
    drop(second);
    index.program.error_with("left with 1 record");
    // The place is free when the connection's thread has ended, a moment after its last word.
    let mut next = loop {
        let mut talk = index.connect();
        talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        if talk.reply()[0].contains("200") {
            break talk;
        }
    };
    next.add(3, "T", "h", 1);
}

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
             connection (protocol.md section 3.1)"
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
fn the_log_escapes_and_counts() {
    let index = Index::start(&["--log", "requests"]);
    let mut talk = index.connect();
    index.program.error_with("joined (1 peer, 0 records)");
    talk.add(7, "T", "h", 1);
    index.program.error_with("ADD RFC 7: 200 OK (1 peer, 1 record)");
    talk.say("\u{202e}evil\u{9b}31m\r\n\r\n");
    let line = index.program.error_with("400 Bad Request");
    assert!(line.is_ascii(), "{line:?}");
    drop(talk);
    index.program.error_with("left with 1 record; the index has 0 records");
}

#[test]
fn a_quiet_log_is_quiet() {
    let mut index = Index::start(&["--log", "quiet"]);
    let mut talk = index.connect();
    talk.say("nonsense\r\n\r\n");
    talk.reply();
    index.program.signal("TERM");
    index.program.wait();
    assert_eq!(index.program.errors(), Vec::<String>::new());
}

#[test]
fn arguments_that_are_wrong_name_the_flag() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_server")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run(&["--listen", "nowhere"]);
    assert!(code == Some(2) && text.contains("--listen"), "{text}");
    let (code, text) = run(&["--max-connections", "0"]);
    assert!(code == Some(2) && text.contains("--max-connections"), "{text}");
    let taken = Index::start(&[]);
    let (code, text) = run(&["--listen", &taken.address.to_string()]);
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("cannot listen on {}: ", taken.address)), "{text}");
}

#[test]
fn limits_are_shown_with_what_bounds_them() {
    let output = Command::new(env!("CARGO_BIN_EXE_server"))
        .args(["--show-limits", "--max-connections", "5"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["request line", "2 KiB", "records in all", "10000000", "5  --max-connections"] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
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

/// Silent connections kept everybody else out of a full server.
#[test]
fn a_full_server_closes_connections_that_never_sent_a_request() {
    let index = Index::start(&["--max-connections", "3"]);
    let mut asking = index.connect();
    asking.add(1, "T", "h", 1);
    let mut silent = [index.connect(), index.connect()];
    let begun = Instant::now();
    // A new connection has a second for a request, so the first attempts may be refused.
    let mut served = loop {
        let mut talk = index.connect();
        talk.say("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        if talk.reply()[0].contains("200") {
            break talk;
        }
        assert!(begun.elapsed() < common::PATIENCE);
    };
    assert_eq!(silent[0].line().as_deref(), Some("P2P-CI/1.0 503 Service Unavailable"));
    asking.add(2, "T", "h", 1);
    served.add(3, "T", "h", 1);
    silent[1].add(4, "T", "h", 1);
}

/// A long list takes a slow reader more time than a connection has for its first request.
#[test]
fn a_full_server_does_not_close_a_connection_that_is_receiving_its_first_reply() {
    const RECORDS: u32 = 20_000;
    const SILENT_TIME: Duration = Duration::from_secs(1);
    let index = Index::start(&["--max-connections", "2"]);
    let mut holder = index.connect();
    let title = "t".repeat(500);
    for first in (0..RECORDS).step_by(100) {
        let add = |number: u32| {
            format!("ADD RFC {number} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: {title}\r\n\r\n")
        };
        holder.say((first + 1..=first + 100).map(add).collect::<String>());
        (0..100).for_each(|_| assert_eq!(holder.reply().len(), 3));
    }
    let mut reader = index.connect();
    reader.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    assert_eq!(reader.line().as_deref(), Some("P2P-CI/1.0 200 OK"));
    let begun = Instant::now();
    // Each newcomer would take the place of a connection that has sent nothing in that time.
    while begun.elapsed() < SILENT_TIME + SILENT_TIME / 2 {
        let mut newcomer = index.connect();
        assert_eq!(newcomer.line().as_deref(), Some("P2P-CI/1.0 503 Service Unavailable"));
    }
    assert_eq!(reader.line().as_deref(), Some(""));
    (0..RECORDS).for_each(|_| assert!(reader.line().is_some_and(|line| line.starts_with("RFC "))));
    assert_eq!(reader.line().as_deref(), Some(""));
}
