//! The networks of this machine: an announced address must be in one of them.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use if_addrs::{IfAddr, get_if_addrs};
use ipnet::IpNet;

use super::service::LanError;

/// Ports below this belong to well-known services.
const FIRST_PORT: u16 = 1024;

/// The networks of the interfaces, except loopback.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks(Vec<IpNet>);

impl Networks {
    /// The networks at this moment.
    pub(super) fn of_machine() -> Result<Self, LanError> {
        let all = get_if_addrs().map_err(LanError::Networks)?;
        let network = |address: &IfAddr| {
            let (ip, prefix) = match address {
                IfAddr::V4(one) => (IpAddr::V4(one.ip), one.prefixlen),
                IfAddr::V6(one) => (IpAddr::V6(one.ip), one.prefixlen),
            };
            IpNet::new(ip, prefix).ok().map(|network| network.trunc())
        };
        let outside = all.iter().filter(|one| !one.is_loopback());
        Ok(Self(outside.filter_map(|one| network(&one.addr)).collect()))
    }

    /// The addresses of this machine.
    pub(super) fn own_addresses() -> Result<HashSet<IpAddr>, LanError> {
        let all = get_if_addrs().map_err(LanError::Networks)?;
        Ok(all.iter().map(if_addrs::Interface::ip).collect())
    }

    /// The address at which an announced program is connected to, if that is permitted: it must be in a network of
    /// this machine, because otherwise any machine of the local network could make this one connect to others.
    /// `interface` is that from which it was announced.
    pub(super) fn permitted(&self, ip: IpAddr, port: u16, interface: u32) -> Option<SocketAddr> {
        let ip = ip.to_canonical();
        let is_host = !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast());
        if !is_host || port < FIRST_PORT {
            return None;
        }
        let is_near = self.0.iter().any(|network| network.contains(&ip));
        match ip {
            IpAddr::V6(address) if address.is_unicast_link_local() => {
                (interface != 0).then(|| scoped(address, port, interface))
            }
            _ => is_near.then(|| SocketAddr::new(ip, port)),
        }
    }
}

fn scoped(address: Ipv6Addr, port: u16, interface: u32) -> SocketAddr {
    SocketAddrV6::new(address, port, 0, interface).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_own_networks_are_permitted() {
        let own = ["192.168.7.0/24", "10.0.0.0/8", "2001:db8::/64", "fe80::/64"];
        let networks = Networks(own.iter().map(|one| one.parse().unwrap()).collect());
        for (ip, port, permitted) in [
            ("192.168.7.9", 7734, Some("192.168.7.9:7734")),
            ("10.200.0.1", 1024, Some("10.200.0.1:1024")),
            ("::ffff:192.168.7.9", 7734, Some("192.168.7.9:7734")),
            ("2001:db8::5", 7734, Some("[2001:db8::5]:7734")),
            ("fe80::5", 7734, Some("[fe80::5%3]:7734")),
            ("192.168.7.9", 22, None),
            ("192.168.8.1", 7734, None),
            ("8.8.8.8", 7734, None),
            ("2001:db8:1::5", 7734, None),
            ("127.0.0.1", 7734, None),
            ("::1", 7734, None),
            ("0.0.0.0", 7734, None),
            ("224.0.0.251", 7734, None),
        ] {
            let found = networks.permitted(ip.parse().unwrap(), port, 3);
            assert_eq!(found.map(|found| found.to_string()).as_deref(), permitted, "{ip}:{port}");
        }
        assert_eq!(networks.permitted("fe80::5".parse().unwrap(), 7734, 0), None);
    }
}
