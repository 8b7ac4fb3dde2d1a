//! The addresses of the peers: each has its own in 127.0.0.0/8 where the system has all of them, and otherwise its
//! own port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Whether every address of 127.0.0.0/8 is an address of this machine without configuration.
pub(super) const HAS_ALL: bool = cfg!(target_os = "linux");

/// The largest number of peers.
pub(super) const MOST: usize = 200;
/// The same for arguments.
pub(crate) const MOST_PEERS: u64 = 200;

/// The largest number of index servers.
pub(super) const MOST_SERVERS: usize = 9;

/// The address of an index server for its clients. The numbers of servers begin with 1.
pub(super) fn of_index(number: usize) -> IpAddr {
    in_network(1, number)
}

/// The address at which an index server listens behind a cable.
#[cfg(all(feature = "cluster", unix))]
pub(super) fn behind_cable(number: usize) -> IpAddr {
    in_network(2, number)
}

/// The address of a peer, whose numbers begin with 1.
pub(super) fn of_peer(number: usize) -> IpAddr {
    in_network(0, number)
}

fn in_network(network: u8, number: usize) -> IpAddr {
    let last = u8::try_from(number).unwrap_or(u8::MAX);
    if HAS_ALL { Ipv4Addr::new(127, 20, network, last) } else { Ipv4Addr::LOCALHOST }.into()
}

/// The number of the peer with this address; 0 for an index server, and `None` if the address does not show it.
pub(super) fn number(address: SocketAddr) -> Option<usize> {
    match address.ip().to_canonical() {
        ip if !HAS_ALL || !ip.is_loopback() => None,
        IpAddr::V4(ip) => match ip.octets() {
            [127, 20, 1 | 2, last] if last > 0 => Some(0),
            [127, 20, 0, last] => Some(last.into()),
            _ => None,
        },
        IpAddr::V6(_) => None,
    }
}
