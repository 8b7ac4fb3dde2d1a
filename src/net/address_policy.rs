//! Which addresses are connected to, by where they were learned from (protocol.md section 9).
//!
//! The author of a record could otherwise make peers connect to services of their own machines and
//! networks that it cannot reach itself. So an address may not be more local than the index that lists
//! it, and, except on loopback, its port may not be a well-known port.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::network::Contained;

/// The scope in which an address can be reached, the widest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Locality {
    Public,
    Private,
    Link,
    Loopback,
}

/// Ports below this belong to well-known services.
const FIRST_PORT: u16 = 1024;

/// Where a host was learned from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Provenance {
    /// The user has named it: every address is permitted.
    User,
    /// The index at this address has listed it.
    Index(SocketAddr),
    /// A distributed hash table has named it: nothing more local than the table, whose bootstrap node has this
    /// address.
    Dht(SocketAddr),
    /// It has announced itself on the local network, at an address in a network of this machine.
    Lan,
}

/// The policy, with the networks that the user has opened.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    opened: Vec<IpNet>,
}

/// An address that the policy does not permit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressDenied {
    /// It is more local than the index server or the node that has named it.
    #[error(
        "{address} is more local than {source_address}, which has named it: --allow-net {address} permits it"
    )]
    TooLocal {
        /// The address.
        address: IpAddr,
        /// The address of the index server, or of the bootstrap node of a hash table.
        source_address: IpAddr,
    },
    /// Its port belongs to a well-known service.
    #[error("expected a port from 1024, found {0}: --allow-net {ip} permits it", ip = .0.ip())]
    WellKnownPort(SocketAddr),
    /// It is not the address of one host.
    #[error("expected the address of a host, found {}", shown(.0))]
    NotAHost(IpAddr),
}

/// An address that is not that of a host, in a message.
fn shown(address: &IpAddr) -> String {
    match address.is_unspecified() {
        true => {
            format!("{address}, or an `Address` of the index that cannot be read or is not unique")
        }
        false => address.to_string(),
    }
}

impl AddressPolicy {
    /// The policy, and networks in which every address is permitted.
    pub fn new(opened: Vec<IpNet>) -> Self {
        Self { opened }
    }

    /// Returns those of a host's addresses that are permitted. Link-local addresses get the scope of
    /// the network over which the index was reached.
    ///
    /// # Errors
    /// When there are addresses, and none is permitted.
    pub fn permitted(
        &self,
        provenance: Provenance,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, AddressDenied> {
        let index = match provenance {
            Provenance::User => return Ok(addresses),
            Provenance::Index(source) | Provenance::Dht(source) => Some(source),
            Provenance::Lan => None,
        };
        let mut reason = None;
        let mut permitted = Vec::new();
        for mut address in addresses {
            let checked = match index {
                Some(index) => self.check(index.ip(), address),
                None => self.check_on_lan(address),
            };
            match checked {
                Ok(()) => {
                    if let Some(index) = index {
                        set_scope(&mut address, index);
                    }
                    permitted.push(address);
                }
                Err(denied) => reason = Some(denied),
            }
        }
        match reason {
            Some(reason) if permitted.is_empty() => Err(reason),
            _ => Ok(permitted),
        }
    }

    /// How local an index at this address is: a more local one may list more addresses.
    pub(crate) fn locality(index: IpAddr) -> impl Ord {
        Scope::of(index.to_canonical()).map_or(Locality::Public, |scope| scope.widest)
    }

    /// Checks the address of a peer on the local network. Whether it is in a network of this machine was checked
    /// when the peer was found.
    fn check_on_lan(&self, address: SocketAddr) -> Result<(), AddressDenied> {
        let ip = address.ip().to_canonical();
        match Scope::of(ip) {
            _ if self.is_opened(ip) => Ok(()),
            None | Some(Scope { nearest: Locality::Loopback, .. }) => {
                Err(AddressDenied::NotAHost(ip))
            }
            Some(_) if address.port() < FIRST_PORT => {
                Err(AddressDenied::WellKnownPort(SocketAddr::new(ip, address.port())))
            }
            Some(_) => Ok(()),
        }
    }

    fn is_opened(&self, ip: IpAddr) -> bool {
        self.opened.iter().any(|network| network.contains(&ip))
    }

    /// Checks an address that an index has listed.
    fn check(&self, index: IpAddr, address: SocketAddr) -> Result<(), AddressDenied> {
        let (index, ip) = (index.to_canonical(), address.ip().to_canonical());
        if self.is_opened(ip) {
            return Ok(());
        }
        let Some(Scope { nearest, .. }) = Scope::of(ip) else {
            return Err(AddressDenied::NotAHost(ip));
        };
        // The index was connected to, so its address is that of a host.
        if nearest > Scope::of(index).map_or(Locality::Public, |scope| scope.widest) {
            return Err(AddressDenied::TooLocal { address: ip, source_address: index });
        }
        if nearest != Locality::Loopback && address.port() < FIRST_PORT {
            return Err(AddressDenied::WellKnownPort(SocketAddr::new(ip, address.port())));
        }
        Ok(())
    }
}

fn set_scope(address: &mut SocketAddr, index: SocketAddr) {
    if let (SocketAddr::V6(address), SocketAddr::V6(index)) = (address, index)
        && address.ip().is_unicast_link_local()
        && index.scope_id() != 0
    {
        address.set_scope_id(index.scope_id());
    }
}

/// The scope of an address, which is not always known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Scope {
    /// The widest one that it may have. It counts for the address of an index.
    widest: Locality,
    /// The most local one that it may have. It counts for the address of a record.
    nearest: Locality,
}

impl Scope {
    /// `None` for addresses of groups of hosts, and for those of no host.
    fn of(address: IpAddr) -> Option<Self> {
        let known = |locality| Self { widest: locality, nearest: locality };
        match address {
            IpAddr::V4(address) => locality_v4(address).map(known),
            IpAddr::V6(address) => match Contained::of(address) {
                Contained::Nothing => locality_v6(address).map(known),
                Contained::Ipv4(inner) => locality_v4(inner).map(known),
                Contained::Ipv4Behind(inner) => {
                    let (inner, outer) = (locality_v4(inner)?, locality_v6(address)?);
                    Some(Self { widest: inner.min(outer), nearest: inner.max(outer) })
                }
                Contained::UnknownIpv4 => {
                    Some(Self { widest: Locality::Public, nearest: Locality::Loopback })
                }
            },
        }
    }
}

/// The IANA registry of special-purpose IPv4 addresses has these networks.
fn locality_v4(address: Ipv4Addr) -> Option<Locality> {
    match address.octets() {
        [127, ..] => Some(Locality::Loopback),
        // On many systems a connection to 0.0.0.0 reaches the machine itself.
        [0 | 224.., ..] => None,
        // 192.0.0.0/24 has the addresses between a customer and a translator (RFC 6333).
        [169, 254, ..] | [192, 0, 0, _] => Some(Locality::Link),
        // Behind a carrier's translator (RFC 6598), and for measurements (RFC 2544).
        [100, 64..=127, ..] | [198, 18 | 19, ..] => Some(Locality::Private),
        _ if address.is_private() => Some(Locality::Private),
        _ => Some(Locality::Public),
    }
}

/// The same for IPv6 addresses that contain none of IPv4. Only 2000::/3 is for public hosts.
fn locality_v6(address: Ipv6Addr) -> Option<Locality> {
    match address.segments() {
        _ if address.is_unspecified() || address.is_multicast() => None,
        _ if address.is_loopback() => Some(Locality::Loopback),
        _ if address.is_unicast_link_local() => Some(Locality::Link),
        // For measurements (RFC 5180).
        [0x2001, 2, 0, ..] => Some(Locality::Private),
        [0x2000..=0x3fff, ..] => Some(Locality::Public),
        // Packets to 100::/64 are discarded (RFC 6666).
        [0x100, 0, 0, 0, ..] => None,
        // Unique local addresses (RFC 4193), site-local ones (RFC 3879), and what is not assigned.
        _ => Some(Locality::Private),
    }
}
