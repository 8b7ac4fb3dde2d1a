//! Several index servers with one index, with a real Redis (docs/cluster.md).

#![cfg(all(feature = "cluster", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test may panic"
)]

mod failover;
mod faults;
mod illegal;
mod observed;
mod options;
mod peers;
mod rolling;
mod store;

use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Index, PATIENCE, Talk};
use store::Store;

fn server(store: &str) -> Index {
    Index::start(&["--cluster", store])
}

/// Repeats LIST at a server until it has these lines.
fn wait_for(index: &Index, lines: &[&str]) -> Duration {
    let begun = Instant::now();
    loop {
        let found = index.list();
        if found == lines {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?} instead of {lines:?}");
        thread::yield_now();
    }
}

fn add(index: &Index, number: u32, port: u16) -> Talk {
    let mut talk = index.connect();
    talk.add(number, "T", "127.0.0.1", port);
    talk
}

#[test]
fn a_connection_that_has_removed_its_records_leaves_nothing_in_the_store() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (server(&store.url()), server(&store.url()));
    let mut talk = add(&a, 1, 1);
    wait_for(&b, &["RFC 1 T 127.0.0.1 1"]);
    talk.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 1\r\n\r\n");
    assert_eq!(talk.reply()[0], "P2P-CI/1.0 200 OK");
    wait_for(&b, &[]);
    assert_eq!(store.command(&["KEYS", "{p2pci}:connections:*"]), "*0\r\n");
    // It may add records again.
    talk.add(2, "T", "127.0.0.1", 1);
    wait_for(&b, &["RFC 2 T 127.0.0.1 1"]);
    let c = server(&store.url());
    wait_for(&c, &["RFC 2 T 127.0.0.1 1"]);
}

#[test]
fn clients_see_one_index_at_every_server() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (server(&store.url()), server(&store.url()));
    let mut first = add(&a, 1, 1);
    wait_for(&b, &["RFC 1 T 127.0.0.1 1"]);
    // The newest comes first, whichever server has it.
    let mut second = add(&b, 1, 2);
    let mut third = add(&a, 1, 3);
    let all = ["RFC 1 T 127.0.0.1 3", "RFC 1 T 127.0.0.1 2", "RFC 1 T 127.0.0.1 1"];
    wait_for(&a, &all);
    wait_for(&b, &all);
    // Equal records are one line, until the last owner has left.
    second.add(1, "T", "127.0.0.1", 1);
    third.add(2, "T", "127.0.0.1", 3);
    let all = [&all[..], &["RFC 2 T 127.0.0.1 3"]].concat();
    wait_for(&a, &all);
    wait_for(&b, &all);
    third.add(3, "T", "127.0.0.1", 3);
    let all = [&all[..], &["RFC 3 T 127.0.0.1 3"]].concat();
    wait_for(&b, &all);
    // A server that joins later has the same records in the same order.
    let c = server(&store.url());
    wait_for(&c, &all);
    let mut talk = c.connect();
    talk.say("SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: T\r\n\r\n");
    let found = talk.reply();
    assert_eq!((&*found[0], found.len()), ("P2P-CI/1.0 200 OK", 2 + all.len()), "{found:?}");
    first.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 1\r\n\r\n");
    assert_eq!(first.reply()[0], "P2P-CI/1.0 200 OK");
    // It is not the record of another connection.
    first.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 1\r\n\r\n");
    assert_eq!(first.reply()[0], "P2P-CI/1.0 404 Not Found");
    drop(third);
    for index in [&a, &b, &c] {
        wait_for(index, &["RFC 1 T 127.0.0.1 2", "RFC 1 T 127.0.0.1 1"]);
    }
}

/// Leases last by the clock of the store, and everything else by monotonic clocks: a machine whose date is set
/// loses no lease.
#[test]
fn no_date_decides() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cluster");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let sources: Vec<String> = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert!(sources.iter().any(|source| source.contains("Instant::now")));
    for source in sources {
        // Neither the date of this machine, nor that of the store.
        assert!(!source.contains("SystemTime") && !source.contains("'TIME'"), "{source}");
    }
}

/// The first request is answered after all records of the others were read.
#[test]
fn a_server_that_starts_answers_with_all_records() {
    let Some(store) = Store::start(&[]) else { return };
    let a = server(&store.url());
    let mut talk = a.connect();
    let count = 20_000;
    let requests = (1..=count).map(|number| {
        format!("ADD RFC {number} P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 1\r\nTitle: T\r\n\r\n")
    });
    for part in requests.collect::<Vec<String>>().chunks(500) {
        talk.say(part.concat());
        for _ in part {
            assert_eq!(talk.reply()[0], "P2P-CI/1.0 200 OK");
        }
    }
    for _ in 0..3 {
        assert_eq!(server(&store.url()).list().len(), count);
    }
}

/// A line keeps its place when its oldest owner leaves, also at a server that joins later.
#[test]
fn a_line_keeps_its_place_when_its_oldest_owner_has_left() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (server(&store.url()), server(&store.url()));
    let same = |lines: &[&str]| {
        wait_for(&a, lines);
        wait_for(&b, lines);
        wait_for(&server(&store.url()), lines);
    };
    let first = add(&a, 1, 1);
    b.wait_for_records(1);
    let _other = add(&b, 1, 2);
    a.wait_for_records(2);
    let mut equal = [add(&b, 1, 1), add(&a, 1, 1)];
    let lines = ["RFC 1 T 127.0.0.1 2", "RFC 1 T 127.0.0.1 1"];
    same(&lines);
    drop(first);
    // The end of a connection is seen later than this one is served.
    equal[0].add(2, "T", "127.0.0.1", 1);
    let all = [&lines[..], &["RFC 2 T 127.0.0.1 1"]].concat();
    let only_two = || store.command(&["KEYS", "{p2pci}:records:*"]).starts_with("*3\r\n");
    let begun = Instant::now();
    while !only_two() {
        assert!(begun.elapsed() < PATIENCE);
    }
    same(&all);
    // The place is passed on from the second owner to the third one.
    let [second, third] = equal;
    drop(second);
    same(&lines);
    drop(third);
    same(&lines[..1]);
}

#[test]
fn a_server_that_ends_takes_its_records_with_it() {
    let Some(store) = Store::start(&[]) else { return };
    let (mut a, b) = (server(&store.url()), server(&store.url()));
    let _talk = add(&a, 1, 1);
    b.wait_for_records(1);
    a.program.signal("TERM");
    assert!(a.program.wait().success());
    b.wait_for_records(0);
}
