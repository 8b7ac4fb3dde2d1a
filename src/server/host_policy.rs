//! The host under which a peer's records are listed, and the address for which that host was
//! verified (protocol.md sections 4.7 and 4.11).

use std::net::IpAddr;
use std::time::Duration;

use crate::net::{BucketSize, Buckets};
use crate::protocol::Host;
use crate::{limits, net};

/// How the server treats the `Host` that a peer sends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum HostPolicy {
    /// A peer on loopback is listed under its host. Any other peer is listed under its host if that
    /// is or resolves to its address, and otherwise under its address.
    #[default]
    Auto,
    /// Every peer is listed under its host.
    Literal,
    /// A peer whose host has another address than the peer is refused.
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

/// The number of names that were resolved for each network.
#[derive(Debug)]
pub(super) struct Resolutions {
    of_network: Buckets,
    /// For one connection.
    most: usize,
    /// The time for one name.
    time: Duration,
}

impl Resolutions {
    pub(super) fn new(limits: &limits::Server) -> Self {
        let of_network = Buckets::new(BucketSize {
            full: limits.network_resolutions,
            // One more has to drain before the next name.
            most: limits.network_resolutions + 1.0,
            drain: limits.network_resolution_rate,
        });
        Self { of_network, most: limits.host_resolutions, time: limits.resolve }
    }
}

/// The policy, applied to one connection. Each name is resolved once.
#[derive(Debug)]
pub(super) struct ListedHosts<'a> {
    policy: HostPolicy,
    address: IpAddr,
    /// Names that were resolved, and whether they are the peer's.
    known: Vec<(Host, bool)>,
    resolutions: &'a Resolutions,
}

impl<'a> ListedHosts<'a> {
    pub(super) fn new(policy: HostPolicy, address: IpAddr, resolutions: &'a Resolutions) -> Self {
        Self { policy, address: address.to_canonical(), known: Vec::new(), resolutions }
    }

    /// The host to list; `None` if the policy refuses the peer.
    pub(super) fn listed(&mut self, named: &Host) -> Option<Listed> {
        let is_loopback = self.address.is_loopback();
        let (is_accepted, is_checked) = match self.policy {
            HostPolicy::Literal => (true, false),
            HostPolicy::Auto if is_loopback => (true, false),
            // A loopback address has no meaning on other machines, so it is not announced.
            HostPolicy::Auto | HostPolicy::Strict => (self.is_own(named), !is_loopback),
        };
        let is_name = || named.as_str().parse::<IpAddr>().is_err();
        let verified = (is_accepted && is_checked && is_name()).then_some(self.address);
        match self.policy {
            _ if is_accepted => Some(Listed { host: named.clone(), verified }),
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
        // Bounded, so that no peer can make the server resolve any number of names.
        let Resolutions { of_network, most, time } = self.resolutions;
        if self.known.len() >= *most || of_network.is_full(self.address) {
            return false;
        }
        of_network.add(self.address);
        let own = net::resolve(named.as_str(), 0, *time, &net::Cancel::new())
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
    fn a_checked_name_has_its_address() {
        use HostPolicy::{Auto, Literal, Strict};
        let lan: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        for (policy, verified) in
            [(Auto, Some(lan.to_canonical())), (Strict, Some(lan.to_canonical())), (Literal, None)]
        {
            let resolutions = Resolutions::new(&limits::Server::DEFAULT);
            let mut hosts = ListedHosts::new(policy, lan, &resolutions);
            let host: Host = "peer.example".parse().unwrap();
            // Instead of resolving it.
            hosts.known.push((host.clone(), true));
            assert_eq!(hosts.listed(&host), Some(Listed { host, verified }));
        }
    }

    /// With a new connection for every eight names, a peer could make the index resolve any number
    /// of names.
    #[test]
    fn a_network_has_a_limit_of_names_whatever_its_connections() {
        let resolutions = Resolutions::new(&limits::Server::DEFAULT);
        let own = |address: &str, host: &str| {
            let address = address.parse().unwrap();
            ListedHosts::new(HostPolicy::Auto, address, &resolutions).is_own(&host.parse().unwrap())
        };
        let address = |number: usize| format!("2001:db8::{number:x}");
        // `localhost` is resolved without a name server.
        for number in 0..40 {
            assert!(!own(&address(number), "localhost"));
        }
        let counted = &resolutions.of_network;
        assert!(counted.is_full(address(99).parse().unwrap()));
        assert!(!counted.is_full("2001:db8:1::1".parse().unwrap()));
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
            let resolutions = Resolutions::new(&limits::Server::DEFAULT);
            let mut hosts = ListedHosts::new(policy, address.parse().unwrap(), &resolutions);
            let found = hosts.listed(&named.parse().unwrap());
            assert!(found.as_ref().is_none_or(|listed| listed.verified.is_none()));
            let found = found.map(|listed| listed.host.to_string());
            assert_eq!(found.as_deref(), listed, "{policy:?} {address} {named}");
        }
    }
}
