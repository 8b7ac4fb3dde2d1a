//! A node of the table.
//!
//! The crate `mainline` runs a node in a thread of its own, which panics in a few cases that other nodes can cause,
//! such as a query with more than 256 nodes to store at. A call to a node whose thread has ended fails, and the
//! next one starts another node.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::net::SocketAddrV4;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use mainline::errors::PutQueryError;
use mainline::{Dht, Id};

use super::admission::Admission;
use super::joining::{Introduced, Joining};
use super::key::Key;
use super::starting::{Bootstrap, NodeConfig, Role, check_stack, ended, local_address, start};
use crate::limits;

/// Why a node has not announced or asked.
#[derive(Debug, thiserror::Error)]
pub enum DhtError {
    /// No node was found that stores the key.
    #[error("no node of the table replies; check --bootstrap, and that the firewall permits UDP")]
    NoNodes,
    /// None of the nodes has confirmed.
    #[error("no node of the table has confirmed")]
    NotStored,
    /// The node has ended by a fault, and is started again with a later call.
    #[error("the node of the table has failed, and is started again")]
    Failed,
    /// Too many queries are running.
    #[error("{} documents are already searched in the table; try again", limits::DHT_QUERIES)]
    Busy,
    /// A thread cannot be started.
    #[error("a thread for the query cannot be started")]
    Thread(#[source] io::Error),
}

/// A node. It leaves the network when it is dropped.
#[derive(Debug)]
pub struct Node(Arc<Inner>);

/// What the threads of a node share.
struct Inner {
    config: NodeConfig,
    admission: Admission,
    /// The address on which it listens.
    address: SocketAddrV4,
    /// Until when a query waits for the first node of the network.
    joins_until: Instant,
    running: Mutex<Running>,
    /// How often a bootstrap node was started again.
    bootstrap_restarts: AtomicU64,
}

struct Running {
    dht: Dht,
    since: Instant,
}

impl Debug for Inner {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Node {
    /// Starts a node. It joins its network in the background, and tries again until it has found it.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn start(config: NodeConfig) -> io::Result<Self> {
        check_stack()?;
        let admission = Admission::default();
        let dht = start(&config, &admission)?;
        let address = local_address(&dht).ok_or_else(ended)?;
        // The next start has the same port.
        let config = NodeConfig { listen: address, ..config };
        let running = Mutex::new(Running { dht, since: Instant::now() });
        let joins_until = limits::ends_after(limits::DHT_JOIN);
        let bootstrap_restarts = AtomicU64::new(0);
        let inner = Arc::new(Inner {
            config,
            admission,
            address,
            joins_until,
            running,
            bootstrap_restarts,
        });
        if let Bootstrap::Nodes(nodes) = &inner.config.bootstrap
            && !nodes.is_empty()
        {
            let (weak, explored) = (Arc::downgrade(&inner), Arc::downgrade(&inner));
            let losing = Arc::downgrade(&inner);
            let explore = move || {
                if let Some(inner) = explored.upgrade() {
                    inner.explore();
                }
            };
            let is_member = inner.config.role == Role::Member;
            let node = Introduced {
                address,
                runs: Box::new(move || weak.strong_count() > 0),
                explore: is_member.then_some(Arc::new(explore)),
                restarted: Box::new(move || {
                    if let Some(inner) = losing.upgrade() {
                        inner.bootstrap_restarts.fetch_add(1, Ordering::Relaxed);
                    }
                }),
            };
            Joining::start(node, nodes.clone())?;
        }
        Ok(Self(inner))
    }

    /// The UDP address on which it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.0.address
    }

    /// The configuration.
    pub fn config(&self) -> &NodeConfig {
        &self.0.config
    }

    /// The requests of other nodes.
    pub fn requests(&self) -> u64 {
        self.0.admission.requests()
    }

    /// The announcements of others that were refused.
    pub fn refused(&self) -> u64 {
        self.0.admission.refused()
    }

    /// How often a bootstrap node was started again, which has lost what it had stored.
    pub(super) fn bootstrap_restarts(&self) -> u64 {
        self.0.bootstrap_restarts.load(Ordering::Relaxed)
    }

    /// The nodes that it knows.
    ///
    /// # Errors
    /// When the node has failed.
    pub fn known_nodes(&self) -> Result<usize, DhtError> {
        self.0.known_nodes()
    }

    /// Announces an upload server at this machine's address and this port, at the nodes that are closest to the
    /// key. Takes up to several seconds.
    ///
    /// # Errors
    /// When no node has stored it.
    pub fn announce(&self, key: Key, port: u16) -> Result<(), DhtError> {
        let id = Id::from(key.bytes());
        #[expect(deprecated, reason = "its replacement needs an executor for futures")]
        let announced = self.0.call(|dht| dht.announce_peer(id, Some(port)))?;
        match announced {
            Ok(_) => Ok(()),
            Err(PutQueryError::NoClosestNodes) => Err(DhtError::NoNodes),
            Err(_) => Err(DhtError::NotStored),
        }
    }

    /// Asks for the holders of a key, and passes those of each reply to `take` until it returns false.
    /// Takes up to several seconds.
    ///
    /// # Errors
    /// When the node has failed, or knows no other one.
    pub(super) fn ask(
        &self,
        key: Key,
        mut take: impl FnMut(Vec<SocketAddrV4>) -> bool,
    ) -> Result<(), DhtError> {
        if !self.0.await_nodes(self.0.joins_until)? {
            return Err(DhtError::NoNodes);
        }
        let id = Id::from(key.bytes());
        #[expect(deprecated, reason = "its replacement needs an executor for futures")]
        let mut replies = self.0.call(|dht| dht.get_peers(id))?;
        // The channel of the replies closes if the node fails.
        let _ = replies.try_for_each(|holders| take(holders).then_some(()));
        Ok(())
    }
}

impl Inner {
    /// The nodes that it knows.
    fn known_nodes(&self) -> Result<usize, DhtError> {
        #[expect(deprecated, reason = "its replacement needs an executor for futures")]
        self.call(|dht| dht.to_bootstrap().len())
    }

    /// Waits until the introduction has arrived, and the node knows another one; false if that does not happen
    /// before this time.
    fn await_nodes(&self, until: Instant) -> Result<bool, DhtError> {
        loop {
            match self.known_nodes()? {
                0 if Instant::now() < until => thread::sleep(limits::DHT_JOIN_WAIT),
                known => return Ok(known > 0),
            }
        }
    }

    /// Becomes known to other nodes.
    fn explore(&self) {
        // A node that knows no other one searches when it is introduced again.
        let _ = self.await_nodes(limits::ends_after(limits::DHT_RESTART));
        self.search_nodes();
    }

    /// Searches nodes that are close to this one, and becomes known to them: they take what is searched for the
    /// identifier of the searching node.
    fn search_nodes(&self) {
        #[expect(deprecated, reason = "its replacement needs an executor for futures")]
        let searched = self.call(|dht| {
            let own = *dht.info().id();
            drop(dht.find_node(own));
        });
        if let Err(error) = searched {
            log::debug!("{error}");
        }
    }

    /// Calls the node, without the lock: an announcement takes seconds.
    fn call<T>(&self, call: impl FnOnce(&Dht) -> T) -> Result<T, DhtError> {
        let dht = self.running().dht.clone();
        match catch_unwind(AssertUnwindSafe(|| call(&dht))) {
            Ok(result) => Ok(result),
            Err(_) => {
                self.restart();
                Err(DhtError::Failed)
            }
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        // Each change is one assignment.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the node again after its thread has ended. Others keep what it has announced.
    fn restart(&self) {
        let mut running = self.running();
        if running.since.elapsed() < limits::DHT_RESTART {
            return;
        }
        running.since = Instant::now();
        match start(&self.config, &self.admission) {
            Ok(dht) => {
                running.dht = dht;
                log::warn!(
                    "the node of the table at {} has failed and was started again",
                    self.address
                );
            }
            Err(error) => {
                let address = self.address;
                log::warn!(
                    "the node of the table at {address} has failed and cannot be started: {error}"
                );
            }
        }
    }
}
