//! How many large documents are uploaded at the same time, and which upload is next.
//!
//! A slot that becomes free goes to the network that has the fewest, of several to the one that was
//! served longest ago, and within a network to the upload that has waited longest. When no slot is
//! free, a network that has at least two more slots than the waiting one gives one up: its slowest
//! upload continues outside the slots, at the minimum rate, and is in the queue again. So no network
//! holds more than half of the slots while another has none. The networks of one IPv6 site hold no
//! more than half of them together while an upload of somebody else waits (protocol.md section 7).

mod state;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::send_meter::SendMeter;
use crate::limits;
use crate::network::Network;
use state::{Place, State};

/// Slots for uploads of large documents. Cloning it shares them.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Default for Slots {
    fn default() -> Self {
        Self::new(limits::UPLOAD_SLOTS)
    }
}

impl Slots {
    /// This many slots.
    pub fn new(count: NonZeroUsize) -> Self {
        let state = Mutex::new(State::new(count.get()));
        Self(Arc::new(Shared { state, changed: Condvar::new() }))
    }

    /// Waits for a slot for an upload to an address, whose bytes `meter` counts; `None` if there is
    /// none in this time.
    pub(super) fn take(
        &self,
        address: IpAddr,
        meter: &Arc<SendMeter>,
        patience: Duration,
    ) -> Option<Slot> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        let number = state.enter(Network::of(address), meter);
        // From here on it is dropped with its place, however this ends.
        let slot = Slot { slots: self.clone(), number };
        self.assign(&mut state);
        while state.place(number) == Place::Waiting {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                return None;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        Some(slot)
    }

    /// Gives away what can be given away.
    fn assign(&self, state: &mut State) {
        if state.assign() {
            self.0.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a few assignments that cannot panic.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one upload. It is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    number: u64,
}

impl Slot {
    /// Whether the upload has given up its slot for another network.
    pub(super) fn is_outside(&self) -> bool {
        self.slots.lock().place(self.number) == Place::Outside
    }

    /// Waits while the upload is outside the slots, at most this time.
    pub(super) fn wait_outside(&self, time: Duration) {
        let state = self.slots.lock();
        let is_outside = |state: &mut State| state.place(self.number) == Place::Outside;
        drop(self.slots.0.changed.wait_timeout_while(state, time, is_outside));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        state.remove(self.number);
        self.slots.assign(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn take(slots: &Slots, last: u8, patience: Duration) -> Option<Slot> {
        slots.take(address(last), &Arc::new(SendMeter::start()), patience)
    }

    fn with_slots(count: usize) -> Slots {
        Slots::new(NonZeroUsize::new(count).unwrap())
    }

    /// The networks in the order in which one slot after the other is given to them.
    fn order(waiting: &[u8]) -> Vec<u8> {
        let slots = with_slots(1);
        let mut state = slots.lock();
        let meter = Arc::new(SendMeter::start());
        let enter = |last: &u8| (state.enter(Network::of(address(*last)), &meter), *last);
        let mut left: HashMap<u64, u8> = waiting.iter().map(enter).collect();
        let mut served = Vec::new();
        while state.assign() {
            let holds = |number: &&u64| state.place(**number) == Place::Holding;
            let number = *left.keys().find(holds).unwrap();
            served.push(left.remove(&number).unwrap());
            state.uploads.remove(&number);
        }
        served
    }

    #[test]
    fn networks_take_turns() {
        assert_eq!(order(&[1, 1, 1, 1, 2, 2, 3]), [1, 2, 3, 1, 2, 1, 1]);
        assert_eq!(order(&[1, 1]), [1, 1]);
    }

    #[test]
    fn an_upload_that_waits_too_long_leaves_nothing() {
        let slots = with_slots(1);
        let slot = take(&slots, 1, Duration::ZERO).unwrap();
        assert!(take(&slots, 2, Duration::from_millis(1)).is_none());
        assert_eq!(slots.lock().uploads.len(), 1);
        drop(slot);
        assert!(take(&slots, 2, Duration::ZERO).is_some());
        assert!(slots.lock().uploads.is_empty());
    }

    #[test]
    fn a_slot_that_becomes_free_is_taken_immediately() {
        let slots = with_slots(1);
        let slot = take(&slots, 1, Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| take(&slots, 2, Duration::from_secs(20)).is_some());
            while slots.lock().uploads.len() < 2 {
                std::thread::yield_now();
            }
            drop(slot);
            assert!(taken.join().unwrap());
        });
    }

    #[test]
    fn one_network_gives_up_slots_until_it_has_half_of_them() {
        let slots = with_slots(4);
        let ours: Vec<Slot> = (0..4).map(|_| take(&slots, 1, Duration::ZERO).unwrap()).collect();
        ours.iter().take(3).for_each(|slot| slots.lock().uploads[&slot.number].meter.add(1000));
        let first = take(&slots, 2, Duration::ZERO).unwrap();
        let outside = |ours: &[Slot]| ours.iter().map(Slot::is_outside).collect::<Vec<_>>();
        assert_eq!(outside(&ours), [false, false, false, true], "the slowest");
        let second = take(&slots, 2, Duration::ZERO).unwrap();
        assert_eq!(outside(&ours).iter().filter(|is_outside| **is_outside).count(), 2);
        assert!(take(&slots, 2, Duration::ZERO).is_none(), "they have as many");
        assert!(!first.is_outside() && !second.is_outside());
        // A third network takes from one of the two, and none is left with less than one.
        let third = take(&slots, 3, Duration::ZERO).unwrap();
        let held = |last| slots.lock().held_by(Network::of(address(last)));
        assert_eq!((held(1) + held(2), held(3)), (3, 1));
        assert!(held(1) >= 1 && held(2) >= 1);
        drop((first, second, third));
        assert_eq!(outside(&ours), [false; 4], "the slots are free again");
    }

    #[test]
    fn two_networks_that_hold_all_slots_give_one_to_a_third() {
        let slots = with_slots(4);
        let all = [1, 1, 2, 2].map(|last| take(&slots, last, Duration::ZERO).unwrap());
        assert!(take(&slots, 3, Duration::ZERO).is_some());
        drop(all);
        assert!(slots.lock().uploads.is_empty());
    }

    #[test]
    fn one_ipv6_site_holds_half_of_the_slots_while_others_wait() {
        let slots = with_slots(4);
        let take_v6 = |site: u16, network: u16| {
            let address = IpAddr::from([0x2001, 0xdb8, site, network, 0, 0, 0, 1]);
            slots.take(address, &Arc::new(SendMeter::start()), Duration::ZERO)
        };
        let ours: Vec<Slot> = (0..4).map(|network| take_v6(1, network).unwrap()).collect();
        assert!(take_v6(1, 4).is_none(), "each of its networks has as many");
        let outside = || ours.iter().filter(|slot| slot.is_outside()).count();
        let first = take(&slots, 1, Duration::ZERO).unwrap();
        assert_eq!(outside(), 1);
        let second = take_v6(2, 1).unwrap();
        assert_eq!(outside(), 2);
        assert!(take(&slots, 2, Duration::ZERO).is_none(), "the site has no more than half");
        assert!(take_v6(1, 5).is_none(), "and takes none from others");
        // A slot that becomes free is given to another waiting upload.
        let waiting = Arc::new(SendMeter::start());
        let other = slots.lock().enter(Network::of(address(2)), &waiting);
        drop(first);
        assert_eq!(slots.lock().place(other), Place::Holding);
        assert_eq!(outside(), 2);
        slots.lock().uploads.remove(&other);
        drop(second);
        assert_eq!(outside(), 0, "nobody else waits");
    }

    #[test]
    fn single_uploads_keep_their_slots() {
        let slots = with_slots(2);
        let both = [1, 2].map(|last| take(&slots, last, Duration::ZERO).unwrap());
        assert!(take(&slots, 3, Duration::from_millis(1)).is_none());
        assert!(both.iter().all(|slot| !slot.is_outside()));
    }

    #[test]
    fn an_upload_outside_is_woken_by_a_free_slot() {
        let slots = with_slots(2);
        let ours = [0, 1].map(|_| take(&slots, 1, Duration::ZERO).unwrap());
        let other = take(&slots, 2, Duration::ZERO).unwrap();
        let outside = ours.iter().find(|slot| slot.is_outside()).unwrap();
        std::thread::scope(|scope| {
            let waited = scope.spawn(|| outside.wait_outside(Duration::from_secs(20)));
            drop(other);
            waited.join().unwrap();
        });
        assert!(!outside.is_outside());
    }
}
