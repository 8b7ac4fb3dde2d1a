//! The index server: it accepts peers and replies to their requests (protocol.md section 4).
//!
//! [`Server::run`] has an accept loop per listening address and a thread per connection. All of
//! them share one [`Index`].
//!
//! | file | subject |
//! |---|---|
//! | `session` | the requests of one connection, and the replies |
//! | `host_policy` | the host under which the records of a peer are listed |
//! | `memory` | byte budgets for records and connections |
//! | `fair_share`, `turns` | processor time: what a session has used, and turns for large requests |
//! | `buffers` | large buffers that sessions share |
//! | `totals` | the counts that are logged at the end |

mod buffers;
mod fair_share;
mod host_policy;
mod memory;
mod session;
mod totals;
mod turns;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use buffers::Buffers;
pub use host_policy::HostPolicy;
use host_policy::Resolutions;
use memory::RecordMemory;
pub use memory::{Budgets, memory_limit};
pub use totals::Totals;
use turns::Turns;

use crate::index::{Capacity, Index};
use crate::net::{self, Permits, Service, Stop};
use crate::protocol::{Port, Refusal, encode_refusal};
use crate::system::{self, Bound};
use crate::{limits, net::accept_loop};

/// Peers that join and leave are logged under this target, at level info.
pub const LOG_SESSIONS: &str = "p2p_ci::sessions";
/// Each request is logged under this target, at level info.
pub const LOG_REQUESTS: &str = "p2p_ci::requests";
/// Faults of peers are logged under this target, at level warn.
pub const LOG_FAULTS: &str = "p2p_ci::faults";

/// How an index server behaves.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Addresses to listen on. If empty: port 7734 on every address, IPv4 and IPv6.
    pub listen: Vec<SocketAddr>,
    /// The host under which the records of a peer are listed (protocol.md section 4.7).
    pub host_policy: HostPolicy,
    /// Whether a refusal carries a `Reason` (protocol.md section 6.3).
    pub explain: bool,
    /// The largest number of concurrent connections, if the machine allows it. `None`: 10,000.
    pub max_connections: Option<usize>,
    /// Bytes of memory for records and connections. `None`: half of what the machine allows
    /// ([`memory_limit`]).
    pub max_memory: Option<u64>,
    /// The largest number of concurrent connections from one network; loopback is exempt. `None`: 64.
    pub connections_per_address: Option<NonZeroUsize>,
}

/// An address at which the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    address: String,
    /// The port of the address; 0 if the system was to choose one.
    pub port: u16,
    source: io::Error,
}

impl BindError {
    /// Why the system refuses the address.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// An index server that listens and does not yet answer.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    shared: Shared,
}

/// State that all sessions share.
#[derive(Debug)]
struct Shared {
    index: Index,
    memory: RecordMemory,
    buffers: Buffers,
    resolutions: Resolutions,
    turns: Turns,
    permits: Permits,
    totals: Arc<Totals>,
    stop: Stop,
    host_policy: HostPolicy,
    explain: bool,
}

impl Server {
    /// Listens at all addresses of the configuration.
    ///
    /// # Errors
    /// When one of them is taken, not of this machine, or not allowed.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let listeners = if config.listen.is_empty() {
            let listener = net::listen_everywhere(Port::INDEX.value());
            vec![listener.map_err(|source| BindError {
                address: format!("port {}", Port::INDEX),
                port: Port::INDEX.value(),
                source,
            })?]
        } else {
            let listen = |&address| {
                net::listen(address).map_err(|source| BindError {
                    address: format!("{address}"),
                    port: address.port(),
                    source,
                })
            };
            config.listen.iter().map(listen).collect::<Result<_, _>>()?
        };
        let budgets = memory_limit(config.max_memory).0;
        let most = connection_limit(config.max_connections, budgets).0;
        let per_address = config.connections_per_address;
        let per_address = per_address.map_or(limits::CONNECTIONS_PER_ADDRESS, NonZeroUsize::get);
        let shared = Shared {
            index: Index::new(Capacity { bytes: budgets.records, ..Capacity::default() }),
            memory: RecordMemory::new(budgets),
            buffers: Buffers::default(),
            resolutions: Resolutions::default(),
            turns: Turns::default(),
            permits: Permits::new(most, per_address),
            totals: Arc::default(),
            stop: Stop::new(),
            host_policy: config.host_policy,
            explain: config.explain,
        };
        Ok(Self { listeners, shared })
    }

    /// How many connections it can serve at the same time.
    pub fn connections(&self) -> usize {
        self.shared.permits.most()
    }

    /// Where it listens, with the real port when 0 was asked for.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// A handle that ends [`Server::run`].
    pub fn stop(&self) -> Stop {
        self.shared.stop.clone()
    }

    /// What its sessions have done, once they have ended.
    pub fn totals(&self) -> Arc<Totals> {
        Arc::clone(&self.shared.totals)
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// When no thread can be started to accept connections.
    pub fn run(self) -> io::Result<()> {
        let Self { listeners, shared } = self;
        let shared = &shared;
        let handle = |stream: &Arc<TcpStream>, address, number| {
            session::run(shared, stream, address, number)
        };
        let (permits, stop) = (shared.permits.clone(), shared.stop.clone());
        let mut refusal = Vec::new();
        encode_refusal(Refusal::ServiceUnavailable, None, &mut refusal);
        let service = Service::new("session", permits, stop, refusal, handle);
        let service = &service;
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("search-index".into());
            // If it panics, each SEARCH does the work itself, and the server stays.
            let work = || drop(catch_unwind(AssertUnwindSafe(|| shared.index.run_updates())));
            if let Err(error) = thread.spawn_scoped(scope, work) {
                // Each SEARCH does the work itself then.
                log::error!("cannot start the thread of the search index: {error}");
            }
            let mut accepting = Vec::new();
            for (number, listener) in listeners.iter().enumerate() {
                let accept = move || accept_loop(scope, listener, service);
                let thread = thread::Builder::new().name(format!("accept-{number}"));
                match thread.spawn_scoped(scope, accept) {
                    Ok(thread) => accepting.push(thread),
                    Err(error) => {
                        shared.stop.stop();
                        shared.index.end_updates();
                        return Err(error);
                    }
                }
            }
            // They end when the server is stopped. If one has panicked, the others go on.
            accepting.into_iter().for_each(|thread| drop(thread.join()));
            shared.index.end_updates();
            Ok(())
        })
    }
}

/// How many connections this machine can serve: `most` or 10,000, unless something else bounds it
/// more tightly. Also returns everything that was considered, the tightest first.
pub fn connection_limit(most: Option<usize>, budgets: Budgets) -> (usize, Vec<Bound>) {
    let asked = match most {
        Some(connections) => Bound { what: "--max-connections".into(), connections },
        None => Bound { what: "default".into(), connections: limits::CONNECTIONS },
    };
    // Where there are few descriptors, a quarter is kept.
    let few = (system::open_files() / 4).max(limits::LEAST_RESERVED_FILES);
    let reserved = limits::RESERVED_FILES.min(few);
    let mut bounds = system::connection_bounds(reserved);
    let what = format!("half of the memory, {} KiB each", limits::CONNECTION_MEMORY / 1024);
    bounds.extend([asked, Bound { what, connections: budgets.connections() }]);
    bounds.sort_by_key(|bound| bound.connections);
    (bounds.first().map_or(0, |bound| bound.connections), bounds)
}

impl Shared {
    /// How many are here and what they have, for the log.
    fn population(&self) -> String {
        let (peers, records) = (self.permits.taken(), self.index.len());
        format!("{}, {}", counted(peers, "peer"), counted(records, "record"))
    }
}

/// `1 peer`, `2 peers`.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
