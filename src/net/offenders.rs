//! Networks from which connections come that end in nonsense, again and again.
//!
//! A leaky bucket for each network: a connection that ends in nonsense adds one, and
//! [`limits::OFFENCES_FORGOTTEN`] drain in a second. While a bucket is full, the acceptor refuses
//! connections from that network, which costs no thread. A bucket holds little more than what makes
//! it full, so others behind the same address are served a few seconds after a broken client stops.
//! A person who tries things out stays far below that. Loopback is exempt.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::scope::Scope;
use crate::limits;
use crate::network::Network;

/// The offences of each network. It never holds more than [`limits::OFFENDERS`].
#[derive(Debug, Default)]
pub(super) struct Offenders(Mutex<HashMap<Scope, Offences>>);

#[derive(Clone, Copy, Debug)]
struct Offences {
    count: f64,
    last: Instant,
}

impl Offences {
    /// What is not forgotten by now. A wider scope forgets as many times faster as it may have
    /// more.
    fn left(&self, scope: Scope, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.last).as_secs_f64();
        (self.count - passed * limits::OFFENCES_FORGOTTEN * factor(scope)).max(0.0)
    }

    /// How full the bucket is: from 1 on connections are refused.
    fn level(&self, scope: Scope, now: Instant) -> f64 {
        self.left(scope, now) / (limits::OFFENCES * factor(scope))
    }
}

fn factor(scope: Scope) -> f64 {
    u32::try_from(scope.limit(1)).map_or(1.0, f64::from)
}

impl Offenders {
    /// A connection from this address has ended in nonsense.
    pub(super) fn add(&self, address: IpAddr) {
        self.add_at(address, Instant::now());
    }

    fn add_at(&self, address: IpAddr, now: Instant) {
        for scope in Scope::of(Network::of(address)) {
            let mut offenders = self.lock();
            if offenders.len() >= limits::OFFENDERS && !offenders.contains_key(&scope) {
                offenders.retain(|&scope, offences| offences.left(scope, now) > 0.0);
            }
            if offenders.len() >= limits::OFFENDERS && !offenders.contains_key(&scope) {
                // With this many networks the least of them is forgotten.
                let level = |(scope, offences): &(&Scope, &Offences)| offences.level(**scope, now);
                let least =
                    offenders.iter().min_by(|one, other| level(one).total_cmp(&level(other)));
                let least = least.map(|(scope, _)| *scope);
                least.and_then(|least| offenders.remove(&least));
            }
            let offences = offenders.entry(scope).or_insert(Offences { count: 0.0, last: now });
            let most = limits::OFFENCES_MOST * factor(scope);
            let count = (offences.left(scope, now) + 1.0).min(most);
            *offences = Offences { count, last: now };
        }
    }

    /// Whether connections from this address are refused for now.
    pub(super) fn is_refused(&self, address: IpAddr) -> bool {
        self.is_refused_at(address, Instant::now())
    }

    fn is_refused_at(&self, address: IpAddr, now: Instant) -> bool {
        let offenders = self.lock();
        let is_full =
            |scope| offenders.get(&scope).is_some_and(|offences| offences.level(scope, now) >= 1.0);
        Scope::of(Network::of(address)).any(is_full)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Offences>> {
        // Each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(number: u32) -> IpAddr {
        // From 128.0.0.0 on: not loopback.
        IpAddr::V4((number | 1 << 31).into())
    }

    fn v6(site: u16, network: u16, interface: u16) -> IpAddr {
        [0x2001, 0xdb8, site, network, 0, 0, 0, interface].into()
    }

    #[test]
    fn a_network_is_refused_until_enough_is_forgotten() {
        let offenders = Offenders::default();
        let now = Instant::now();
        for count in 0..64 {
            assert!(!offenders.is_refused_at(address(1), now), "{count}");
            offenders.add_at(address(1), now);
        }
        assert!(offenders.is_refused_at(address(1), now));
        assert!(!offenders.is_refused_at(address(2), now));
        assert!(!offenders.is_refused_at(address(1), now + Duration::from_secs(1)));
    }

    #[test]
    fn others_behind_an_address_are_served_soon_after_a_broken_client_stops() {
        let offenders = Offenders::default();
        let now = Instant::now();
        // As many as a network with a large limit can have open when it becomes full.
        (0..10_000).for_each(|_| offenders.add_at(address(1), now));
        assert!(offenders.is_refused_at(address(1), now + Duration::from_secs(2)));
        assert!(!offenders.is_refused_at(address(1), now + Duration::from_secs(5)));
    }

    #[test]
    fn loopback_is_exempt() {
        let offenders = Offenders::default();
        for address in ["127.0.0.1", "::1", "127.9.9.9", "::ffff:127.0.0.1"] {
            let address = address.parse().unwrap();
            (0..1000).for_each(|_| offenders.add(address));
            assert!(!offenders.is_refused(address));
        }
        assert!(offenders.lock().is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_offender_and_so_is_a_site() {
        let offenders = Offenders::default();
        let now = Instant::now();
        (0..64).for_each(|interface| offenders.add_at(v6(1, 1, interface), now));
        assert!(offenders.is_refused_at(v6(1, 1, 9999), now));
        assert!(!offenders.is_refused_at(v6(1, 2, 1), now));
        (0..192).for_each(|network| offenders.add_at(v6(1, 100 + network, 1), now));
        assert!(offenders.is_refused_at(v6(1, 2, 1), now));
        assert!(!offenders.is_refused_at(v6(2, 2, 1), now));
        assert!(!offenders.is_refused_at(v6(1, 2, 1), now + Duration::from_secs(5)));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst() {
        let offenders = Offenders::default();
        let now = Instant::now();
        for _ in 0..64 {
            offenders.add_at(address(0), now);
        }
        for number in 1..10_000 {
            offenders.add_at(address(number), now);
        }
        assert_eq!(offenders.lock().len(), limits::OFFENDERS);
        assert!(offenders.is_refused_at(address(0), now));
    }
}
