//! Asks Linux for the state of one socket (`sock_diag(7)`): the cost does not depend on the number of
//! connections, and the cookie of the socket excludes any other connection of the same addresses
//! (protocol.md section 7).

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
    sockopt,
};

/// Lengths in bytes: the header of a message, the identity of a socket, and a request.
const HEADER: usize = 16;
const SOCKET_ID: usize = 48;
const REQUEST: usize = HEADER + 8 + SOCKET_ID;
/// `SOCK_DIAG_BY_FAMILY`, `NLM_F_REQUEST` and `NLMSG_ERROR`.
const BY_FAMILY: u16 = 20;
const IS_REQUEST: u16 = 1;
const ERROR: u16 = 2;
const TCP: u8 = 6;
/// The offset of the number of unacknowledged bytes in a reply: after the header, the identity of the
/// socket, a time, and the number of unread bytes.
const UNACKNOWLEDGED: usize = HEADER + 4 + SOCKET_ID + 4 + 4;

/// Whether this system has ever found a socket. If not, an unknown socket can also mean that it does not
/// support TCP sockets here.
static HAS_ANSWERED: AtomicBool = AtomicBool::new(false);

/// The reply of the system about a socket.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Diagnosis {
    Unacknowledged(u64),
    NoSuchSocket,
    /// The system does not have this interface, or refuses it to this process.
    Unavailable,
}

pub(super) fn ask(stream: &TcpStream) -> io::Result<Diagnosis> {
    match sockopt::socket_cookie(stream) {
        Ok(cookie) => ask_for(stream, cookie),
        Err(_) => Ok(Diagnosis::Unavailable),
    }
}

/// Queries the socket with the addresses of this one and this cookie.
pub(super) fn ask_for(stream: &TcpStream, cookie: u64) -> io::Result<Diagnosis> {
    let request = request(stream, cookie)?;
    let protocol = Some(netlink::SOCK_DIAG);
    let flags = SocketFlags::CLOEXEC;
    let socket = match socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol) {
        Ok(socket) => socket,
        Err(error) if is_shortage(error) => return Err(error.into()),
        Err(_) => return Ok(Diagnosis::Unavailable),
    };
    let mut reply = [0; 1024];
    // The reply can be read as soon as the request was sent.
    let exchanged = send(&socket, &request, SendFlags::empty())
        .and_then(|_| recv(&socket, &mut reply[..], RecvFlags::DONTWAIT));
    let count = match exchanged {
        Ok((_, count)) => count,
        Err(error) if is_shortage(error) => return Err(error.into()),
        Err(_) => return Ok(Diagnosis::Unavailable),
    };
    match Reply::parse(reply.get(..count).unwrap_or_default()) {
        Reply::Found(count) => {
            HAS_ANSWERED.store(true, Ordering::Relaxed);
            Ok(Diagnosis::Unacknowledged(count))
        }
        Reply::Refused(Errno::STALE) => Ok(Diagnosis::NoSuchSocket),
        Reply::Refused(Errno::NOENT) if HAS_ANSWERED.load(Ordering::Relaxed) => {
            Ok(Diagnosis::NoSuchSocket)
        }
        Reply::Refused(error) if is_shortage(error) => Err(error.into()),
        Reply::Refused(_) | Reply::Unknown => Ok(Diagnosis::Unavailable),
    }
}

/// Whether a later query may succeed after this error.
fn is_shortage(error: Errno) -> bool {
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::AGAIN, Errno::INTR]
        .contains(&error)
}

/// A request for the state of one socket.
fn request(stream: &TcpStream, cookie: u64) -> io::Result<Vec<u8>> {
    let (here, there) = (stream.local_addr()?, stream.peer_addr()?);
    let (family, interface) = match there {
        SocketAddr::V4(_) => (AddressFamily::INET, 0),
        SocketAddr::V6(there) => (AddressFamily::INET6, there.scope_id()),
    };
    let mut request = Vec::with_capacity(REQUEST);
    request.extend(u32::try_from(REQUEST).unwrap_or(u32::MAX).to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(IS_REQUEST.to_ne_bytes());
    // The number of the request, and the sender, which the system sets.
    request.extend([0; 8]);
    let [family, _] = family.as_raw().to_le_bytes();
    request.extend([family, TCP, 0, 0]);
    // Sockets in any state.
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(here.port().to_be_bytes());
    request.extend(there.port().to_be_bytes());
    for ip in [here.ip(), there.ip()] {
        match ip {
            IpAddr::V4(ip) => request.extend(ip.octets().into_iter().chain([0; 12])),
            IpAddr::V6(ip) => request.extend(ip.octets()),
        }
    }
    request.extend(interface.to_ne_bytes());
    let [low, high] = [cookie & u64::from(u32::MAX), cookie >> 32];
    for word in [low, high] {
        request.extend(u32::try_from(word).unwrap_or(u32::MAX).to_ne_bytes());
    }
    Ok(request)
}

/// Parses the reply of the system.
#[derive(Debug, Eq, PartialEq)]
enum Reply {
    Found(u64),
    Refused(Errno),
    Unknown,
}

impl Reply {
    fn parse(reply: &[u8]) -> Self {
        let kind = reply.get(4..).and_then(|rest| rest.first_chunk());
        match kind.map(|kind| u16::from_ne_bytes(*kind)) {
            Some(BY_FAMILY) => match number(reply, UNACKNOWLEDGED) {
                Some(count) => Self::Found(count.into()),
                None => Self::Unknown,
            },
            Some(ERROR) => {
                // The error number is negative.
                let error = number(reply, HEADER).map(u32::wrapping_neg);
                let error = error.and_then(|error| i32::try_from(error).ok());
                let error = error.map(io::Error::from_raw_os_error);
                let error = error.and_then(|error| Errno::from_io_error(&error));
                error.map_or(Self::Unknown, Self::Refused)
            }
            _ => Self::Unknown,
        }
    }
}

fn number(reply: &[u8], at: usize) -> Option<u32> {
    reply.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_parsed() {
        let mut reply = vec![0; 124];
        reply[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        reply[UNACKNOWLEDGED..UNACKNOWLEDGED + 4].copy_from_slice(&31u32.to_ne_bytes());
        assert_eq!(Reply::parse(&reply), Reply::Found(31));
        assert_eq!(Reply::parse(&reply[..UNACKNOWLEDGED]), Reply::Unknown);
        assert_eq!(Reply::parse(&[]), Reply::Unknown);
        reply[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        let error = -Errno::NOENT.raw_os_error();
        reply[HEADER..HEADER + 4].copy_from_slice(&error.to_ne_bytes());
        assert_eq!(Reply::parse(&reply), Reply::Refused(Errno::NOENT));
    }
}
