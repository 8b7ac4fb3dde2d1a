//! What operators see while the store is lost, and when it has returned.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::store::Store;
use crate::cluster::{add, server, wait_for};
use crate::common::operators::{admin_address, get, value};
use crate::common::{Index, PATIENCE};

/// A server of a cluster with an address and a socket for operators.
struct Observed {
    index: Index,
    address: SocketAddr,
    socket: PathBuf,
    _directory: TempDir,
}

impl Observed {
    fn start(store: &Store) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("admin");
        let (url, path) = (store.url(), socket.to_str().unwrap());
        let index = Index::start(&["--cluster", &url, "--admin", path, "--admin", "127.0.0.1:0"]);
        assert_eq!(index.program.line(), format!("admin at {path}"));
        let address = admin_address(&index.program);
        Self { index, address, socket, _directory: directory }
    }

    fn metric(&self, name: &str) -> f64 {
        value(&get(self.address, "/metrics").1, &format!("p2p_ci_cluster_{name}"))
    }

    fn wait_for(&self, name: &str, is_it: impl Fn(f64) -> bool) {
        let begun = Instant::now();
        loop {
            let found = self.metric(name);
            if is_it(found) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} {found}");
            thread::yield_now();
        }
    }

    fn ready(&self) -> (String, String) {
        let (head, body) = get(self.address, "/readyz");
        (head.lines().next().unwrap().into(), body)
    }

    fn stats(&self) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
        command.args(["admin", "--format", "json", "--socket"]).arg(&self.socket).arg("stats");
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    }
}

#[test]
fn metrics_and_totals_describe_the_cluster() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (Observed::start(&store), server(&store.url()));
    let _one = add(&a.index, 1, 1);
    let _others = [add(&b, 2, 2), add(&b, 3, 3)];
    a.index.wait_for_records(3);
    a.wait_for("servers", |count| count == 1.0);
    for (name, expected) in [
        ("store_usable", 1.0),
        ("records", 2.0),
        ("waiting_changes", 0.0),
        ("changes_total{kind=\"published\"}", 1.0),
        ("changes_total{kind=\"remote\"}", 2.0),
        ("changes_total{kind=\"local\"}", 0.0),
        ("changes_total{kind=\"published_again\"}", 0.0),
        ("waits_total", 1.0),
        ("store_failures_total", 0.0),
        ("fenced_writes_total", 0.0),
        ("illegal_entries_total", 0.0),
        ("refused_records_total", 0.0),
    ] {
        assert_eq!(a.metric(name), expected, "{name}");
    }
    for name in ["batches_total", "wait_seconds_total", "resyncs_total"] {
        assert!(a.metric(name) > 0.0, "{name}");
    }
    assert_eq!(a.ready(), ("HTTP/1.1 200 OK".into(), "ready\n".into()));
    let stats = a.stats();
    for (name, expected) in
        [("cluster_servers", 1), ("cluster_records", 2), ("cluster_waiting_changes", 0)]
    {
        assert_eq!(stats[name], expected, "{name}: {stats}");
    }
    assert!(stats["cluster"].is_string() && stats["cluster_name"].is_string(), "{stats}");
    assert!(stats["cluster_failure"].is_null(), "{stats}");
}

#[test]
fn a_lost_store_and_its_return_are_seen() {
    let Some(mut store) = Store::start(&[]) else { return };
    let (a, b) = (Observed::start(&store), server(&store.url()));
    let mut one = add(&a.index, 1, 1);
    let _two = add(&b, 2, 2);
    a.wait_for("records", |count| count == 1.0);
    store.kill();
    a.wait_for("store_usable", |usable| usable == 0.0);
    // It serves its own peers, so it is ready.
    let (status, text) = a.ready();
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(text.starts_with("ready; the store of the cluster cannot be used: "), "{text}");
    assert!(a.stats()["cluster_failure"].is_string());
    a.index.program.error_with("cannot use the store");
    one.add(3, "T", "127.0.0.1", 1);
    a.wait_for("changes_total{kind=\"local\"}", |count| count == 1.0);
    a.wait_for("silence_seconds", |seconds| seconds > 1.0);
    a.wait_for("records", |count| count == 0.0);
    assert_eq!(a.metric("servers"), 0.0);
    assert!(a.metric("store_failures_total") > 0.0);
    let reads = a.metric("resyncs_total");
    store.restart();
    a.wait_for("store_usable", |usable| usable == 1.0);
    a.index.program.error_with("the store can be used again");
    wait_for(&a.index, &["RFC 1 T 127.0.0.1 1", "RFC 2 T 127.0.0.1 2", "RFC 3 T 127.0.0.1 1"]);
    a.wait_for("changes_total{kind=\"published_again\"}", |count| count >= 2.0);
    assert!(a.metric("resyncs_total") > reads);
    a.wait_for("servers", |count| count == 1.0);
    assert_eq!(a.ready(), ("HTTP/1.1 200 OK".into(), "ready\n".into()));
    assert!(a.stats()["cluster_failure"].is_null());
}

#[test]
fn refused_writes_of_a_frozen_server_are_counted() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (Observed::start(&store), server(&store.url()));
    let _one = add(&a.index, 1, 1);
    b.wait_for_records(1);
    a.index.program.signal("STOP");
    b.wait_for_records(0);
    a.index.program.signal("CONT");
    a.wait_for("fenced_writes_total", |count| count == 1.0);
}

#[test]
fn changes_that_wait_for_a_store_that_hangs_are_counted() {
    let Some(store) = Store::start(&[]) else { return };
    let a = Observed::start(&store);
    let mut talk = add(&a.index, 1, 1);
    store.signal("STOP");
    talk.say("ADD RFC 2 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 1\r\nTitle: T\r\n\r\n");
    a.wait_for("waiting_changes", |count| count == 1.0);
    // The timeout of the store ends the wait.
    assert_eq!(talk.reply()[0], "P2P-CI/1.0 200 OK");
    assert_eq!((a.metric("waiting_changes"), a.metric("store_usable")), (0.0, 0.0));
    store.signal("CONT");
    a.wait_for("store_usable", |usable| usable == 1.0);
}

#[test]
fn illegal_entries_are_counted() {
    let Some(store) = Store::start(&[]) else { return };
    let a = Observed::start(&store);
    let _one = add(&a.index, 1, 1);
    for number in 1..=3 {
        store.command(&["XADD", "{p2pci}:changes", "*", "x", "y"]);
        a.wait_for("illegal_entries_total", |count| count == f64::from(number));
    }
    assert_eq!(a.ready().1, "ready\n");
}
