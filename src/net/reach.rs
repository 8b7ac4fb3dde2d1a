//! The addresses in records to which a peer connects (protocol.md section 9).
//!
//! The author of a record could otherwise make peers connect to services of their own machines and
//! networks, which it cannot reach itself. So an address may not be more local than the index that names
//! it, and except on loopback its port is not one of the well-known ports.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// From where an address is reached, the widest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Locality {
    Public,
    Private,
    Link,
    Loopback,
}

/// Ports below this belong to well-known services.
const FIRST_PORT: u16 = 1024;

/// The rule, with the networks that a person has opened.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    opened: Vec<IpNet>,
}

/// An address that is not connected to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotAllowed {
    /// It is more local than whoever names it.
    #[error("{address} is nearer than {named_by}, which names it: --allow-net {address} opens it")]
    TooNear {
        /// The address.
        address: IpAddr,
        /// The index that names it.
        named_by: IpAddr,
    },
    /// Its port is that of another service.
    #[error("expected a port from 1024, found {0}: --allow-net {ip} opens it", ip = .0.ip())]
    WellKnownPort(SocketAddr),
    /// It belongs to no machine.
    #[error("expected the address of a machine, found {0}")]
    NoMachine(IpAddr),
}

impl Reach {
    /// The rule, and networks in which everything is allowed.
    pub fn new(opened: Vec<IpNet>) -> Self {
        Self { opened }
    }

    /// Whether to connect to an address that an index at `named_by` has named.
    ///
    /// # Errors
    /// When not, with the reason.
    pub fn check(&self, named_by: IpAddr, address: SocketAddr) -> Result<(), NotAllowed> {
        let (named_by, ip) = (named_by.to_canonical(), address.ip().to_canonical());
        if self.opened.iter().any(|network| network.contains(&ip)) {
            return Ok(());
        }
        let Some(found) = locality(ip) else { return Err(NotAllowed::NoMachine(ip)) };
        // An index cannot have an address of no machine.
        if found > locality(named_by).unwrap_or(Locality::Public) {
            return Err(NotAllowed::TooNear { address: ip, named_by });
        }
        if found != Locality::Loopback && address.port() < FIRST_PORT {
            return Err(NotAllowed::WellKnownPort(SocketAddr::new(ip, address.port())));
        }
        Ok(())
    }
}

/// `None` for groups of machines, and for none at all.
fn locality(address: IpAddr) -> Option<Locality> {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            match first {
                127 => Some(Locality::Loopback),
                // On many systems a connection to 0.0.0.0 reaches the machine itself.
                0 | 224.. => None,
                169 if second == 254 => Some(Locality::Link),
                // Behind a carrier's translator (RFC 6598).
                100 if second & 0xc0 == 64 => Some(Locality::Private),
                _ if address.is_private() => Some(Locality::Private),
                _ => Some(Locality::Public),
            }
        }
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Some(Locality::Loopback),
        IpAddr::V6(address) if address.is_unspecified() || address.is_multicast() => None,
        IpAddr::V6(address) if address.is_unicast_link_local() => Some(Locality::Link),
        IpAddr::V6(address) if address.is_unique_local() => Some(Locality::Private),
        // An IPv4 address in one of IPv6 leads where that leads: mapped ones were made IPv4
        // before, and these are the translated ones (RFC 6052, RFC 3056).
        IpAddr::V6(address) => match address.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                locality(IpAddr::from([a, b, c, d]))
            }
            _ => Some(Locality::Public),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(named_by: &str, address: &str) -> Result<(), NotAllowed> {
        let address = match address.parse() {
            Ok(ip) => SocketAddr::new(ip, 5678),
            Err(_) => address.parse().unwrap(),
        };
        Reach::default().check(named_by.parse().unwrap(), address)
    }

    #[test]
    fn an_address_is_not_nearer_than_who_names_it() {
        const PLACES: [&[&str]; 4] = [
            &["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"],
            &[
                "10.0.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "100.64.0.1",
                "fd00::1",
                "64:ff9b::a00:1",
                "2002:a00:1::",
            ],
            &["169.254.169.254", "fe80::1"],
            &["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
        ];
        for (near, namers) in PLACES.iter().enumerate() {
            for (distance, addresses) in PLACES.iter().enumerate() {
                for namer in *namers {
                    for address in *addresses {
                        let allowed = check(namer, address).is_ok();
                        assert_eq!(allowed, distance <= near, "{namer} names {address}");
                    }
                }
            }
        }
    }

    #[test]
    fn addresses_of_no_machine_are_never_allowed() {
        for address in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "::", "ff02::1"] {
            assert!(
                matches!(check("127.0.0.1", address), Err(NotAllowed::NoMachine(_))),
                "{address}"
            );
        }
    }

    #[test]
    fn ports_of_well_known_services_are_for_loopback_alone() {
        for (address, allowed) in [
            ("8.8.8.8:1023", false),
            ("8.8.8.8:1024", true),
            ("[2001:4860:4860::8888]:22", false),
            ("127.0.0.1:80", true),
            ("192.168.1.1:25", false),
        ] {
            assert_eq!(check("127.0.0.1", address).is_ok(), allowed, "{address}");
        }
    }

    #[test]
    fn a_person_may_open_networks() {
        let reach = Reach::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let named_by = "8.8.8.8".parse().unwrap();
        assert!(reach.check(named_by, "10.1.2.3:22".parse().unwrap()).is_ok());
        assert!(reach.check(named_by, "127.0.0.1:5678".parse().unwrap()).is_err());
    }
}
