//! How a node joins its network and stays in it.
//!
//! A node of the crate `mainline` remembers only nodes that reply to it, except if it has no bootstrap nodes itself:
//! then it remembers who asks it for nodes. In a network where all nodes have bootstrap nodes, newcomers would
//! be known only to these. So here no node has any, and joins by an introduction: a socket of this process asks the
//! node for nodes, so that the node asks the socket later, and replies with the addresses of the bootstrap nodes.
//! It uses the identifier of a bootstrap node, whose own reply replaces the address of the socket.
//!
//! A reader is introduced in the same way, but never asks for nodes. So no other node remembers it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::krpc::{NodeId, Received, Transaction, find_node, nodes, ping};
use crate::limits;

/// The identifier of the socket: the node does not remember it.
const OWN_ID: NodeId = [0; 20];
/// Longer than any message.
const BUFFER: usize = 2048;

/// The node that is introduced.
pub(super) struct Introduced {
    /// Where it listens.
    pub(super) address: SocketAddrV4,
    /// Whether it still runs.
    pub(super) runs: Box<dyn Fn() -> bool + Send>,
    /// Has it search other nodes, by which they know it; `None` for a reader.
    pub(super) explore: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Is called when a bootstrap node was started again.
    pub(super) restarted: Box<dyn Fn() + Send>,
}

/// Introduces a node to bootstrap nodes until the node has ended.
pub(super) struct Joining {
    socket: UdpSocket,
    node: Introduced,
    /// The bootstrap nodes, and what their replies contain. A program that forges the address of a bootstrap node
    /// does not know it.
    bootstrap: BTreeMap<SocketAddrV4, Transaction>,
    /// The bootstrap nodes that have not replied in this round.
    asked: BTreeSet<SocketAddrV4>,
    /// The bootstrap nodes that have replied, and when the node is introduced to each again.
    known: BTreeMap<SocketAddrV4, (NodeId, Instant)>,
    next_round: Instant,
    /// Whether a thread has the node search other nodes.
    explores: Arc<AtomicBool>,
}

impl Joining {
    /// Starts a thread for a node.
    pub(super) fn start(mut node: Introduced, bootstrap: Vec<SocketAddrV4>) -> io::Result<()> {
        let socket = bind(*node.address.ip())?;
        socket.set_read_timeout(Some(limits::DHT_JOIN_POLL))?;
        // A node of every address is asked at this machine.
        if node.address.ip().is_unspecified() {
            node.address.set_ip(Ipv4Addr::LOCALHOST);
        }
        let bootstrap = bootstrap.into_iter().map(|address| (address, random())).collect();
        let mut joining = Self {
            socket,
            node,
            bootstrap,
            asked: BTreeSet::new(),
            known: BTreeMap::new(),
            next_round: Instant::now(),
            explores: Arc::default(),
        };
        thread::Builder::new()
            .name("dht-join".into())
            .stack_size(limits::THREAD_STACK)
            .spawn(move || while joining.step() {})
            .map(drop)
    }

    /// Waits for a message for a moment; false when the node has ended.
    fn step(&mut self) -> bool {
        if !(self.node.runs)() {
            return false;
        }
        if self.next_round <= Instant::now() {
            let pause = match self.known.is_empty() {
                true => limits::DHT_JOIN_RETRY,
                false => limits::DHT_PING,
            };
            self.next_round = limits::ends_after(pause);
            self.asked = self.bootstrap.keys().copied().collect();
            for (address, transaction) in &self.bootstrap {
                self.send(&ping(&OWN_ID, *transaction), *address);
            }
        }
        let mut buffer = [0; BUFFER];
        let Ok((length, SocketAddr::V4(from))) = self.socket.recv_from(&mut buffer) else {
            return true;
        };
        match buffer.get(..length).and_then(Received::read) {
            Some(Received::Request(transaction)) if from.port() == self.node.address.port() => {
                let known = self.known.iter();
                let known = known.map(|(address, (id, _))| (adjacent_id(*id), *address));
                self.send(&nodes(&OWN_ID, transaction, known), from);
            }
            Some(Received::Reply(id, transaction))
                if self.bootstrap.get(&from) == Some(&transaction) && self.asked.remove(&from) =>
            {
                self.greet(from, id);
            }
            _ => {}
        }
        true
    }

    /// Introduces the node to a bootstrap node that has replied, if it does not know the node, or may have forgotten it.
    fn greet(&mut self, bootstrap: SocketAddrV4, id: NodeId) {
        if self.known.is_empty() {
            self.next_round = limits::ends_after(limits::DHT_PING);
        }
        let before = self.known.get(&bootstrap).copied();
        if before.is_some_and(|(known, until)| known == id && Instant::now() < until) {
            return;
        }
        self.known.insert(bootstrap, (id, limits::ends_after(limits::DHT_REFRESH)));
        self.send(&find_node(&OWN_ID, &id), self.node.address);
        if before.is_some_and(|(known, _)| known != id) {
            (self.node.restarted)();
        }
        self.explore();
    }

    /// Has the node search others.
    fn explore(&self) {
        if let Some(explore) = self.node.explore.clone()
            && !self.explores.swap(true, Ordering::Relaxed)
        {
            let explores = Arc::clone(&self.explores);
            let search = move || {
                explore();
                explores.store(false, Ordering::Relaxed);
            };
            let thread = thread::Builder::new().name("dht-explore".into());
            if let Err(error) = thread.stack_size(limits::THREAD_STACK).spawn(search) {
                self.explores.store(false, Ordering::Relaxed);
                log::debug!("other nodes of the table are searched later: {error}");
            }
        }
    }

    fn send(&self, message: &[u8], to: SocketAddrV4) {
        // It is sent again in the next round.
        if let Err(error) = self.socket.send_to(message, to) {
            log::debug!("cannot send to {to}: {error}");
        }
    }
}

/// A transaction identifier that nobody can guess.
fn random() -> Transaction {
    let [a, b, c, d, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    [a, b, c, d]
}

/// An identifier next to this one. The node takes the socket for the owner of the identifier itself, and does not
/// ask another address with the same one.
fn adjacent_id(mut id: NodeId) -> NodeId {
    let [.., last] = &mut id;
    *last ^= 1;
    id
}

/// A socket that reaches the node and the bootstrap nodes. On loopback it has an address of its own if the system
/// permits it: a node remembers few nodes of one address.
fn bind(node: Ipv4Addr) -> io::Result<UdpSocket> {
    match node.is_loopback() {
        true => {
            let own = Ipv4Addr::new(127, 77, 34, 1);
            UdpSocket::bind((own, 0)).or_else(|_| UdpSocket::bind((node, 0)))
        }
        false => UdpSocket::bind((node, 0)),
    }
}
