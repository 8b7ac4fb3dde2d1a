//! Brings up the loopback interface of a new network namespace (`rtnetlink(7)`).

use std::io;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// `RTM_NEWLINK`; `NLM_F_REQUEST` and `NLM_F_ACK`; `IFF_UP`.
const NEW_LINK: u16 = 16;
const REQUEST_AND_REPLY: u16 = 1 | 4;
const IS_UP: u32 = 1;
/// Loopback is the first interface of a namespace.
const LOOPBACK: i32 = 1;
/// A header, and a description of an interface.
const LENGTH: u32 = 16 + 16;
/// The offset of the error number in the reply, which follows the header.
const ERROR: usize = 16;

/// # Errors
/// When this process may not change the network, or the system has no such interface.
pub(super) fn bring_up() -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, None)?;
    let mut request = Vec::new();
    request.extend(LENGTH.to_ne_bytes());
    request.extend(NEW_LINK.to_ne_bytes());
    request.extend(REQUEST_AND_REPLY.to_ne_bytes());
    // The number of the request, the sender, and the family and type of the interface.
    request.extend([0; 8 + 4]);
    request.extend(LOOPBACK.to_ne_bytes());
    // Its flags, and which of them change.
    request.extend(IS_UP.to_ne_bytes());
    request.extend(IS_UP.to_ne_bytes());
    send(&socket, &request, SendFlags::empty())?;
    let mut reply = [0; 256];
    let (_, count) = recv(&socket, &mut reply[..], RecvFlags::empty())?;
    let error = reply.get(..count).and_then(|reply| reply.get(ERROR..)?.first_chunk());
    match error.map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        None => Err(io::Error::other("the system does not reply about the loopback interface")),
    }
}
