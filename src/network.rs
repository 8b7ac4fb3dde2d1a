//! The network that an address belongs to: the unit of limits and votes (protocol.md section 7).
//!
//! The owner of one machine usually has a whole IPv6 network of 2^64 addresses, so limits that
//! count single IPv6 addresses have no effect.

use std::net::{IpAddr, Ipv6Addr};

/// A network from which one party can act: an IPv4 address, or an IPv6 network of 64 bits.
///
/// Each address in 127.0.0.0/8 is a network of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address. An IPv4-mapped IPv6 address counts as the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => Self(masked(address, 64)),
            address => Self(address),
        }
    }

    /// The wider IPv6 network of 48 bits, which one customer of a provider may have; `None` for
    /// IPv4 and loopback.
    pub fn site(self) -> Option<Self> {
        match self.0 {
            IpAddr::V6(address) if !address.is_loopback() => Some(Self(masked(address, 48))),
            _ => None,
        }
    }

    /// The IPv6 network of 48 bits, or else this network: what one customer of a provider may have.
    pub fn site_or_self(self) -> Self {
        self.site().unwrap_or(self)
    }

    /// Whether this is a loopback address.
    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

fn masked(address: Ipv6Addr, bits: u32) -> IpAddr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_network() {
        assert_eq!(network("192.0.2.7"), network("::ffff:192.0.2.7"));
        assert_ne!(network("192.0.2.7"), network("192.0.2.8"));
        assert_ne!(network("127.0.0.1"), network("127.0.0.2"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("2001:db8:1:2::1").site(), network("2001:db8:1:3::1").site());
        assert_ne!(network("2001:db8:1:2::1").site(), network("2001:db8:2:2::1").site());
        assert_eq!(network("::1").site(), None);
        assert_eq!(network("192.0.2.7").site(), None);
        assert!(network("::1").is_loopback() && network("127.9.9.9").is_loopback());
    }
}
