//! Servers that are killed or frozen, a store that is lost, and a network that is cut.

use std::time::{Duration, Instant};

use crate::cluster::store::{Network, Store};
use crate::cluster::{add, server, wait_for};
use crate::common::Index;

/// The records of a server that does not answer are removed within this time.
const REMOVED: Duration = Duration::from_secs(10);

#[test]
fn the_records_of_a_killed_server_are_removed() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (server(&store.url()), server(&store.url()));
    let (_one, _two) = (add(&a, 1, 1), add(&b, 2, 2));
    b.wait_for_records(2);
    a.program.signal("KILL");
    let waited = wait_for(&b, &["RFC 2 T 127.0.0.1 2"]);
    assert!(waited < REMOVED, "{waited:?}");
    // Its keys are removed from the store, too.
    let begun = Instant::now();
    while store.command(&["SCARD", "{p2pci}:servers"]) != ":1\r\n" {
        assert!(begun.elapsed() < REMOVED);
    }
}

#[test]
fn late_writes_of_a_frozen_server_are_refused_and_published_again() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (server(&store.url()), server(&store.url()));
    let mut talk = add(&a, 1, 1);
    b.wait_for_records(1);
    a.program.signal("STOP");
    let waited = b.wait_for_records(0);
    assert!(waited < REMOVED, "{waited:?}");
    let _other = add(&b, 1, 2);
    a.program.signal("CONT");
    talk.add(3, "T", "127.0.0.1", 1);
    a.program.error_with("the lease has expired");
    let all = ["RFC 1 T 127.0.0.1 1", "RFC 1 T 127.0.0.1 2", "RFC 3 T 127.0.0.1 1"];
    let waited = wait_for(&b, &all);
    assert!(waited < REMOVED, "{waited:?}");
    wait_for(&a, &all);
}

/// The reads of both connections are interrupted. Before, the store counted as lost each time.
#[cfg(target_os = "linux")]
#[test]
fn a_short_pause_of_a_server_is_no_failure_of_the_store() {
    let Some(store) = Store::start(&[]) else { return };
    let (mut a, b) = (server(&store.url()), server(&store.url()));
    let mut talk = add(&a, 1, 1);
    let status = format!("/proc/{}/stat", a.program.id());
    let is_stopped = || std::fs::read_to_string(&status).unwrap().contains(") T ");
    for number in 2..=30 {
        a.program.signal("STOP");
        let begun = Instant::now();
        while !is_stopped() {
            assert!(begun.elapsed() < REMOVED);
        }
        a.program.signal("CONT");
        talk.add(number, "T", "127.0.0.1", 1);
    }
    b.wait_for_records(30);
    a.program.signal("TERM");
    a.program.wait();
    let errors = a.program.errors();
    let lost = errors.iter().find(|line| line.contains("cannot use the store"));
    assert_eq!(lost, None, "{errors:#?}");
}

/// It reads all records, and not the stream up to there, in which its own changes are.
#[test]
fn changes_of_a_server_that_was_frozen_are_read_back() {
    let Some(store) = Store::start(&[]) else { return };
    let (mut a, b) = (server(&store.url()), server(&store.url()));
    let mut talk = add(&a, 1, 1);
    b.wait_for_records(1);
    a.program.signal("STOP");
    b.wait_for_records(0);
    a.program.signal("CONT");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        (1..=50).for_each(|number| talk.add(number, "T", "127.0.0.1", 1));
    }
    b.wait_for_records(50);
    a.program.signal("TERM");
    a.program.wait();
    let errors = a.program.errors();
    assert!(!errors.iter().any(|line| line.contains("not read back")), "{errors:#?}");
}

#[test]
fn a_store_that_restarts_empty_gets_all_records_again() {
    let Some(mut store) = Store::start(&[]) else { return };
    let (a, b) = (server(&store.url()), server(&store.url()));
    let mut talk = add(&a, 1, 1);
    let _two = add(&b, 2, 2);
    a.wait_for_records(2);
    store.kill();
    // Local service continues.
    talk.add(3, "T", "127.0.0.1", 1);
    talk.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 1\r\n\r\n");
    assert_eq!(talk.reply()[0], "P2P-CI/1.0 200 OK");
    a.program.error_with("cannot use the store");
    // Nothing of the other server outlives the lease.
    let waited = wait_for(&a, &["RFC 3 T 127.0.0.1 1"]);
    assert!(waited < REMOVED, "{waited:?}");
    store.restart();
    let all = ["RFC 2 T 127.0.0.1 2", "RFC 3 T 127.0.0.1 1"];
    for index in [&a, &b] {
        let waited = wait_for(index, &all);
        assert!(waited < REMOVED, "{waited:?}");
        index.program.error_with("the store can be used again");
    }
    wait_for(&server(&store.url()), &all);
}

#[test]
fn a_server_whose_network_is_cut_serves_its_own_peers() {
    let Some(store) = Store::start(&[]) else { return };
    let network = Network::to(&store);
    let (a, b) = (Index::start(&["--cluster", &network.url()]), server(&store.url()));
    let mut talk = add(&a, 1, 1);
    let _two = add(&b, 2, 2);
    a.wait_for_records(2);
    b.wait_for_records(2);
    network.cut();
    talk.add(3, "T", "127.0.0.1", 1);
    wait_for(&b, &["RFC 2 T 127.0.0.1 2"]);
    wait_for(&a, &["RFC 1 T 127.0.0.1 1", "RFC 3 T 127.0.0.1 1"]);
    network.restore();
    let all = ["RFC 1 T 127.0.0.1 1", "RFC 2 T 127.0.0.1 2", "RFC 3 T 127.0.0.1 1"];
    for index in [&a, &b] {
        wait_for(index, &all);
    }
}

#[test]
fn a_server_starts_without_the_store() {
    let Some(mut store) = Store::start(&[]) else { return };
    store.kill();
    let a = server(&store.url());
    let _talk = add(&a, 1, 1);
    store.restart();
    let b = server(&store.url());
    b.wait_for_records(1);
}
