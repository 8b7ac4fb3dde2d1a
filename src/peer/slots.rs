//! How many large documents are uploaded at once, and whose turn is next.
//!
//! A slot that becomes free goes to the address that has the fewest, of several to the one that
//! was served longest ago, and within an address to who has waited longest.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits;

/// Places for uploads of large documents. Cloning it shares them.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: Vec<Waiting>,
    addresses: HashMap<IpAddr, Address>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: u64,
    address: IpAddr,
}

/// What an address has, or has had while others wait.
#[derive(Clone, Copy, Debug, Default)]
struct Address {
    slots: usize,
    served: u64,
}

impl Default for Slots {
    fn default() -> Self {
        Self::new(limits::UPLOAD_SLOTS)
    }
}

impl Slots {
    /// So many at once.
    pub fn new(count: NonZeroUsize) -> Self {
        let state =
            State { free: count.get(), waiting: Vec::new(), addresses: HashMap::new(), next: 0 };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Waits for a slot for an upload to an address; `None` if there is none in this time.
    pub(super) fn take(&self, address: IpAddr, patience: Duration) -> Option<Slot> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        let number = state.enter(address);
        loop {
            if state.free > 0 && state.first() == Some(number) {
                state.serve(number);
                // Several may have become free at once.
                self.0.changed.notify_all();
                return Some(Slot { slots: self.clone(), address });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting.retain(|waiting| waiting.number != number);
                self.0.changed.notify_all();
                return None;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a few assignments that cannot panic.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one upload.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    address: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().leave(self.address);
        self.slots.0.changed.notify_all();
    }
}

impl State {
    fn enter(&mut self, address: IpAddr) -> u64 {
        // Who waits for nothing is owed nothing.
        if self.waiting.is_empty() {
            self.addresses.retain(|_, address| address.slots > 0);
        }
        self.next += 1;
        self.waiting.push(Waiting { number: self.next, address });
        self.next
    }

    /// Whose turn it is.
    fn first(&self) -> Option<u64> {
        let rank = |waiting: &&Waiting| {
            let Address { slots, served } =
                self.addresses.get(&waiting.address).copied().unwrap_or_default();
            (slots, served, waiting.number)
        };
        self.waiting.iter().min_by_key(rank).map(|waiting| waiting.number)
    }

    fn serve(&mut self, number: u64) {
        let Some(at) = self.waiting.iter().position(|waiting| waiting.number == number) else {
            return;
        };
        let waiting = self.waiting.swap_remove(at);
        self.free -= 1;
        self.next += 1;
        let address = self.addresses.entry(waiting.address).or_default();
        *address = Address { slots: address.slots + 1, served: self.next };
    }

    fn leave(&mut self, address: IpAddr) {
        self.free += 1;
        if let Some(address) = self.addresses.get_mut(&address) {
            address.slots -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    /// The addresses in the order in which one slot after the other is given to them.
    fn order(waiting: &[u8]) -> Vec<u8> {
        let mut state = State { free: 1, waiting: Vec::new(), addresses: HashMap::new(), next: 0 };
        let numbers: Vec<u64> = waiting.iter().map(|last| state.enter(address(*last))).collect();
        let mut served = Vec::new();
        while let Some(number) = state.first() {
            let at = numbers.iter().position(|other| *other == number).unwrap();
            served.push(waiting[at]);
            state.serve(number);
            state.leave(address(waiting[at]));
        }
        served
    }

    #[test]
    fn addresses_take_turns() {
        assert_eq!(order(&[1, 1, 1, 1, 2, 2, 3]), [1, 2, 3, 1, 2, 1, 1]);
        assert_eq!(order(&[1, 1]), [1, 1]);
    }

    #[test]
    fn who_waits_too_long_goes_away_and_leaves_nothing() {
        let slots = Slots::new(NonZeroUsize::MIN);
        let slot = slots.take(address(1), Duration::ZERO).unwrap();
        assert!(slots.take(address(2), Duration::from_millis(1)).is_none());
        assert!(slots.lock().waiting.is_empty());
        drop(slot);
        assert!(slots.take(address(2), Duration::ZERO).is_some());
        assert_eq!(slots.lock().free, 1);
    }

    #[test]
    fn a_slot_that_becomes_free_is_taken_at_once() {
        let slots = Slots::new(NonZeroUsize::MIN);
        let slot = slots.take(address(1), Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| slots.take(address(2), Duration::from_secs(20)).is_some());
            while slots.lock().waiting.is_empty() {
                std::thread::yield_now();
            }
            drop(slot);
            assert!(taken.join().unwrap());
        });
    }
}
