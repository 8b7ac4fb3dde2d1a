//! A connection attempt to a host with several addresses: Happy Eyeballs, RFC 8305 (protocol.md
//! section 7).
//!
//! The next address is tried 250 ms after the last one, or immediately after that one has failed.
//! IPv6 and IPv4 addresses alternate. The first established connection is used. Nothing here blocks:
//! the caller polls the sockets.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use crate::limits;
use crate::system::{Direction, is_connecting, refuse_own};

/// A connection attempt.
#[derive(Debug)]
pub(super) struct HappyEyeballs {
    waiting: VecDeque<SocketAddr>,
    pending: Vec<Socket>,
    next_at: Instant,
    error: io::Error,
    /// The address from which it connects, if the system does not choose it.
    source: Option<IpAddr>,
    stagger: Duration,
}

impl HappyEyeballs {
    /// Starts with the first of these addresses; addresses beyond a bound are ignored.
    /// Connects from `source`, if the system does not choose the address.
    pub(super) fn new(
        addresses: Vec<SocketAddr>,
        source: Option<IpAddr>,
        limits: &limits::Connecting,
    ) -> Self {
        let mut waiting = interleaved(addresses);
        waiting.truncate(limits.addresses);
        let error = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        let stagger = limits.stagger;
        Self { waiting, pending: Vec::new(), next_at: Instant::now(), error, source, stagger }
    }

    /// Advances as far as is possible without blocking. Returns the connection, or the last error when
    /// no address is left.
    pub(super) fn advance(&mut self, now: Instant) -> Option<io::Result<TcpStream>> {
        for socket in std::mem::take(&mut self.pending) {
            if let Some(stream) = self.check(socket, now) {
                return Some(Ok(stream));
            }
        }
        while now >= self.next_at
            && let Some(address) = self.waiting.pop_front()
        {
            self.next_at = limits::end_of(now, self.stagger);
            match begin(address, self.source) {
                Ok(socket) => {
                    if let Some(stream) = self.check(socket, now) {
                        return Some(Ok(stream));
                    }
                }
                Err(error) => self.failed(error, now),
            }
        }
        if self.pending.is_empty() && self.waiting.is_empty() {
            let over = io::Error::other("the connection attempt is over");
            return Some(Err(std::mem::replace(&mut self.error, over)));
        }
        None
    }

    /// Returns the connection if this socket has one, and keeps a socket that still connects.
    fn check(&mut self, socket: Socket, now: Instant) -> Option<TcpStream> {
        match state(&socket) {
            Ok(State::Connecting) => self.pending.push(socket),
            Ok(State::Connected) => match socket.set_nonblocking(false) {
                Ok(()) => return Some(socket.into()),
                Err(error) => self.failed(error, now),
            },
            Err(error) => self.failed(error, now),
        }
        None
    }

    fn failed(&mut self, error: io::Error, now: Instant) {
        self.error = error;
        self.next_at = now;
    }

    /// The sockets to wait for.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (SockRef<'_>, Direction)> {
        self.pending.iter().map(|socket| (SockRef::from(socket), Direction::Connect))
    }

    /// When the next address is tried, if there is one.
    pub(super) fn next_at(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next_at)
    }
}

fn begin(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if !is_connecting(&error) => Err(error),
        _ => Ok(socket),
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Connecting,
    Connected,
}

fn state(socket: &Socket) -> io::Result<State> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => refuse_own(&SockRef::from(socket)).map(|()| State::Connected),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(State::Connecting),
        Err(error) => Err(error),
    }
}

/// The addresses in their order, but with alternating families.
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let mut second = second.into_iter();
    let mut mixed = VecDeque::new();
    for address in first {
        mixed.push_back(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_alternate() {
        let mixed = interleaved(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]));
        assert_eq!(mixed, addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
        let mixed = interleaved(addresses(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]));
        assert_eq!(mixed, addresses(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]));
        assert!(interleaved(Vec::new()).is_empty());
    }

    /// A peer registered with itself when its index server on the same machine was down.
    #[test]
    fn a_connection_to_itself_is_none() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        // Not every system connects a socket to itself.
        if socket.connect(&socket.local_addr().unwrap()).is_ok() {
            assert_eq!(state(&socket).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        }
    }

    #[test]
    fn a_host_without_addresses_is_an_error() {
        let failed = HappyEyeballs::new(Vec::new(), None, &limits::Connecting::DEFAULT)
            .advance(Instant::now());
        assert_eq!(failed.unwrap().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
