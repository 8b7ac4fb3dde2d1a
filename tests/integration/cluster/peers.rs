//! Peers of servers with one index: they move to another server without being told which (protocol.md section 4.13).

use std::time::{Duration, Instant};

use crate::cluster::server;
use crate::cluster::store::Store;
use crate::common::{directory, share};

#[test]
fn a_peer_of_a_killed_server_registers_with_another_server_of_the_cluster() {
    let Some(store) = Store::start(&[]) else { return };
    let (a, b) = (server(&store.url()), server(&store.url()));
    let root = tempfile::tempdir().unwrap();
    let theirs = directory(root.path(), "theirs", &[("rfc7.txt", b"seven")]);
    // The peer knows one server. That one names the other.
    let (peer, port) = share(a.address, &theirs);
    let listed = [format!("RFC 7 rfc7.txt localhost {port}")];
    b.wait_for_records(1);
    let begun = Instant::now();
    a.program.signal("KILL");
    peer.error_with(&format!("registered 1 document with {}", b.address));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // The record was listed the whole time: the lease of the killed server ends later than the peer moves.
    assert_eq!(b.list(), listed);
}
