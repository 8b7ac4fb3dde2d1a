//! Accepting connections from a listening socket, whatever its kind, and waking a thread that does.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tcp::set_listener_options;

/// A socket that accepts connections.
#[derive(Clone, Copy, Debug)]
pub enum Listening<'a> {
    /// Of TCP.
    Tcp(&'a TcpListener),
    /// A Unix socket, and its path.
    #[cfg(unix)]
    Unix(&'a UnixListener, &'a Path),
}

impl<'a> From<&'a TcpListener> for Listening<'a> {
    fn from(listener: &'a TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

/// A connection that was accepted, without the options of a connection.
#[derive(Debug)]
pub(super) enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Listening<'_> {
    /// Waits for a connection. One over a Unix socket counts as a connection from loopback.
    pub(super) fn accept(self) -> io::Result<(Accepted, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().map(|(stream, address)| (Accepted::Tcp(stream), address))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                listener.accept().map(|(stream, _)| (Accepted::Unix(stream), local))
            }
        }
    }

    /// Ends a wait for a connection after this time.
    pub(super) fn set_accept_timeout(self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => socket2::SockRef::from(listener),
            #[cfg(unix)]
            Self::Unix(listener, _) => socket2::SockRef::from(listener),
        }
        .set_read_timeout(Some(time))
    }

    /// Sets the options that accepted connections inherit.
    pub(super) fn set_options(self) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => set_listener_options(listener),
            #[cfg(unix)]
            Self::Unix(..) => Ok(()),
        }
    }

    /// Where it listens.
    pub(super) fn place(self) -> io::Result<Place> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Place::Tcp),
            #[cfg(unix)]
            Self::Unix(_, path) => Ok(Place::Unix(path.to_path_buf())),
        }
    }
}

/// Where a socket listens.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Place {
    /// Wakes one thread that accepts here.
    pub(super) fn wake(&self) {
        // If it fails, the listener is gone, has other connections to wake it, or a file was removed: then
        // the wait for a connection ends soon.
        match self {
            Self::Tcp(address) => {
                let time = Duration::from_secs(1);
                let _ = TcpStream::connect_timeout(&reachable(*address), time);
            }
            #[cfg(unix)]
            Self::Unix(path) => {
                let _ = UnixStream::connect(path);
            }
        }
    }
}

/// An address under which a listener can be reached from this machine.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let address = match listening.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listening.port())
}
