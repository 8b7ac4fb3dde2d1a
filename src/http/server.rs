//! Listening sockets, and the threads that serve their connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::address::HttpAddress;
use super::connection::{self, Shared};
use super::hosts::Hosts;
use super::router::Router;
use crate::limits;
use crate::net::{self, Connection, Listening, Permits, Service, Stop, accept_loop};
use crate::system;

/// What a connection without a place is sent.
const REFUSAL: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// An address at which the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct HttpBindError {
    /// The address.
    pub address: HttpAddress,
    source: io::Error,
}

impl HttpBindError {
    /// The reason that the system gives.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// Sockets that listen, and of which no connection is accepted yet.
#[derive(Debug)]
pub struct HttpListeners(Vec<Socket>);

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener, SocketAddr),
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// The file of a socket, which is removed when this is dropped.
#[cfg(unix)]
#[derive(Debug)]
struct SocketFile(PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Socket {
    fn bind(address: &HttpAddress) -> io::Result<Self> {
        match address {
            HttpAddress::Tcp(address) => {
                let listener = net::listen(*address)?;
                let address = listener.local_addr()?;
                Ok(Self::Tcp(listener, address))
            }
            #[cfg(unix)]
            HttpAddress::Unix(path) => {
                let listener = system::listen_at(path)?;
                Ok(Self::Unix(listener, SocketFile(path.clone())))
            }
        }
    }

    fn address(&self) -> HttpAddress {
        match self {
            Self::Tcp(_, address) => HttpAddress::Tcp(*address),
            #[cfg(unix)]
            Self::Unix(_, SocketFile(path)) => HttpAddress::Unix(path.clone()),
        }
    }

    fn listening(&self) -> Listening<'_> {
        match self {
            Self::Tcp(listener, _) => Listening::Tcp(listener),
            #[cfg(unix)]
            Self::Unix(listener, SocketFile(path)) => Listening::Unix(listener, path),
        }
    }
}

/// How many connections a server serves at the same time.
pub fn connections(limits: &limits::Http) -> usize {
    let few = (system::open_files() / limits::HTTP_FILES).max(2);
    limits.connections.min(few)
}

impl HttpListeners {
    /// Listens at all of these addresses.
    ///
    /// # Errors
    /// When an address is in use, is not an address of this machine, or is not allowed.
    pub fn bind(addresses: &[HttpAddress]) -> Result<Self, HttpBindError> {
        let bind = |address: &HttpAddress| {
            let error = |source| HttpBindError { address: address.clone(), source };
            Socket::bind(address).map_err(error)
        };
        addresses.iter().map(bind).collect::<Result<_, _>>().map(Self)
    }

    /// Where they listen, with the port that the system chose if port 0 was asked for.
    pub fn addresses(&self) -> Vec<HttpAddress> {
        self.0.iter().map(Socket::address).collect()
    }

    /// Whether nothing beyond this machine can connect.
    pub fn are_on_loopback(&self) -> bool {
        self.0.iter().all(|socket| match socket {
            Socket::Tcp(_, address) => address.ip().to_canonical().is_loopback(),
            #[cfg(unix)]
            Socket::Unix(..) => true,
        })
    }

    /// Serves connections, in threads of its own, until the result is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn serve(
        self,
        router: Router,
        hosts: Hosts,
        limits: limits::Http,
    ) -> io::Result<HttpServer> {
        let addresses = self.addresses();
        let stop = Stop::new();
        let permits = Permits::new(connections(&limits), limits.admission);
        let shared = Shared { router, hosts, permits: permits.clone(), stop: stop.clone(), limits };
        let handle = move |stream: &Arc<Connection>, address, number| {
            connection::serve(&shared, stream, address, number)
        };
        let service = Service::new("admin", permits, stop.clone(), REFUSAL.into(), handle);
        let service = service.unrecorded();
        let sockets = self.0;
        let work = move || {
            let service = &service;
            thread::scope(|scope| {
                for socket in &sockets {
                    let accept = move || accept_loop(scope, socket.listening(), service);
                    let thread = thread::Builder::new().name("admin-accept".into());
                    if let Err(error) = thread.spawn_scoped(scope, accept) {
                        log::error!("nothing is served at {}: {error}", socket.address());
                    }
                }
            });
        };
        let thread = thread::Builder::new().name("admin".into()).spawn(work)?;
        Ok(HttpServer { addresses, stop, thread: Some(thread) })
    }
}

/// A server that runs. It ends when it is dropped.
#[derive(Debug)]
pub struct HttpServer {
    addresses: Vec<HttpAddress>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Where it listens.
    pub fn addresses(&self) -> &[HttpAddress] {
        &self.addresses
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop.stop_within(limits::HTTP_STOP_GRACE);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}
