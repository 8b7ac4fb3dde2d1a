//! Rates of events per network (protocol.md section 7).
//!
//! A leaky bucket for each network: each event adds one, and a bucket drains at a constant rate.
//! Loopback is exempt.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::scope::Scope;
use crate::limits;
use crate::network::Network;

/// The buckets of all networks: at most [`limits::REMEMBERED_NETWORKS`], of which the least full are
/// forgotten first.
#[derive(Debug)]
pub struct Buckets {
    size: BucketSize,
    levels: Mutex<HashMap<Scope, Level>>,
}

/// The size of the bucket of one network. An IPv6 network of 48 bits has one that is
/// [`limits::NETWORKS_PER_SITE`] times as large.
#[derive(Clone, Copy, Debug)]
pub struct BucketSize {
    /// The level from which on a bucket is full.
    pub full: f64,
    /// The level above which nothing is added.
    pub most: f64,
    /// The amount that drains in a second.
    pub drain: f64,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    count: f64,
    last: Instant,
}

impl Buckets {
    /// Empty buckets of this size.
    pub fn new(size: BucketSize) -> Self {
        Self { size, levels: Mutex::default() }
    }

    /// Counts an event in the network of this address.
    pub fn add(&self, address: IpAddr) {
        self.add_at(address, Instant::now());
    }

    /// Whether the bucket of this address's network is full.
    pub fn is_full(&self, address: IpAddr) -> bool {
        self.is_full_at(address, Instant::now())
    }

    pub(super) fn add_at(&self, address: IpAddr, now: Instant) {
        for scope in Scope::of(Network::of(address)) {
            let mut levels = self.lock();
            if levels.len() >= limits::REMEMBERED_NETWORKS && !levels.contains_key(&scope) {
                levels.retain(|&scope, level| self.left(scope, *level, now) > 0.0);
            }
            if levels.len() >= limits::REMEMBERED_NETWORKS && !levels.contains_key(&scope) {
                let share = |(scope, level): &(&Scope, &Level)| self.share(**scope, **level, now);
                let least = levels.iter().min_by(|one, other| share(one).total_cmp(&share(other)));
                let least = least.map(|(scope, _)| *scope);
                least.and_then(|least| levels.remove(&least));
            }
            let level = levels.entry(scope).or_insert(Level { count: 0.0, last: now });
            let most = self.size.most * factor(scope);
            let count = (self.left(scope, *level, now) + 1.0).min(most);
            *level = Level { count, last: now };
        }
    }

    pub(super) fn is_full_at(&self, address: IpAddr, now: Instant) -> bool {
        let levels = self.lock();
        let is_full =
            |scope| levels.get(&scope).is_some_and(|level| self.share(scope, *level, now) >= 1.0);
        Scope::of(Network::of(address)).any(is_full)
    }

    /// The amount that has not drained by now.
    fn left(&self, scope: Scope, level: Level, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(level.last).as_secs_f64();
        (level.count - passed * self.size.drain * factor(scope)).max(0.0)
    }

    /// How full the bucket is: from 1 on it is full.
    fn share(&self, scope: Scope, level: Level, now: Instant) -> f64 {
        self.left(scope, level, now) / (self.size.full * factor(scope))
    }

    /// How many networks have one.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Level>> {
        // Each change is one insertion or removal.
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn factor(scope: Scope) -> f64 {
    u32::try_from(scope.limit(1)).map_or(1.0, f64::from)
}
