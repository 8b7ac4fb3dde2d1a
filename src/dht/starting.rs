//! The configuration of a node, and the start of its thread.

use std::env;
use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mainline::{Config, Dht, ServerSettings};

use super::admission::Admission;
use crate::limits;

/// Which network a node joins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Bootstrap {
    /// The network of these nodes, which are asked for others; a new one if there are none.
    Nodes(Vec<SocketAddrV4>),
    /// The public network of BitTorrent.
    Public,
}

/// What a node does for others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It stores holders and answers queries. In the public network it begins when others can reach it.
    Member,
    /// It only asks, because it ends soon: others do not remember it.
    Reader,
}

/// The configuration of a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeConfig {
    /// The UDP address on which it listens.
    pub listen: SocketAddrV4,
    /// Its network.
    pub bootstrap: Bootstrap,
    /// What it does for others.
    pub role: Role,
}

/// Checks that the thread of a node has enough stack for the deepest message that it reads. The system ends a process
/// whose stack overflows. Without the variable each thread has 2 MiB.
///
/// # Errors
/// When there is less.
pub(super) fn check_stack() -> io::Result<()> {
    let stack = env::var("RUST_MIN_STACK").ok().and_then(|stack| stack.parse::<usize>().ok());
    match stack {
        Some(stack) if stack < limits::DHT_STACK => {
            let least = limits::DHT_STACK;
            Err(io::Error::other(format!(
                "expected RUST_MIN_STACK to be at least {least}, found {stack}: leave it out"
            )))
        }
        _ => Ok(()),
    }
}

/// Starts the thread of a node.
///
/// # Errors
/// When the address cannot be used.
pub(super) fn start(config: &NodeConfig, admission: &Admission) -> io::Result<Dht> {
    // The error of a socket that cannot be bound; `mainline` may panic in its place.
    let address = match UdpSocket::bind(config.listen)?.local_addr()? {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    let is_public = config.bootstrap == Bootstrap::Public;
    let bootstrap = match &config.bootstrap {
        // Without a list the crate asks public nodes. See `joining` for why it is empty.
        Bootstrap::Nodes(_) => Some(Vec::new()),
        Bootstrap::Public => None,
    };
    let server_settings = ServerSettings {
        max_info_hashes: limits::DHT_STORED_KEYS,
        max_peers_per_info_hash: limits::DHT_STORED_HOLDERS,
        // Announcements alone are stored.
        max_immutable_values: 1,
        max_mutable_values: 1,
        filter: Box::new(admission.clone()),
    };
    let config = Config {
        bootstrap,
        port: Some(address.port()),
        bind_address: Some(*address.ip()),
        server_mode: config.role == Role::Member && !is_public,
        server_settings,
        ..Config::default()
    };
    catch_unwind(AssertUnwindSafe(|| Dht::new(config))).unwrap_or_else(|_| Err(ended()))
}

/// The address on which a node listens; `None` if its thread has ended.
pub(super) fn local_address(dht: &Dht) -> Option<SocketAddrV4> {
    #[expect(deprecated, reason = "its replacement needs an executor for futures")]
    catch_unwind(AssertUnwindSafe(|| dht.info().local_addr())).ok()
}

/// The error of a node whose thread has ended.
pub(super) fn ended() -> io::Error {
    io::Error::other("the thread of the node has ended")
}
