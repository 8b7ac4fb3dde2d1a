//! Under which host a peer's records are listed (protocol.md section 4.7).

use std::net::IpAddr;

use crate::protocol::Host;
use crate::{limits, net};

/// What the server makes of the `Host` that a peer names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HostPolicy {
    /// A peer on loopback is listed as it says; any other as it says if that is its address, and
    /// under the address that it comes from otherwise.
    #[default]
    Auto,
    /// Every peer is listed as it says.
    Literal,
    /// A peer that names a host with another address than its own is refused.
    Strict,
}

/// The policy, applied to one connection. Names are resolved once.
#[derive(Debug)]
pub(super) struct ListedHosts {
    policy: HostPolicy,
    address: IpAddr,
    known: Vec<(Host, bool)>,
}

impl ListedHosts {
    pub(super) fn new(policy: HostPolicy, address: IpAddr) -> Self {
        Self { policy, address: address.to_canonical(), known: Vec::new() }
    }

    /// The host to list; `None` if the peer is to be refused.
    pub(super) fn listed(&mut self, named: &Host) -> Option<Host> {
        let as_said = match self.policy {
            HostPolicy::Literal => true,
            HostPolicy::Auto => self.address.is_loopback() || self.is_own(named),
            HostPolicy::Strict => self.is_own(named),
        };
        match self.policy {
            _ if as_said => Some(named.clone()),
            HostPolicy::Strict => None,
            HostPolicy::Auto | HostPolicy::Literal => Some(Host::from(self.address)),
        }
    }

    /// Whether a host is the machine that the connection comes from.
    fn is_own(&mut self, named: &Host) -> bool {
        if let Ok(address) = named.as_str().parse::<IpAddr>() {
            return self.is_same(address);
        }
        if let Some((_, own)) = self.known.iter().find(|(host, _)| host == named) {
            return *own;
        }
        // Who names one host after the other only wants them resolved.
        if self.known.len() >= limits::HOST_RESOLUTIONS {
            return false;
        }
        let own = net::resolve(named.as_str(), 0)
            .is_ok_and(|addresses| addresses.iter().any(|address| self.is_same(address.ip())));
        self.known.push((named.clone(), own));
        own
    }

    fn is_same(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address == self.address || (address.is_loopback() && self.address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listed_host_by_policy_address_and_name() {
        use HostPolicy::{Auto, Literal, Strict};
        let (loopback, lan) = ("127.0.0.1", "192.0.2.7");
        for (policy, address, named, listed) in [
            (Auto, loopback, "anything", Some("anything")),
            (Auto, lan, "192.0.2.7", Some("192.0.2.7")),
            (Auto, lan, "::ffff:192.0.2.7", Some("::ffff:192.0.2.7")),
            (Auto, lan, "192.0.2.8", Some(lan)),
            (Auto, lan, "localhost", Some(lan)),
            (Auto, "::ffff:192.0.2.7", "192.0.2.8", Some(lan)),
            (Auto, "2001:db8::1", "no-such-host.invalid", Some("2001:db8::1")),
            (Literal, lan, "192.0.2.8", Some("192.0.2.8")),
            (Strict, lan, "192.0.2.7", Some(lan)),
            (Strict, lan, "192.0.2.8", None),
            (Strict, loopback, "localhost", Some("localhost")),
            (Strict, loopback, "127.0.1.1", Some("127.0.1.1")),
            (Strict, loopback, "192.0.2.7", None),
        ] {
            let mut hosts = ListedHosts::new(policy, address.parse().unwrap());
            let found = hosts.listed(&named.parse().unwrap()).map(|host| host.to_string());
            assert_eq!(found.as_deref(), listed, "{policy:?} {address} {named}");
        }
    }
}
