//! How many large documents are uploaded at the same time, and which upload is next.
//!
//! A slot that becomes free goes to the network that has the fewest, of several to the one that was
//! served longest ago, and within a network to the upload that has waited longest. When no slot is
//! free, a network that has at least two more slots than the waiting one gives one up: its slowest
//! upload continues outside the slots, at the minimum rate, and is in the queue again. So no network
//! holds more than half of the slots while another has none (protocol.md section 7).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::send_meter::SendMeter;
use crate::limits;
use crate::network::Network;

/// Slots for uploads of large documents. Cloning it shares them.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    count: usize,
    next: u64,
    uploads: BTreeMap<u64, Upload>,
    /// When a network got its last slot, as a number that grows.
    served: HashMap<Network, u64>,
}

#[derive(Debug)]
struct Upload {
    network: Network,
    place: Place,
    meter: Arc<SendMeter>,
}

/// Where an upload is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// It has not begun.
    Waiting,
    Holding,
    /// It has begun, has given up its slot, and waits for another.
    Outside,
}

impl Default for Slots {
    fn default() -> Self {
        Self::new(limits::UPLOAD_SLOTS)
    }
}

impl Slots {
    /// This many slots.
    pub fn new(count: NonZeroUsize) -> Self {
        let state =
            State { count: count.get(), next: 0, uploads: BTreeMap::new(), served: HashMap::new() };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
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
        state.uploads.remove(&self.number);
        self.slots.assign(&mut state);
    }
}

impl State {
    fn enter(&mut self, network: Network, meter: &Arc<SendMeter>) -> u64 {
        // A network that waits for nothing is owed nothing.
        if self.uploads.values().all(|upload| upload.place == Place::Holding) {
            let uploads = &self.uploads;
            self.served.retain(|network, _| uploads.values().any(|has| has.network == *network));
        }
        self.next = self.next.wrapping_add(1);
        let upload = Upload { network, place: Place::Waiting, meter: Arc::clone(meter) };
        self.uploads.insert(self.next, upload);
        self.next
    }

    fn place(&self, number: u64) -> Place {
        // Each number is asked for by the slot that removes it.
        self.uploads.get(&number).map_or(Place::Holding, |upload| upload.place)
    }

    /// Gives slots to those that are next; returns whether any place has changed.
    fn assign(&mut self) -> bool {
        let mut has_changed = false;
        while let Some((number, network)) = self.first() {
            let holding =
                self.uploads.values().filter(|upload| upload.place == Place::Holding).count();
            if holding >= self.count && !self.give_up_for(network) {
                break;
            }
            self.next = self.next.wrapping_add(1);
            self.served.insert(network, self.next);
            self.set(number, Place::Holding);
            has_changed = true;
        }
        has_changed
    }

    /// The upload that is next.
    fn first(&self) -> Option<(u64, Network)> {
        let waiting = self.uploads.iter().filter(|(_, upload)| upload.place != Place::Holding);
        let rank = |(number, upload): &(&u64, &Upload)| {
            let served = self.served.get(&upload.network).copied().unwrap_or(0);
            (self.held_by(upload.network), served, **number)
        };
        waiting.min_by_key(rank).map(|(number, upload)| (*number, upload.network))
    }

    /// Takes a slot from the network that has the most of them, if it has at least two more than
    /// the waiting one; returns whether it did. Its slowest upload gives it up. One that has just
    /// begun is only taken for the slowest if there is no other.
    fn give_up_for(&mut self, waiting: Network) -> bool {
        let most = self.uploads.values().map(|upload| upload.network).max_by_key(|network| {
            (self.held_by(*network), Reverse(self.served.get(network).copied().unwrap_or(0)))
        });
        let Some(most) = most.filter(|most| self.held_by(*most) >= self.held_by(waiting) + 2)
        else {
            return false;
        };
        let held = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.network == most && upload.place == Place::Holding);
        let slowest = held.min_by_key(|(number, upload)| {
            (upload.meter.age() < limits::RATE_KNOWN, upload.meter.rate(), Reverse(**number))
        });
        let Some((&slowest, _)) = slowest else { return false };
        self.set(slowest, Place::Outside);
        true
    }

    fn held_by(&self, network: Network) -> usize {
        let holds = |upload: &&Upload| upload.network == network && upload.place == Place::Holding;
        self.uploads.values().filter(holds).count()
    }

    fn set(&mut self, number: u64, place: Place) {
        if let Some(upload) = self.uploads.get_mut(&number) {
            upload.place = place;
        }
    }
}

#[cfg(test)]
mod tests {
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
