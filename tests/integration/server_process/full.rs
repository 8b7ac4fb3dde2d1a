//! An index server all of whose connections are in use (protocol.md sections 7 and 9).

use std::time::{Duration, Instant};

use crate::common::{Index, PATIENCE};

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
        assert!(begun.elapsed() < PATIENCE);
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
