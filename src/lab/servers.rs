//! The index servers of a laboratory: one, or several with one index.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::addresses;
use super::observer::Observer;
#[cfg(all(feature = "cluster", unix))]
use super::shared_index::{Cable, Relay, Store};
use crate::net::{Interface, Stop};
use crate::protocol::{Endpoint, Port};
use crate::server::{Config, Monitor, Server};

/// The index servers. They end when this is dropped.
pub(super) struct Servers {
    first: Running,
    others: Vec<Running>,
    /// After the servers, so that they still have it when they end.
    #[cfg(all(feature = "cluster", unix))]
    store: Option<Store>,
}

/// An index server.
pub(super) struct Running {
    /// Where its clients connect.
    pub(super) endpoint: Endpoint,
    pub(super) monitor: Monitor,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    /// The network of its machine, and its connections to the clients and to the store.
    #[cfg(all(feature = "cluster", unix))]
    network: Option<(Cable, [Relay; 2])>,
}

impl Servers {
    /// Starts this number of servers. A store of several has its socket in the directory.
    ///
    /// # Errors
    /// When no address is available, or there is no store for several servers.
    pub(super) fn start(
        count: usize,
        interface: &Interface,
        observer: &Observer,
        directory: &Path,
    ) -> io::Result<Self> {
        if count <= 1 {
            let server = bind(interface)?;
            let address = address_of(&server)?;
            observer.listens(0, address);
            return Ok(Self {
                first: Running::start(server, address)?,
                others: Vec::new(),
                #[cfg(all(feature = "cluster", unix))]
                store: None,
            });
        }
        Self::start_several(count, interface, observer, directory)
    }

    #[cfg(not(all(feature = "cluster", unix)))]
    fn start_several(_: usize, _: &Interface, _: &Observer, _: &Path) -> io::Result<Self> {
        let text = "several index servers need a program with the feature `cluster`, on Unix: the packages have \
                    it, and `cargo install --path . --features cluster` builds it";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    #[cfg(all(feature = "cluster", unix))]
    fn start_several(
        count: usize,
        interface: &Interface,
        observer: &Observer,
        directory: &Path,
    ) -> io::Result<Self> {
        let store = Store::start(directory)?;
        let first = Running::start_one_of(1, interface, observer, directory, &store)?;
        let others = (2..=count)
            .map(|number| Running::start_one_of(number, interface, observer, directory, &store));
        let others = others.collect::<io::Result<_>>()?;
        Ok(Self { first, others, store: Some(store) })
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Running> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The first one.
    pub(super) fn first(&self) -> &Running {
        &self.first
    }

    /// Whether they are several.
    pub(super) fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// The one that a peer knows when it joins.
    pub(super) fn of_peer(&self, number: usize) -> &Running {
        self.all().nth(number % (1 + self.others.len())).unwrap_or(&self.first)
    }

    /// Connects or disconnects the machine of a server, whose numbers begin with 1.
    ///
    /// # Errors
    /// When there is no such server, or only one.
    pub(super) fn set_connected(&self, number: usize, is_connected: bool) -> Result<(), String> {
        let server = number.checked_sub(1).and_then(|at| self.all().nth(at));
        let count = 1 + self.others.len();
        match server {
            Some(server) if server.set_connected(is_connected) => Ok(()),
            Some(_) => Err("expected a scenario with several `servers`, found one".into()),
            None => Err(format!("expected a server from 1 to {count}, found {number}")),
        }
    }

    /// Fails if the store of several servers has ended.
    ///
    /// # Errors
    /// With the reason.
    pub(super) fn check_store(&self) -> Result<(), String> {
        #[cfg(all(feature = "cluster", unix))]
        if let Some(store) = &self.store {
            return store.check();
        }
        Ok(())
    }

    /// A function that ends the store if the program cannot end in order.
    pub(super) fn end_store(&self) -> impl FnOnce() + Send + 'static {
        #[cfg(all(feature = "cluster", unix))]
        let end = self.store.as_ref().map(Store::ending);
        move || {
            #[cfg(all(feature = "cluster", unix))]
            if let Some(end) = end {
                end();
            }
        }
    }
}

impl Running {
    fn start(server: Server, address: SocketAddr) -> io::Result<Self> {
        let endpoint = address.to_string().parse().map_err(io::Error::other)?;
        let (stop, monitor) = (server.stop(), server.monitor());
        let run = move || {
            if let Err(error) = server.run() {
                log::error!("the index server has ended: {error}");
            }
        };
        let thread = thread::Builder::new().name("lab-index".into()).spawn(run)?;
        Ok(Self {
            endpoint,
            monitor,
            stop,
            thread: Some(thread),
            #[cfg(all(feature = "cluster", unix))]
            network: None,
        })
    }

    /// Starts a server on a machine of its own: by one cable it has its clients and the store.
    #[cfg(all(feature = "cluster", unix))]
    fn start_one_of(
        number: usize,
        interface: &Interface,
        observer: &Observer,
        directory: &Path,
        store: &Store,
    ) -> io::Result<Self> {
        use socket2::SockAddr;

        use crate::cluster::Settings;

        let cable = Cable::new();
        let socket = directory.join(format!("store-{number}"));
        let store = SockAddr::unix(store.socket())?;
        let to_store = Relay::start(&cable, &SockAddr::unix(&socket)?, store)?;
        let url = format!("redis+unix://{}", socket.display());
        let settings = Settings {
            store: url.parse().map_err(io::Error::other)?,
            password: None,
            name: format!("server-{number}").parse().map_err(io::Error::other)?,
            advertise: None,
        };
        let listen = vec![SocketAddr::new(addresses::behind_cable(number), 0)];
        let (interface, shared_index) = (interface.clone(), Some(settings));
        let server = Server::bind(&Config { listen, interface, shared_index, ..Config::default() });
        let server = server.map_err(io::Error::other)?;
        let behind = address_of(&server)?;
        observer.listens(0, behind);
        let at = |port| SockAddr::from(SocketAddr::new(addresses::of_index(number), port));
        let to_clients = Relay::start(&cable, &at(Port::INDEX.value()), behind.into())
            .or_else(|_| Relay::start(&cable, &at(0), behind.into()))?;
        let address = to_clients.address().ok_or(io::ErrorKind::AddrNotAvailable)?;
        observer.listens(0, address);
        server.check_cluster(&[address.to_string()]).map_err(io::Error::other)?;
        let mut running = Self::start(server, address)?;
        running.network = Some((cable, [to_clients, to_store]));
        Ok(running)
    }

    /// Whether its machine is connected.
    pub(super) fn is_connected(&self) -> bool {
        #[cfg(all(feature = "cluster", unix))]
        if let Some((cable, _)) = &self.network {
            return cable.is_connected();
        }
        true
    }

    /// `false` if it has no cable.
    fn set_connected(&self, is_connected: bool) -> bool {
        #[cfg(all(feature = "cluster", unix))]
        if let Some((cable, _)) = &self.network {
            cable.set_connected(is_connected);
            return true;
        }
        let _ = is_connected;
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop_within(Duration::ZERO);
        // Its threads wait for nothing that does not arrive any more.
        #[cfg(all(feature = "cluster", unix))]
        drop(self.network.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn address_of(server: &Server) -> io::Result<SocketAddr> {
    let address = server.addresses()?.first().copied();
    address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// Binds the index server to port 7734, or to another one if that is taken.
fn bind(interface: &Interface) -> io::Result<Server> {
    let bind = |port| {
        let listen = vec![SocketAddr::new(addresses::of_index(1), port)];
        Server::bind(&Config { listen, interface: interface.clone(), ..Config::default() })
    };
    bind(Port::INDEX.value()).or_else(|_| bind(0)).map_err(io::Error::other)
}
