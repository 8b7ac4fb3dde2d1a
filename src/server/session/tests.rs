//! Whole sessions over pipes in memory (protocol.md sections 3.4, 4 and 6).

use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::run;
use crate::limits;
use crate::net::{Connection, Outcome, pipe, pipe_of};
use crate::protocol::Cluster;
use crate::server::Config;
use crate::server::shared::Shared;

const ADD: &str = "ADD RFC 1 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 7000\r\nTitle: One\r\n\r\n";
const LOOKUP: &str =
    "LOOKUP RFC 1 P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 7000\r\nTitle: One\r\n\r\n";
const LIST: &str = "LIST ALL P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: 7000\r\n\r\n";
const FOUND: &str = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 One 127.0.0.1 7000\r\n\r\n";

fn shared() -> Shared {
    Shared::new(&Config::default())
}

/// Serves one end of a pipe while `client` uses the other one.
fn serve<T>(
    shared: &Shared,
    (server, client): (Connection, Connection),
    act: impl FnOnce(Connection, &Connection) -> T,
) -> (Outcome, T) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let server = Arc::new(server);
    thread::scope(|scope| {
        let served = Arc::clone(&server);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let session = scope.spawn(move || {
            let outcome = run(shared, &served, address, number);
            // The connection is closed, although this test still has it.
            let _ = served.shutdown(Shutdown::Both);
            outcome
        });
        let result = act(client, &server);
        (session.join().unwrap(), result)
    })
}

#[test]
fn requests_in_pieces_of_any_size_have_the_same_replies() {
    let requests = [ADD, LOOKUP, "\r\n", LIST, ADD].concat();
    for size in [1, 2, 7, 100, requests.len()] {
        let shared = shared();
        let (outcome, replies) = serve(&shared, pipe(), |client, _| {
            for piece in requests.as_bytes().chunks(size) {
                client.write_all(piece).unwrap();
            }
            client.shutdown(Shutdown::Write).unwrap();
            client.read_text()
        });
        assert_eq!((outcome, replies), (Outcome::Normal, FOUND.repeat(4)), "{size}");
        assert_eq!(shared.index.len(), 0, "its records are removed with the session");
        assert_eq!(shared.totals.to_string(), "1 connection, 4 requests, 0 faults");
    }
}

#[test]
fn a_reply_is_sent_before_the_next_request_arrives() {
    let shared = shared();
    serve(&shared, pipe(), |client, _| {
        for request in [ADD, LOOKUP, LIST] {
            client.write_all(request.as_bytes()).unwrap();
            assert_eq!(client.read_up_to(FOUND.len()).unwrap(), FOUND.as_bytes());
            assert_eq!(shared.index.len(), 1);
        }
    });
    assert_eq!(shared.index.len(), 0);
}

/// A long list does not fit into the pipe, so its session waits for the reader when that vanishes.
#[test]
fn the_records_of_a_peer_that_vanishes_are_removed() {
    let shared = shared();
    serve(&shared, pipe(), |owner, _| {
        let adds = (1..=500).map(|number| ADD.replace("RFC 1 ", &format!("RFC {number} ")));
        owner.write_all(adds.collect::<String>().as_bytes()).unwrap();
        while shared.index.len() < 500 {
            thread::yield_now();
        }
        for part_of_request in ["", "LOOKUP RFC 1 P2"] {
            let (outcome, ()) = serve(&shared, pipe_of(1000), |client, _| {
                client.write_all([ADD, LIST, part_of_request].concat().as_bytes()).unwrap();
                client.read_up_to(FOUND.len() + 1000).unwrap();
                assert_eq!(shared.index.len(), 501);
            });
            assert_eq!((outcome, shared.index.len()), (Outcome::Normal, 500));
        }
    });
    assert_eq!(shared.index.len(), 0);
}

#[test]
fn a_malformed_request_is_refused_and_ends_the_session() {
    let shared = shared();
    for (requests, refusals) in [("GARBAGE\r\n\r\n".repeat(99), 10), ("\0".repeat(99), 1)] {
        let (outcome, replies) = serve(&shared, pipe(), |client, _| {
            client.write_all(requests.as_bytes()).unwrap();
            client.read_text()
        });
        assert_eq!(outcome, Outcome::Abuse, "{replies}");
        let refusal = "P2P-CI/1.0 400 Bad Request\r\n\r\n";
        assert_eq!(replies, refusal.repeat(refusals));
    }
}

/// As when the server is stopped.
#[test]
fn a_session_whose_input_is_shut_down_sends_its_replies_and_ends() {
    let shared = shared();
    let (outcome, rest) = serve(&shared, pipe(), |client, server| {
        client.write_all(ADD.as_bytes()).unwrap();
        assert_eq!(client.read_up_to(FOUND.len()).unwrap(), FOUND.as_bytes());
        server.shutdown(Shutdown::Read).unwrap();
        client.read_text()
    });
    assert_eq!((outcome, rest.as_str()), (Outcome::Normal, ""));
}

#[test]
fn a_request_of_which_the_rest_does_not_come_is_refused_after_the_deadline() {
    let head_deadline = Duration::from_millis(50);
    let limits = limits::Server { head_deadline, ..limits::Server::DEFAULT };
    let shared = Shared::new(&Config { limits, ..Config::default() });
    let (outcome, replies) = serve(&shared, pipe(), |client, _| {
        client.write_all(ADD.as_bytes()).unwrap();
        client.read_up_to(FOUND.len()).unwrap();
        // Between two requests a peer may be silent.
        thread::sleep(head_deadline * 2);
        client.write_all(b"LIST").unwrap();
        client.read_text()
    });
    assert_eq!((outcome, replies.as_str()), (Outcome::Abuse, "P2P-CI/1.0 400 Bad Request\r\n\r\n"));
}

#[test]
fn a_connection_and_the_index_have_limits_of_records() {
    for (records_per_connection, records) in [(2, 9), (9, 2)] {
        let defaults = limits::Server::DEFAULT;
        let limits = limits::Server { records_per_connection, records, ..defaults };
        let shared = Shared::new(&Config { limits, ..Config::default() });
        let (_, replies) = serve(&shared, pipe(), |client, _| {
            let adds = (1..=3).map(|number| ADD.replace("RFC 1 ", &format!("RFC {number} ")));
            client.write_all(adds.collect::<String>().as_bytes()).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client.read_text()
        });
        assert_eq!(replies.matches(" 200 OK").count(), 2, "{replies}");
        assert!(replies.ends_with("P2P-CI/1.0 503 Service Unavailable\r\n\r\n"), "{replies}");
    }
}

#[test]
fn a_reader_below_the_minimum_read_rate_is_cut_off() {
    let mut limits = limits::Server::DEFAULT;
    limits.read_rate.time = Duration::from_millis(1);
    let shared = Shared::new(&Config { limits, ..Config::default() });
    let (outcome, ()) = serve(&shared, pipe_of(1000), |client, _| {
        // The replies do not fit into the pipe.
        let add = ADD.replace("One", &"T".repeat(500));
        client.write_all([&add, LIST, LIST].concat().as_bytes()).unwrap();
        // Its records are removed although it keeps the connection and reads nothing.
        while shared.index.is_empty() {
            thread::yield_now();
        }
        while !shared.index.is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    assert_eq!(outcome, Outcome::Normal);
}

#[test]
fn a_refused_lookup_names_the_cluster_if_it_was_asked_for() {
    let lookup =
        |headers: &str| format!("LOOKUP FILE x P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n{headers}\r\n");
    let mut cluster = Cluster::new("campus".parse().unwrap());
    for server in ["index1.example:7734", "[2001:db8::1]:7735"] {
        cluster.add(server.parse().unwrap());
    }
    const NAMED: &str = "Cluster: campus\r\nCluster-Server: index1.example:7734\r\n\
                         Cluster-Server: [2001:db8::1]:7735\r\n";
    let table = [
        (Some(cluster.clone()), "", ""),
        (Some(cluster.clone()), "Want-Cluster: 1\r\n", NAMED),
        (Some(cluster.clone()), "Want-Cluster: 2\r\n", ""),
        (
            Some(cluster),
            "Want-Attributes: 1\r\nWant-Cluster: 1\r\n",
            &format!("Attributes: 1\r\n{NAMED}"),
        ),
        (None, "Want-Cluster: 1\r\n", ""),
    ];
    for (cluster, asked, named) in table {
        let shared = Shared::new(&Config { cluster, ..Config::default() });
        // A found document has the reply of the handout.
        let requests =
            [&lookup(asked), ADD, &LOOKUP.replace("\r\n\r\n", &format!("\r\n{asked}\r\n"))];
        let (_, replies) = serve(&shared, pipe(), |client, _| {
            client.write_all(requests.concat().as_bytes()).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client.read_text()
        });
        let expected = format!("P2P-CI/1.0 404 Not Found\r\n{named}\r\n{FOUND}");
        let rest = replies.strip_prefix(&expected);
        assert!(rest.is_some_and(|rest| !rest.contains("Cluster")), "{asked:?}: {replies}");
    }
}
