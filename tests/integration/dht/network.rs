//! Nodes on loopback addresses.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::dht::{Bootstrap, Node, NodeConfig, Role};
use p2p_ci::protocol::Document;

/// Generous: three test programs share two processors.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn until() -> Instant {
    Instant::now() + PATIENCE
}

pub(crate) fn rfc(number: u32) -> Document {
    Document::Rfc(number.to_string().parse().unwrap())
}

/// The address of a node: each has its own, because a node knows few nodes of one address.
pub(crate) fn address(number: usize) -> SocketAddrV4 {
    let [_, _, high, low] = u32::try_from(number + 1).unwrap().to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(127, 1, high, low), 7734)
}

pub(crate) fn node(listen: SocketAddrV4, bootstrap: &[SocketAddrV4], role: Role) -> Arc<Node> {
    let bootstrap = Bootstrap::Nodes(bootstrap.to_vec());
    Arc::new(Node::start(NodeConfig { listen, bootstrap, role }).unwrap())
}

/// A network of this many nodes. The first one is the bootstrap node.
pub(crate) struct Network {
    pub(crate) nodes: Vec<Arc<Node>>,
}

impl Network {
    pub(crate) fn start(count: usize) -> Self {
        let first = node(address(0), &[], Role::Member);
        let numbers: Vec<usize> = (1..count).collect();
        let start = |numbers: &[usize]| -> Vec<_> {
            let start = |number: &usize| node(address(*number), &[address(0)], Role::Member);
            numbers.iter().map(start).collect()
        };
        let mut nodes = vec![first];
        thread::scope(|scope| {
            let parts = numbers.chunks(count.div_ceil(16));
            let parts: Vec<_> = parts.map(|part| scope.spawn(move || start(part))).collect();
            nodes.extend(parts.into_iter().flat_map(|part| part.join().unwrap()));
        });
        let network = Self { nodes };
        network.await_joined();
        network
    }

    /// Waits until each node knows another one.
    fn await_joined(&self) {
        let until = until();
        for node in &self.nodes {
            while node.known_nodes().unwrap() == 0 {
                assert!(Instant::now() < until, "{node:?} knows no other node");
            }
        }
    }

    /// A node that asks and stores nothing.
    pub(crate) fn reader(&self) -> Arc<Node> {
        let listen = SocketAddrV4::new(Ipv4Addr::new(127, 2, 0, 1), 0);
        node(
            listen,
            &[*self.nodes[0].address().ip()].map(|ip| SocketAddrV4::new(ip, 7734)),
            Role::Reader,
        )
    }
}
