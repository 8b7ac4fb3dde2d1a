//! Sends a query to name servers, one after the other, until one has replied: by UDP, and by TCP if the reply is too
//! long.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::message::{Reply, ServiceQuery};
use crate::limits;

/// The reply of the first server that has one.
///
/// # Errors
/// When no server has replied to the query before the deadline. The error is that of the last one.
pub(super) fn ask(
    query: &ServiceQuery,
    servers: &[SocketAddr],
    deadline: Instant,
) -> io::Result<Reply> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "no name server is known");
    for (server, left) in servers.iter().zip((1..=servers.len()).rev()) {
        // Each server has its part of the time, and what the others have left of theirs.
        let part = remaining(deadline) / u32::try_from(left).unwrap_or(u32::MAX);
        match ask_one(query, *server, limits::ends_after(part)) {
            Ok(Reply::Failed(code)) => {
                failure = io::Error::other(format!("{server} replied {code}"));
            }
            Ok(reply) => return Ok(reply),
            Err(error) => failure = io::Error::new(error.kind(), format!("{server}: {error}")),
        }
    }
    Err(failure)
}

fn ask_one(query: &ServiceQuery, server: SocketAddr, deadline: Instant) -> io::Result<Reply> {
    match by_udp(query, server, deadline)? {
        Reply::Truncated => by_tcp(query, server, deadline),
        reply => Ok(reply),
    }
}

/// The query is sent again after half of the time, because a datagram may be lost. Datagrams that are no reply to it
/// are ignored.
fn by_udp(query: &ServiceQuery, server: SocketAddr, deadline: Instant) -> io::Result<Reply> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // A random port. The system drops datagrams of other senders.
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    let mut datagram = vec![0; limits::DNS_DATAGRAM];
    for until in [Instant::now() + remaining(deadline) / 2, deadline] {
        socket.send(query.bytes())?;
        while let Some(time) = time_until(until) {
            socket.set_read_timeout(Some(time))?;
            let length = match socket.recv(&mut datagram) {
                Ok(length) => length,
                Err(error) if is_timeout(&error) => continue,
                Err(error) => return Err(error),
            };
            if let Some(reply) = datagram.get(..length).and_then(|bytes| query.read(bytes)) {
                return Ok(reply);
            }
        }
    }
    Err(no_reply())
}

/// Query and reply have their lengths before them.
fn by_tcp(query: &ServiceQuery, server: SocketAddr, deadline: Instant) -> io::Result<Reply> {
    let time = time_until(deadline).ok_or_else(no_reply)?;
    let mut stream = TcpStream::connect_timeout(&server, time)?;
    let length = u16::try_from(query.bytes().len()).map_err(io::Error::other)?;
    let request = [&length.to_be_bytes(), query.bytes()].concat();
    stream.set_write_timeout(Some(time_until(deadline).ok_or_else(no_reply)?))?;
    stream.write_all(&request)?;
    let mut length = [0; 2];
    read_exact(&mut stream, &mut length, deadline)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    read_exact(&mut stream, &mut reply, deadline)?;
    match query.read(&reply) {
        Some(Reply::Truncated) | None => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "expected a reply to the query, found another message",
        )),
        Some(reply) => Ok(reply),
    }
}

fn read_exact(stream: &mut TcpStream, mut to: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !to.is_empty() {
        stream.set_read_timeout(Some(time_until(deadline).ok_or_else(no_reply)?))?;
        match stream.read(to) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => to = to.get_mut(read..).unwrap_or_default(),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether to read again if there is time.
fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// A time limit for sockets, which must not be 0; `None` after the deadline.
fn time_until(deadline: Instant) -> Option<Duration> {
    Some(remaining(deadline)).filter(|time| !time.is_zero())
}

fn no_reply() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no reply in time")
}
