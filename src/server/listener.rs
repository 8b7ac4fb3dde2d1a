//! Listening sockets and accept loops: a thread per connection (protocol.md section 7).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::config::Config;
use super::control::Control;
use super::monitor::Monitor;
use super::session;
use super::shared::Shared;
use super::totals::Totals;
use crate::net::{self, Connection, Service, Stop, accept_loop};
use crate::protocol::{HeaderText, Port, Refusal, encode_refusal};

/// Why a connection is refused before its first request.
const NO_CONNECTION: &str = "expected a free connection, found that all, or all of one network, are in use \
                             (protocol.md section 7); the connection is closed";

/// An address at which the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    address: String,
    /// The port of the address. 0 asks the system to choose a port.
    pub port: u16,
    source: io::Error,
}

impl BindError {
    /// The reason that the system gives.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// An index server that listens, and accepts no connection before [`Server::run`].
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens at all addresses of the configuration.
    ///
    /// # Errors
    /// When an address is in use, is not an address of this machine, or is not allowed.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let default = match config.listen.is_empty() && config.ports.is_empty() {
            true => Some(Port::INDEX.value()),
            false => None,
        };
        let at_port = |port| {
            net::listen_everywhere(port).map_err(|source| BindError {
                address: format!("port {port}"),
                port,
                source,
            })
        };
        let at_address = |&address: &SocketAddr| {
            net::listen(address).map_err(|source| BindError {
                address: format!("{address}"),
                port: address.port(),
                source,
            })
        };
        let ports = config.ports.iter().copied().chain(default).map(at_port);
        let listeners = config.listen.iter().map(at_address).chain(ports);
        let listeners = listeners.collect::<Result<_, _>>()?;
        Ok(Self { listeners, shared: Arc::new(Shared::new(config)) })
    }

    /// Listens with these sockets, which listen already, instead of the addresses of the configuration.
    pub fn with_listeners(config: &Config, listeners: Vec<TcpListener>) -> Self {
        Self { listeners, shared: Arc::new(Shared::new(config)) }
    }

    /// The largest number of concurrent connections.
    pub fn connections(&self) -> usize {
        self.shared.permits.most()
    }

    /// The addresses at which it listens, with the port that the system chose if port 0 was asked
    /// for.
    ///
    /// # Errors
    /// When the system does not return an address.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// A handle that ends [`Server::run`].
    pub fn stop(&self) -> Stop {
        self.shared.stop.clone()
    }

    /// A handle to change it while it runs.
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.shared))
    }

    /// A check that the server works, for a watchdog: it waits for the lock of the index.
    pub fn check(&self) -> impl Fn() + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            shared.index.len();
        }
    }

    /// What an operator sees of the server.
    pub fn monitor(&self) -> Monitor {
        Monitor(Arc::clone(&self.shared))
    }

    /// Checks that the server can be part of its cluster, if it belongs to one, and sets the addresses that
    /// its clients use.
    ///
    /// # Errors
    /// When another server of the cluster has its name, or the store refuses the password.
    #[cfg(feature = "cluster")]
    pub fn check_cluster(&self, addresses: &[String]) -> Result<(), crate::cluster::JoinError> {
        self.shared.store.cluster().map_or(Ok(()), |cluster| cluster.check(addresses))
    }

    /// Totals of the sessions that have ended.
    pub fn totals(&self) -> Arc<Totals> {
        Arc::clone(&self.shared.totals)
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// When no thread can be started to accept connections, or a thread of the cluster has failed
    /// ([`io::ErrorKind::Other`]).
    pub fn run(self) -> io::Result<()> {
        let Self { listeners, shared } = self;
        let shared = &*shared;
        let handle = |stream: &Arc<Connection>, address, number| {
            session::run(shared, stream, address, number)
        };
        let (permits, stop) = (shared.permits.clone(), shared.stop.clone());
        let mut refusal = Vec::new();
        let reason = shared.explain.then(|| HeaderText::folded(NO_CONNECTION)).flatten();
        encode_refusal(Refusal::ServiceUnavailable, reason.as_ref(), &mut refusal);
        let service = Service::new("session", permits, stop, refusal, handle);
        let service = service.on(shared.interface.clone()).for_addresses(shared.access.clone());
        let service = &service;
        let listeners = &listeners;
        shared.store.run(&shared.index, &shared.stop, || {
            thread::scope(|scope| {
                let thread = thread::Builder::new().name("search-index".into());
                // If the thread panics or cannot be started, each SEARCH does its work.
                let work = || drop(catch_unwind(AssertUnwindSafe(|| shared.index.run_updates())));
                if let Err(error) = thread.spawn_scoped(scope, work) {
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
                // The accept loops end when the server is stopped. If one has panicked, the others
                // continue.
                accepting.into_iter().for_each(|thread| drop(thread.join()));
                shared.index.end_updates();
                Ok(())
            })
        })
    }
}
