//! Addresses from which connections come that end in nonsense, again and again.
//!
//! Each such end counts one, and so many counts are forgotten each second. Who has too many is
//! refused by the acceptor, which costs no thread, until enough is forgotten. A person who tries
//! things out stays far below that.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::limits;

/// The offences of each address. It never holds more than [`limits::OFFENDERS`].
#[derive(Debug, Default)]
pub(super) struct Offenders(Mutex<HashMap<IpAddr, Offences>>);

#[derive(Clone, Copy, Debug)]
struct Offences {
    count: f64,
    last: Instant,
}

impl Offences {
    /// What is not forgotten by now.
    fn left(&self, now: Instant) -> f64 {
        let forgotten = now.duration_since(self.last).as_secs_f64();
        (self.count - forgotten * limits::OFFENCES_FORGOTTEN).max(0.0)
    }
}

impl Offenders {
    /// A connection from this address has ended in nonsense.
    pub(super) fn add(&self, address: IpAddr) {
        self.add_at(address, Instant::now());
    }

    fn add_at(&self, address: IpAddr, now: Instant) {
        let mut offenders = self.lock();
        if offenders.len() >= limits::OFFENDERS && !offenders.contains_key(&address) {
            offenders.retain(|_, offences| offences.left(now) > 0.0);
        }
        if offenders.len() >= limits::OFFENDERS && !offenders.contains_key(&address) {
            // With so many addresses it is the least of them that is forgotten.
            let least =
                offenders.iter().min_by(|one, other| one.1.left(now).total_cmp(&other.1.left(now)));
            let least = least.map(|(address, _)| *address);
            least.and_then(|least| offenders.remove(&least));
        }
        let offences = offenders.entry(address).or_insert(Offences { count: 0.0, last: now });
        *offences = Offences { count: offences.left(now) + 1.0, last: now };
    }

    /// Whether connections from this address are refused for now.
    pub(super) fn is_refused(&self, address: IpAddr) -> bool {
        self.is_refused_at(address, Instant::now())
    }

    fn is_refused_at(&self, address: IpAddr, now: Instant) -> bool {
        self.lock().get(&address).is_some_and(|offences| offences.left(now) >= limits::OFFENCES)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Offences>> {
        // Each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn who_offends_too_often_is_refused_until_it_is_forgotten() {
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
    fn the_table_is_bounded_and_keeps_the_worst() {
        let offenders = Offenders::default();
        let now = Instant::now();
        for _ in 0..64 {
            offenders.add_at(address(0), now);
        }
        for number in 1..100_000 {
            offenders.add_at(address(number), now);
        }
        assert_eq!(offenders.lock().len(), limits::OFFENDERS);
        assert!(offenders.is_refused_at(address(0), now));
    }
}
