//! A limit on bytes per second, shared fairly.
//!
//! A token bucket: tokens arrive at the limit's rate, and a transfer takes one for each byte. When
//! several transfers wait, the network that has received the least is served first, so that ten
//! connections of one network get no more than one connection of another. Within a network small
//! documents go before large ones, and then the order is first come, first served.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::limits;
use crate::network::Network;

/// A document up to this length is small.
pub(crate) const SMALL: u64 = 256 * 1024;

/// Bytes that are transferred together: a fiftieth of a second's bytes, within these bounds.
const LEAST_AT_ONCE: u64 = 512;
const MOST_AT_ONCE: u64 = 64 * 1024;

/// The account of a network that transferred nothing for this time is deleted.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// A limit on the bytes per second of all transfers together. Clones share the limit, which may change while
/// transfers run.
#[derive(Clone, Debug, Default)]
pub struct Bandwidth(Arc<RwLock<Option<Arc<Limit>>>>);

#[derive(Debug)]
struct Limit {
    per_second: u64,
    bytes_per_second: f64,
    at_once: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    filled: Instant,
    taken: HashMap<Network, Taken>,
    waiting: Vec<Waiting>,
    next: u64,
}

/// The bytes that a network has transferred.
#[derive(Clone, Copy, Debug)]
struct Taken {
    bytes: f64,
    last: Instant,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    network: Network,
    is_small: bool,
}

impl Bandwidth {
    /// A limit of this number of bytes per second, or no limit.
    pub fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        let bandwidth = Self::default();
        bandwidth.set(bytes_per_second);
        bandwidth
    }

    /// Sets another limit. A transfer that waits takes its next bytes at the limit before.
    pub fn set(&self, bytes_per_second: Option<NonZeroU64>) {
        let limit = bytes_per_second.map(|limit| Arc::new(Limit::new(limit.get())));
        // A limit is replaced as a whole, so a poisoned one is consistent.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    fn current(&self) -> Option<Arc<Limit>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The limit in bytes per second.
    pub fn limit(&self) -> Option<u64> {
        self.current().map(|limit| limit.per_second)
    }

    /// The share of one of several concurrent downloads, in bytes per second; `None` without a limit.
    pub(crate) fn share(&self) -> Option<u64> {
        self.limit().map(|limit| limit / limits::DOWNLOADS_AT_ONCE as u64)
    }

    /// How many downloads the limit can feed so that each holds the minimum read rate of an upload
    /// server twice over: at least one, at most `most`.
    pub(crate) fn feeds(&self, most: usize) -> usize {
        let limits::ReadRate { bytes, time } = limits::ReadRate::DEFAULT;
        let least = 2 * bytes / time.as_secs();
        let fed = self.limit().map(|limit| limit / least.max(1));
        fed.and_then(|fed| usize::try_from(fed).ok()).map_or(most, |fed| fed.clamp(1, most.max(1)))
    }

    /// Waits until bytes may be transferred from or to an address, and returns their number, at most `most`;
    /// without a limit it returns `most` immediately. `is_small`: small documents go first.
    pub fn take(&self, address: IpAddr, is_small: bool, most: u64) -> u64 {
        self.take_and_look(address, is_small, most, || ())
    }

    /// The same; calls `look` at least once per second while it waits.
    pub(crate) fn take_and_look(
        &self,
        address: IpAddr,
        is_small: bool,
        most: u64,
        look: impl FnMut(),
    ) -> u64 {
        match self.current() {
            Some(limit) if most > 0 => limit.take(Network::of(address), is_small, most, look),
            _ => most,
        }
    }
}

impl Limit {
    fn new(per_second: u64) -> Self {
        // No limit that people set has more than 53 bits.
        #[allow(clippy::cast_precision_loss, reason = "a rate is not exact anyway")]
        let bytes_per_second = per_second as f64;
        Self {
            per_second,
            bytes_per_second,
            at_once: (per_second / 50).clamp(LEAST_AT_ONCE, MOST_AT_ONCE),
            state: Mutex::new(State {
                tokens: 0.0,
                filled: Instant::now(),
                taken: HashMap::new(),
                waiting: Vec::new(),
                next: 0,
            }),
            changed: Condvar::new(),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a few thousand bytes are exact")]
    fn take(&self, network: Network, is_small: bool, most: u64, mut look: impl FnMut()) -> u64 {
        let count = most.min(self.at_once);
        let lock = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = lock();
        let number = state.enter(network, is_small);
        loop {
            self.fill(&mut state);
            let missing = count as f64 - state.tokens;
            let is_first = state.first() == Some(number);
            if is_first && missing <= 0.0 {
                state.leave(number, count as f64);
                self.changed.notify_all();
                return count;
            }
            let pause = if is_first { missing / self.bytes_per_second } else { 1.0 };
            let pause = Duration::from_secs_f64(pause.min(1.0));
            let waited = self.changed.wait_timeout(state, pause);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            look();
            state = lock();
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a few thousand bytes are exact")]
    fn fill(&self, state: &mut State) {
        let now = Instant::now();
        let time = now.duration_since(state.filled).as_secs_f64();
        // Unused tokens are lost except for two pieces, so that no burst follows a pause.
        let most = 2.0 * self.at_once as f64;
        state.tokens = (state.tokens + time * self.bytes_per_second).min(most);
        state.filled = now;
    }
}

impl State {
    fn enter(&mut self, network: Network, is_small: bool) -> u64 {
        let now = Instant::now();
        self.taken.retain(|_, taken| now.duration_since(taken.last) < FORGOTTEN);
        if !self.taken.contains_key(&network) {
            let least = self.taken.values().map(|taken| taken.bytes).reduce(f64::min);
            self.taken.insert(network, Taken { bytes: least.unwrap_or(0.0), last: now });
        }
        self.next = self.next.wrapping_add(1);
        self.waiting.push(Waiting { number: self.next, network, is_small });
        self.next
    }

    /// The ticket of the waiting transfer whose turn it is.
    fn first(&self) -> Option<u64> {
        let bytes = |network| self.taken.get(network).map_or(0.0, |taken| taken.bytes);
        let first = self.waiting.iter().min_by(|one, other| {
            bytes(&one.network)
                .total_cmp(&bytes(&other.network))
                .then(other.is_small.cmp(&one.is_small))
                .then(one.number.cmp(&other.number))
        });
        first.map(|first| first.number)
    }

    fn leave(&mut self, number: u64, bytes: f64) {
        self.tokens -= bytes;
        let Some(at) = self.waiting.iter().position(|waiting| waiting.number == number) else {
            return;
        };
        let network = self.waiting.swap_remove(at).network;
        if let Some(taken) = self.taken.get_mut(&network) {
            *taken = Taken { bytes: taken.bytes + bytes, last: Instant::now() };
        }
        for waiting in &self.waiting {
            // A network with a waiting transfer is not silent.
            if let Some(taken) = self.taken.get_mut(&waiting.network) {
                taken.last = Instant::now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn the_rate_is_exact() {
        let bandwidth = Bandwidth::new(NonZeroU64::new(1_000_000));
        let measure = || {
            let begun = Instant::now();
            let mut taken = 0;
            while begun.elapsed() < Duration::from_secs(1) {
                taken += bandwidth.take(address(1), false, 10_000);
            }
            taken as f64 / begun.elapsed().as_secs_f64()
        };
        // A machine that is busy with something else can make it less, and nothing makes it more.
        let rates = [measure(), measure(), measure()];
        let best = rates.into_iter().fold(0.0, f64::max);
        assert!((0.95e6..1.05e6).contains(&best), "{rates:?}");
        assert_eq!(Bandwidth::default().take(address(1), false, u64::MAX), u64::MAX);
    }

    #[test]
    fn one_that_waits_can_look_at_something_else() {
        let bandwidth = Bandwidth::new(NonZeroU64::new(300));
        let mut looks = 0;
        // 300 bytes each second.
        assert_eq!(bandwidth.take_and_look(address(1), false, 450, || looks += 1), 450);
        assert!(looks >= 2, "{looks}");
    }

    #[test]
    fn networks_share_equally_however_many_connections_they_have() {
        let bandwidth = Bandwidth::new(NonZeroU64::new(4_000_000));
        let taken = [const { AtomicU64::new(0) }; 3];
        let end = Instant::now() + Duration::from_secs(1);
        thread::scope(|scope| {
            for (owner, connections) in [(0u8, 8), (1, 1), (2, 1)] {
                for _ in 0..connections {
                    let (bandwidth, taken) = (&bandwidth, &taken);
                    scope.spawn(move || {
                        while Instant::now() < end {
                            let count = bandwidth.take(address(owner), false, 64 * 1024);
                            if Instant::now() >= end {
                                break;
                            }
                            taken[usize::from(owner)].fetch_add(count, Ordering::Relaxed);
                        }
                    });
                }
            }
        });
        let taken = taken.map(AtomicU64::into_inner);
        let share = taken.iter().sum::<u64>() / 3;
        for one in taken {
            assert!(one.abs_diff(share) < share / 5, "{taken:?}");
        }
    }

    #[test]
    fn addresses_of_one_network_share_what_it_gets() {
        let limit = Bandwidth::new(NonZeroU64::new(1_000_000));
        for last in 0..5 {
            let address = format!("2001:db8::{last}").parse().unwrap();
            limit.take(address, false, 512);
        }
        assert_eq!(limit.current().unwrap().state.lock().unwrap().taken.len(), 1);
    }

    #[test]
    fn small_documents_go_first_within_a_network() {
        let mut state = State {
            tokens: 0.0,
            filled: Instant::now(),
            taken: HashMap::new(),
            waiting: Vec::new(),
            next: 0,
        };
        let large = state.enter(Network::of(address(1)), false);
        let small = state.enter(Network::of(address(1)), true);
        let other = state.enter(Network::of(address(2)), false);
        assert_eq!(state.first(), Some(small));
        state.leave(small, 1000.0);
        assert_eq!(state.first(), Some(other));
        state.leave(other, 2000.0);
        assert_eq!(state.first(), Some(large));
    }
}
