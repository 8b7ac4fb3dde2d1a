//! Connecting to the first of several addresses that answers (RFC 8305 section 5).

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connects to one of these addresses. The next attempt begins when the one before has failed, or
/// has not succeeded after `stagger`; attempts that were begun go on until one succeeds.
///
/// # Errors
/// When there is no address ([`io::ErrorKind::NotFound`]), at the deadline
/// ([`io::ErrorKind::TimedOut`]), and otherwise that of the last attempt.
#[cfg(unix)]
pub(crate) fn connect_first(
    addresses: &[SocketAddr],
    stagger: Duration,
    deadline: Instant,
) -> io::Result<TcpStream> {
    let mut rest = addresses.iter();
    let mut pending: Vec<socket2::Socket> = Vec::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    let mut next_start = Instant::now();
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if now >= next_start || pending.is_empty() {
            match rest.next().map(|address| begin(*address)) {
                Some(Ok(socket)) => {
                    pending.push(socket);
                    next_start = now + stagger;
                }
                Some(Err(error)) => {
                    last = error;
                    continue;
                }
                None if pending.is_empty() => return Err(last),
                None => {}
            }
        }
        let until = if rest.len() > 0 { next_start.min(deadline) } else { deadline };
        if !wait_for_any(&pending, until)? {
            continue;
        }
        let mut at = 0;
        while let Some(socket) = pending.get(at) {
            match outcome(socket) {
                Ok(true) => {
                    let socket = pending.swap_remove(at);
                    socket.set_nonblocking(false)?;
                    return Ok(socket.into());
                }
                Ok(false) => at += 1,
                Err(error) => {
                    last = error;
                    pending.remove(at);
                    // The next one need not wait.
                    next_start = now;
                }
            }
        }
    }
}

/// Begins to connect.
#[cfg(unix)]
fn begin(address: SocketAddr) -> io::Result<socket2::Socket> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error)
            if error.kind() != io::ErrorKind::WouldBlock
                && error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) =>
        {
            Err(error)
        }
        _ => Ok(socket),
    }
}

/// Waits until something has become of an attempt; `false` at the deadline.
#[cfg(unix)]
fn wait_for_any(sockets: &[socket2::Socket], deadline: Instant) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
    let mut polled: Vec<PollFd<'_>> =
        sockets.iter().map(|socket| PollFd::new(socket, PollFlags::OUT)).collect();
    match poll(&mut polled, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether an attempt has succeeded; `false` if it is still going on.
#[cfg(unix)]
fn outcome(socket: &socket2::Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// One address after the other; each has an equal part of the time that is left.
#[cfg(not(unix))]
pub(crate) fn connect_first(
    addresses: &[SocketAddr],
    _stagger: Duration,
    deadline: Instant,
) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    let mut left = addresses.len();
    for address in addresses {
        let time = deadline.saturating_duration_since(Instant::now());
        let part = time / u32::try_from(left.max(1)).unwrap_or(u32::MAX);
        left -= 1;
        if part.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(address, part) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
