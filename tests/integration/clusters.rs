//! Peers of a cluster of index servers (protocol.md section 4.13): one registration, and another server when one
//! has ended or does not reply.
//!
//! Connections go through relays, whose addresses are known before the servers start. A relay that is frozen
//! accepts connections and forwards nothing, as the system does for a stopped process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::library::{Depth, Library};
use p2p_ci::limits;
use p2p_ci::peer::{
    Announcer, Cancel, Event, IndexDialect, OwnEnd, Peer, Registration, Sharing, SharingOptions,
    lookup,
};
use p2p_ci::protocol::{Cluster, Document, Endpoint};
use p2p_ci::server::{Config, Server};

/// Within this time the records of a peer must be at another server.
const FAIL_OVER: Duration = Duration::from_secs(10);
/// What the test itself waits for on a machine with other load.
const PATIENCE: Duration = Duration::from_secs(60);

/// Forwards connections to a server.
struct Relay {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    target: Mutex<Option<SocketAddr>>,
    is_frozen: AtomicBool,
    is_closed: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    /// What clients have sent.
    received: Mutex<Vec<u8>>,
}

impl Relay {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = *shared.target.lock().unwrap();
                let (false, Some(target)) = (shared.is_closed.load(Ordering::Acquire), target)
                else {
                    continue;
                };
                let Ok(server) = TcpStream::connect(target) else { continue };
                let ends = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                shared.open.lock().unwrap().extend(ends);
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                for (from, to, is_client) in [(client, server, true), (ends.1, ends.0, false)] {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || shared.forward(from, to, is_client));
                }
            }
        });
        Self { address, state }
    }

    fn endpoint(&self) -> Endpoint {
        self.address.to_string().parse().unwrap()
    }

    fn freeze(&self) {
        self.state.is_frozen.store(true, Ordering::Release);
    }

    fn close(&self) {
        self.state.is_closed.store(true, Ordering::Release);
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn reopen(&self) {
        self.state.is_closed.store(false, Ordering::Release);
    }

    fn received(&self) -> String {
        String::from_utf8_lossy(&self.state.received.lock().unwrap()).into_owned()
    }
}

impl State {
    fn forward(&self, mut from: TcpStream, mut to: TcpStream, is_client: bool) {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            if is_client {
                self.received.lock().unwrap().extend(&chunk[..count]);
            }
            if !self.is_frozen.load(Ordering::Acquire) && to.write_all(&chunk[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}

/// Servers, each after a relay.
struct Servers {
    relays: Vec<Relay>,
    addresses: Vec<SocketAddr>,
    stops: Vec<Box<dyn Fn()>>,
}

impl Servers {
    /// A server for each of these clusters. A cluster names the relays of all servers that belong to it, and
    /// these servers.
    fn start(clusters: &[Option<&str>], others: &[Endpoint]) -> Self {
        let relays: Vec<Relay> = clusters.iter().map(|_| Relay::start()).collect();
        let (mut addresses, mut stops) = (Vec::new(), Vec::new());
        for (id, relay) in clusters.iter().zip(&relays) {
            let cluster = id.map(|name| {
                let mut cluster = Cluster::new(name.parse().unwrap());
                let of_it = clusters.iter().zip(&relays).filter(|(one, _)| *one == id);
                for endpoint in of_it.map(|(_, relay)| relay.endpoint()).chain(others.to_vec()) {
                    cluster.add(endpoint);
                }
                cluster
            });
            let listen = vec!["127.0.0.1:0".parse().unwrap()];
            let server = Server::bind(&Config { listen, cluster, ..Config::default() }).unwrap();
            let address = server.addresses().unwrap()[0];
            let stop = server.stop();
            stops.push(Box::new(move || stop.stop()) as Box<dyn Fn()>);
            thread::spawn(move || server.run());
            *relay.state.target.lock().unwrap() = Some(address);
            addresses.push(address);
        }
        Self { relays, addresses, stops }
    }

    /// The servers that list the document of the peer.
    fn listing(&self) -> BTreeSet<usize> {
        let lists = |at: &usize| {
            let server = self.addresses[*at].to_string().parse().unwrap();
            let found = Peer::new(server).find(&Document::Rfc("1".parse().unwrap()));
            !found.unwrap().is_empty()
        };
        (0..self.addresses.len()).filter(lists).collect()
    }

    /// Waits until the document is listed by as many servers; returns them and the time.
    fn wait_for(&self, wanted: impl Fn(&BTreeSet<usize>) -> bool) -> (BTreeSet<usize>, Duration) {
        let begun = Instant::now();
        loop {
            let found = self.listing();
            if wanted(&found) {
                return (found, begun.elapsed());
            }
            assert!(begun.elapsed() < PATIENCE, "{found:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stops.iter().for_each(|stop| stop());
    }
}

/// A peer that shares one document, and its events.
fn share(directory: &Path, named: &[&Relay]) -> (Sharing, Arc<Mutex<Vec<String>>>) {
    fs::write(directory.join("rfc1.txt"), "text").unwrap();
    let library = Library::scan(directory, Depth::Directory).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let tell = move |server: &Endpoint, event: Event| {
        seen.lock().unwrap().push(format!("{server}: {event:?}"));
    };
    let mut servers = named.iter().map(|relay| relay.endpoint());
    let first = servers.next().unwrap();
    let options = SharingOptions::default();
    let others = servers.collect();
    let sharing = Sharing::start_with_all(library, listener, first, others, options, tell).unwrap();
    // The server has named its cluster before.
    sharing.wait_until_registered().unwrap();
    (sharing, events)
}

#[test]
fn a_peer_registers_with_one_server_of_a_cluster_and_moves_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let servers = Servers::start(&[Some("one"); 3], &[]);
    let named: Vec<&Relay> = servers.relays.iter().collect();
    let (_sharing, events) = share(directory.path(), &named);
    let are_standing_by = || {
        let events = events.lock().unwrap();
        events.iter().filter(|event| event.contains("StandingBy")).count() == 2
    };
    let (mut before, _) = servers.wait_for(|found| found.len() == 1 && are_standing_by());
    // The servers end one after the other, and begin again.
    for _ in 0..4 {
        let at = *before.first().unwrap();
        servers.relays[at].close();
        let (now, time) = servers.wait_for(|found| found.len() == 1 && !found.contains(&at));
        assert!(time < FAIL_OVER, "{time:?} {:?}", events.lock().unwrap());
        servers.relays[at].reopen();
        before = now;
    }
}

#[test]
fn a_peer_registers_with_the_server_of_a_cluster_that_was_named_first() {
    for round in 0..6 {
        let directory = tempfile::tempdir().unwrap();
        let servers = Servers::start(&[Some("one"); 3], &[]);
        let first = round % 3;
        let named = [first, (first + 1) % 3, (first + 2) % 3];
        let named: Vec<&Relay> = named.iter().map(|at| &servers.relays[*at]).collect();
        let (_sharing, events) = share(directory.path(), &named);
        let has_stood_by = || {
            let events = events.lock().unwrap();
            events.iter().filter(|event| event.contains("StandingBy")).count() == 2
        };
        let (found, _) = servers.wait_for(|found| found.len() == 1 && has_stood_by());
        assert_eq!(found, BTreeSet::from([first]), "{:?}", events.lock().unwrap());
    }
}

#[test]
fn a_peer_moves_when_its_server_does_not_reply_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let servers = Servers::start(&[Some("one"); 3], &[]);
    let (_sharing, events) = share(directory.path(), &[&servers.relays[0]]);
    servers.wait_for(|found| found.len() == 1);
    servers.relays[0].freeze();
    // The frozen server still has the record.
    let (_, time) = servers.wait_for(|found| found.iter().any(|at| *at > 0));
    assert!(time < FAIL_OVER, "{time:?} {:?}", events.lock().unwrap());
}

#[test]
fn a_peer_that_began_without_documents_moves_when_its_server_does_not_reply_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let servers = Servers::start(&[Some("one"); 3], &[]);
    let library = Library::scan(directory.path(), Depth::Directory).unwrap();
    let registration = Registration::start(
        servers.relays[0].endpoint(),
        OwnEnd::at("5678".parse().unwrap()),
        library.clone(),
        IndexDialect::default(),
        limits::Registration::default(),
        |_| {},
    );
    let registration = Arc::new(registration.unwrap());
    let announcer = Announcer::start(Arc::clone(&registration)).unwrap();
    registration.wait(&Cancel::new()).unwrap();
    // A query shows what the server knows, before there is something to register.
    let document = Document::Rfc("1".parse().unwrap());
    assert!(lookup(&registration.queries(), &document, None).unwrap().found.is_empty());
    let file = directory.path().join("rfc1.txt");
    fs::write(&file, "text").unwrap();
    assert_eq!(library.add_file(&file, None).unwrap(), document);
    announcer.queue().send(document).unwrap();
    let is_registered =
        || registration.cluster().is_some() && registration.check_registered().is_ok();
    servers.wait_for(|found| found.len() == 1 && is_registered());
    servers.relays[0].freeze();
    let (_, time) = servers.wait_for(|found| found.iter().any(|at| *at > 0));
    assert!(time < FAIL_OVER, "{time:?}");
}

#[test]
fn a_peer_of_one_server_moves_to_those_that_it_has_named() {
    let directory = tempfile::tempdir().unwrap();
    let servers = Servers::start(&[Some("one"); 2], &[]);
    let (_sharing, events) = share(directory.path(), &[&servers.relays[0]]);
    let (found, _) = servers.wait_for(|found| !found.is_empty());
    assert_eq!(found, BTreeSet::from([0]));
    servers.relays[0].close();
    let (_, time) = servers.wait_for(|found| *found == BTreeSet::from([1]));
    assert!(time < FAIL_OVER, "{time:?} {:?}", events.lock().unwrap());
}

#[test]
fn a_peer_registers_with_each_server_that_is_alone_and_with_each_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let servers = Servers::start(&[None, Some("one"), Some("two"), None, Some("two")], &[]);
    let named: Vec<&Relay> = servers.relays.iter().collect();
    let (_sharing, events) = share(directory.path(), &named);
    let is_one_of_two = |found: &BTreeSet<usize>| found.contains(&2) != found.contains(&4);
    let has_stood_by = || events.lock().unwrap().iter().any(|event| event.contains("StandingBy"));
    servers.wait_for(|found| {
        found.len() == 4
            && found.is_superset(&BTreeSet::from([0, 1, 3]))
            && is_one_of_two(found)
            && has_stood_by()
    });
}

#[test]
fn a_named_server_of_another_cluster_gets_no_record() {
    let directory = tempfile::tempdir().unwrap();
    // A server of no cluster, and one of another cluster.
    let strangers = Servers::start(&[None, Some("other")], &[]);
    let named: Vec<Endpoint> = strangers.relays.iter().map(Relay::endpoint).collect();
    let servers = Servers::start(&[Some("one")], &named);
    let (_sharing, events) = share(directory.path(), &[&servers.relays[0]]);
    servers.wait_for(|found| found.len() == 1);
    servers.relays[0].close();
    let begun = Instant::now();
    while strangers.relays.iter().any(|relay| relay.received().is_empty()) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", events.lock().unwrap());
        thread::sleep(Duration::from_millis(20));
    }
    servers.relays[0].reopen();
    servers.wait_for(|found| found.len() == 1);
    for relay in &strangers.relays {
        let received = relay.received();
        assert!(received.starts_with("LOOKUP FILE "), "{received}");
        assert!(!received.contains("ADD"), "{received}");
    }
}
