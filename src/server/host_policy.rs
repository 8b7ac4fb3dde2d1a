//! Under which host a peer's records are listed, and for which address that host was verified
//! (protocol.md sections 4.7 and 4.11).

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

/// The host under which records are listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Listed {
    pub(super) host: Host,
    /// The address to which the host resolved, and from which the peer connects. Absent when the
    /// host is an address itself, or when it was not resolved.
    pub(super) verified: Option<IpAddr>,
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
    pub(super) fn listed(&mut self, named: &Host) -> Option<Listed> {
        let is_loopback = self.address.is_loopback();
        let (as_said, is_checked) = match self.policy {
            HostPolicy::Literal => (true, false),
            HostPolicy::Auto if is_loopback => (true, false),
            // A loopback address means nothing to other machines, so it is not passed on.
            HostPolicy::Auto | HostPolicy::Strict => (self.is_own(named), !is_loopback),
        };
        let is_name = named.as_str().parse::<IpAddr>().is_err();
        let verified = (as_said && is_checked && is_name).then_some(self.address);
        match self.policy {
            _ if as_said => Some(Listed { host: named.clone(), verified }),
            HostPolicy::Strict => None,
            HostPolicy::Auto | HostPolicy::Literal => {
                Some(Listed { host: Host::from(self.address), verified: None })
            }
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
    fn a_name_that_was_checked_comes_with_its_address() {
        use HostPolicy::{Auto, Literal, Strict};
        let lan: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        for (policy, verified) in
            [(Auto, Some(lan.to_canonical())), (Strict, Some(lan.to_canonical())), (Literal, None)]
        {
            let mut hosts = ListedHosts::new(policy, lan);
            let host: Host = "peer.example".parse().unwrap();
            // As if it had been resolved.
            hosts.known.push((host.clone(), true));
            assert_eq!(hosts.listed(&host), Some(Listed { host, verified }));
        }
    }

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
            let found = hosts.listed(&named.parse().unwrap());
            assert!(found.as_ref().is_none_or(|listed| listed.verified.is_none()));
            let found = found.map(|listed| listed.host.to_string());
            assert_eq!(found.as_deref(), listed, "{policy:?} {address} {named}");
        }
    }
}
