//! Which addresses may connect to a service: lists of allowed and denied networks, and bans (protocol.md
//! section 9).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ipnet::{IpNet, Ipv4Net};

/// Bits of an IPv6 address before the IPv4 address that it maps.
const MAPPED: u8 = 96;

/// The networks that may connect, and those that may not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccessLists {
    /// Only addresses in these networks may connect. If empty: all addresses.
    pub allow: Vec<IpNet>,
    /// Addresses in these networks may not connect, even if they are allowed.
    pub deny: Vec<IpNet>,
}

/// Decides which addresses may connect. Clones share the lists, which may change while a service runs.
#[derive(Clone, Debug, Default)]
pub struct AccessPolicy(Arc<RwLock<Access>>);

#[derive(Debug, Default)]
struct Access {
    lists: AccessLists,
    banned: BTreeSet<IpNet>,
}

/// An address that may not connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AccessDenied {
    /// There are allowed networks, and it is in none of them.
    #[error("its address is in none of the allowed networks")]
    NotAllowed,
    /// It is in a network of the deny list.
    #[error("{0} is denied")]
    Denied(IpNet),
    /// It is in a network that was banned while the service runs.
    #[error("{0} is banned")]
    Banned(IpNet),
}

impl AccessPolicy {
    /// A policy with these lists and without bans.
    pub fn new(lists: AccessLists) -> Self {
        let policy = Self::default();
        policy.set_lists(lists);
        policy
    }

    /// Replaces the lists. Bans stay.
    pub fn set_lists(&self, lists: AccessLists) {
        let canonical = |networks: Vec<IpNet>| networks.into_iter().map(canonical).collect();
        let lists = AccessLists { allow: canonical(lists.allow), deny: canonical(lists.deny) };
        self.write().lists = lists;
    }

    /// The lists.
    pub fn lists(&self) -> AccessLists {
        self.read().lists.clone()
    }

    /// Bans a network until [`AccessPolicy::unban`] or the end of the process. Returns whether it was not
    /// banned before.
    pub fn ban(&self, network: IpNet) -> bool {
        self.write().banned.insert(canonical(network))
    }

    /// Ends the ban of a network. Returns whether exactly this network was banned.
    pub fn unban(&self, network: IpNet) -> bool {
        self.write().banned.remove(&canonical(network))
    }

    /// The banned networks in order.
    pub fn banned(&self) -> Vec<IpNet> {
        self.read().banned.iter().copied().collect()
    }

    /// Checks whether an address may connect.
    ///
    /// # Errors
    /// The reason why it may not.
    pub fn check(&self, address: IpAddr) -> Result<(), AccessDenied> {
        let address = address.to_canonical();
        let access = self.read();
        let has = |network: &&IpNet| network.contains(&address);
        if let Some(network) = access.banned.iter().find(has) {
            return Err(AccessDenied::Banned(*network));
        }
        let AccessLists { allow, deny } = &access.lists;
        if let Some(network) = deny.iter().find(has) {
            return Err(AccessDenied::Denied(*network));
        }
        match allow.is_empty() || allow.iter().any(|network| network.contains(&address)) {
            true => Ok(()),
            false => Err(AccessDenied::NotAllowed),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Access> {
        // Each change is one assignment, insertion or removal, so a poisoned state is consistent.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Access> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network without the bits of a host. A network of IPv4-mapped IPv6 addresses is that of the IPv4
/// addresses, as connections have them.
pub(super) fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    let IpNet::V6(mapped) = network else { return network };
    let address = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(MAPPED));
    let ipv4 = address.and_then(|(address, bits)| Ipv4Net::new(address, bits).ok());
    ipv4.map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(all: &[&str]) -> Vec<IpNet> {
        all.iter().map(|network| network.parse().unwrap()).collect()
    }

    #[test]
    fn denied_networks_have_priority_over_allowed_ones() {
        let policy = AccessPolicy::default();
        let check = |address: &str| policy.check(address.parse().unwrap());
        assert_eq!(check("192.0.2.1"), Ok(()));
        let deny = networks(&["10.0.0.64/26"]);
        policy.set_lists(AccessLists { allow: Vec::new(), deny: deny.clone() });
        assert_eq!(check("192.0.2.1"), Ok(()));
        assert_eq!(check("10.0.0.65"), Err(AccessDenied::Denied(deny[0])));
        policy.set_lists(AccessLists { allow: networks(&["10.0.0.0/8", "2001:db8::/32"]), deny });
        for allowed in ["10.9.9.9", "::ffff:10.0.0.1", "2001:db8:1::1"] {
            assert_eq!(check(allowed), Ok(()), "{allowed}");
        }
        for denied in ["192.0.2.1", "::1", "127.0.0.1"] {
            assert_eq!(check(denied), Err(AccessDenied::NotAllowed), "{denied}");
        }
        assert!(check("10.0.0.127").is_err());
    }

    #[test]
    fn bans_stay_when_the_lists_change() {
        let policy = AccessPolicy::default();
        let network: IpNet = "192.0.2.77/24".parse().unwrap();
        assert!(policy.ban(network) && !policy.ban(network));
        policy.set_lists(AccessLists::default());
        let expected: IpNet = "192.0.2.0/24".parse().unwrap();
        assert_eq!(policy.banned(), [expected]);
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(policy.clone().check(address), Err(AccessDenied::Banned(expected)));
        assert!(!policy.unban("192.0.2.1/32".parse().unwrap()));
        assert!(policy.unban(network) && policy.check(address).is_ok());
    }

    #[test]
    fn a_network_of_mapped_addresses_is_one_of_ipv4_addresses() {
        for (network, found) in [
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:db8::1/64", "2001:db8::/64"),
        ] {
            assert_eq!(canonical(network.parse().unwrap()), found.parse::<IpNet>().unwrap());
        }
    }
}
