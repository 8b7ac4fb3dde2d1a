//! Limits on bytes per second for some networks (protocol.md section 7).

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::{Arc, PoisonError, RwLock};

use ipnet::IpNet;

use super::access::canonical;
use super::bandwidth::Bandwidth;

/// Limits of some networks. An address belongs to the smallest of the networks that contain it. Clones share
/// the limits, which may change while transfers run.
#[derive(Clone, Debug, Default)]
pub struct NetworkRates(Arc<RwLock<Vec<Limited>>>);

/// A network, and the limit that it shares with others of its entry.
#[derive(Debug)]
struct Limited {
    network: IpNet,
    bandwidth: Bandwidth,
}

impl NetworkRates {
    /// Sets the limits: networks that share one, and its bytes per second, or `None` for no limit.
    pub fn set(&self, limits: impl IntoIterator<Item = (Vec<IpNet>, Option<NonZeroU64>)>) {
        let mut all = Vec::new();
        for (networks, rate) in limits {
            let bandwidth = Bandwidth::new(rate);
            all.extend(networks.into_iter().map(|network| Limited {
                network: canonical(network),
                bandwidth: bandwidth.clone(),
            }));
        }
        // The smallest networks first.
        all.sort_by_key(|limited| std::cmp::Reverse(limited.network.prefix_len()));
        // It is replaced as a whole, so a poisoned one is consistent.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// The limit of an address, if it is in one of the networks.
    pub fn of(&self, address: IpAddr) -> Option<Bandwidth> {
        let address = address.to_canonical();
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let limited = all.iter().find(|limited| limited.network.contains(&address));
        limited.map(|limited| limited.bandwidth.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_network_of_an_address_decides() {
        let rates = NetworkRates::default();
        let networks = |all: &[&str]| all.iter().map(|one| one.parse().unwrap()).collect();
        rates.set([
            (networks(&["0.0.0.0/0", "::/0"]), NonZeroU64::new(1000)),
            (networks(&["10.1.0.0/16"]), NonZeroU64::new(2000)),
            (networks(&["10.0.0.0/8", "2001:db8::/32"]), None),
        ]);
        for (address, rate) in [
            ("192.0.2.1", Some(1000)),
            ("10.1.2.3", Some(2000)),
            ("::ffff:10.1.2.3", Some(2000)),
            ("10.2.0.1", None),
            ("2001:db8::1", None),
            ("2001:db9::1", Some(1000)),
        ] {
            let of_address = rates.of(address.parse().unwrap()).unwrap();
            assert_eq!(of_address.limit(), rate, "{address}");
        }
        rates.set([]);
        assert!(rates.of([192, 0, 2, 1].into()).is_none());
    }
}
