//! Which addresses are connected to, by where they were learned from (protocol.md section 9).
//!
//! The author of a record could otherwise make peers connect to services of their own machines and
//! networks that it cannot reach itself. So an address may not be more local than the index that lists
//! it, and, except on loopback, its port may not be a well-known port.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

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
}

/// The policy, with the networks that the user has opened.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    opened: Vec<IpNet>,
}

/// An address that the policy does not permit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressDenied {
    /// It is more local than the index that lists it.
    #[error(
        "{address} is more local than the index {index}, which lists it: --allow-net {address} permits it"
    )]
    TooLocal {
        /// The address.
        address: IpAddr,
        /// The index.
        index: IpAddr,
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
        let Provenance::Index(index) = provenance else { return Ok(addresses) };
        let mut reason = None;
        let mut permitted = Vec::new();
        for mut address in addresses {
            match self.check(index.ip(), address) {
                Ok(()) => {
                    set_scope(&mut address, index);
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

    /// Checks an address that an index has listed.
    fn check(&self, index: IpAddr, address: SocketAddr) -> Result<(), AddressDenied> {
        let (index, ip) = (index.to_canonical(), address.ip().to_canonical());
        if self.opened.iter().any(|network| network.contains(&ip)) {
            return Ok(());
        }
        let Some(found) = locality(ip) else { return Err(AddressDenied::NotAHost(ip)) };
        // The index was connected to, so its address is that of a host.
        if found > locality(index).unwrap_or(Locality::Public) {
            return Err(AddressDenied::TooLocal { address: ip, index });
        }
        if found != Locality::Loopback && address.port() < FIRST_PORT {
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

/// `None` for addresses of groups of hosts, and for those of no host.
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

    fn check(named_by: &str, address: &str) -> Result<(), AddressDenied> {
        let address = match address.parse() {
            Ok(ip) => SocketAddr::new(ip, 5678),
            Err(_) => address.parse().unwrap(),
        };
        AddressPolicy::default().check(named_by.parse().unwrap(), address)
    }

    #[test]
    fn an_address_is_not_more_local_than_its_index() {
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
    fn addresses_of_no_host_are_never_permitted() {
        for address in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "::", "ff02::1"] {
            assert!(
                matches!(check("127.0.0.1", address), Err(AddressDenied::NotAHost(_))),
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
    fn the_user_may_open_networks() {
        let policy = AddressPolicy::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let index = "8.8.8.8".parse().unwrap();
        assert!(policy.check(index, "10.1.2.3:22".parse().unwrap()).is_ok());
        assert!(policy.check(index, "127.0.0.1:5678".parse().unwrap()).is_err());
    }

    #[test]
    fn link_local_addresses_have_the_scope_of_the_index() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let provenance = Provenance::Index(address("[fe80::2%3]:7734"));
        let named = vec![address("[fe80::1]:7735"), address("[fe80::1%9]:7735")];
        let permitted = |named| AddressPolicy::default().permitted(provenance, named).unwrap();
        assert_eq!(permitted(named), [address("[fe80::1%3]:7735"); 2]);
        let global = vec![address("[2001:db8::1]:7735")];
        assert_eq!(permitted(global.clone()), global);
    }
}
