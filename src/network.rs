//! The network that an address belongs to: the unit of limits and votes (protocol.md section 7).
//!
//! The owner of one machine usually has a whole IPv6 network of 2^64 addresses, so limits that
//! count single IPv6 addresses have no effect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

    /// The network that an address leads to: an IPv6 address that contains an IPv4 address, for a
    /// translator or a tunnel, counts as that address. A vote counts networks in this way, because the owner of one IPv4
    /// address has it in all these forms.
    pub fn leads_to(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => match Contained::of(address) {
                // The owner of a network chooses what its addresses contain.
                Contained::Nothing | Contained::Ipv4Behind(_) => Self::of(address.into()),
                Contained::Ipv4(one) => Self(one.into()),
                Contained::UnknownIpv4 => Self(masked(address, 48)),
            },
            address => Self::of(address),
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

/// The IPv4 address in an IPv6 address to which a translator or a tunnel sends packets in the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Contained {
    /// It contains none.
    Nothing,
    /// It contains this one, and leads nowhere else.
    Ipv4(Ipv4Addr),
    /// It contains this one, which is reached through the network of the address.
    Ipv4Behind(Ipv4Addr),
    /// It contains one, at a place that only the translator knows.
    UnknownIpv4,
}

impl Contained {
    /// The one in this address.
    pub(crate) fn of(address: Ipv6Addr) -> Self {
        let [a, b, c, d, e, f, g, h] = address.segments();
        let bits =
            |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
        let ipv4 = |high, low| Self::Ipv4(bits(high, low));
        match (a, b, c, d, e, f) {
            // IPv4-compatible (RFC 4291), except the unspecified and the loopback address.
            (0, 0, 0, 0, 0, 0) if (g, h) > (0, 1) => ipv4(g, h),
            // IPv4-mapped (RFC 4291), and IPv4-translated (RFC 2765).
            (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) => ipv4(g, h),
            // NAT64 (RFC 6052).
            (0x64, 0xff9b, 0, 0, 0, 0) => ipv4(g, h),
            // NAT64 with a prefix of the network operator, which may have 48 to 96 bits (RFC 8215).
            (0x64, 0xff9b, 1, ..) => Self::UnknownIpv4,
            // 6to4 (RFC 3056).
            (0x2002, high, low, ..) => ipv4(high, low),
            // Teredo (RFC 4380): the address is inverted.
            (0x2001, 0, ..) => ipv4(!g, !h),
            // ISATAP (RFC 5214), behind any prefix.
            (_, _, _, _, 0 | 0x200, 0x5efe) => Self::Ipv4Behind(bits(g, h)),
            _ => Self::Nothing,
        }
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
    fn ipv4_addresses_within_ipv6_ones_are_one_network() {
        let leads_to = |address: &str| Network::leads_to(address.parse().unwrap());
        for form in [
            "::ffff:192.0.2.7",
            "::192.0.2.7",
            "::ffff:0:192.0.2.7",
            "64:ff9b::192.0.2.7",
            "2002:c000:207::",
            "2002:c000:207:1:2:3:4:5",
            "2001:0:1234::3fff:fdf8",
        ] {
            assert_eq!(leads_to(form), network("192.0.2.7"), "{form}");
        }
        for other in [
            "::",
            "::1",
            "2001:db8::c000:207",
            "2001:db8::5efe:192.0.2.7",
            "2001:db8::200:5efe:192.0.2.8",
        ] {
            assert_eq!(leads_to(other), network(other), "{other}");
        }
        // Where the IPv4 address is, depends on the prefix of the operator.
        assert_eq!(leads_to("64:ff9b:1::192.0.2.7"), leads_to("64:ff9b:1:c000:2:700::"));
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
