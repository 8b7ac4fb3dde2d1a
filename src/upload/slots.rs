//! How many documents are uploaded at the same time, and which upload is next.
//!
//! A slot that becomes free goes to the network that has the fewest, of several to the one that was
//! served longest ago, and within a network to the upload that has waited longest. When no slot is
//! free, a network that has at least two more slots than the waiting one gives one up: its slowest
//! upload continues outside the slots, at the minimum rate, and is in the queue again. So no network
//! holds more than half of the slots while another has none. The networks of one IPv6 site hold no
//! more than half of them together while an upload of another network waits. Where each network has one
//! slot, an upload whose reader is slow gives its slot up for a network with fewer uploads
//! (protocol.md section 7).
//!
//! Small documents need no slot, but where many uploads have begun, only networks without an upload
//! may begin another. So slow readers of a few networks cannot fill all places.

mod state;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::send_meter::SendMeter;
use crate::limits;
use crate::network::Network;
pub(super) use state::Needs;
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

    /// Sets another number of slots. Uploads in slots keep them.
    pub fn set_count(&self, count: NonZeroUsize) {
        let mut state = self.lock();
        state.set_count(count.get());
        self.assign(&mut state, None);
    }

    /// The upload server has this many places.
    pub(super) fn set_places(&self, places: usize) {
        self.lock().crowd = limits::crowd(places);
    }

    /// Begins an upload to an address, whose bytes `meter` counts, and takes a slot if it needs one.
    /// Otherwise returns `None` immediately.
    pub(super) fn take_now(
        &self,
        address: IpAddr,
        needs: Needs,
        meter: &Arc<SendMeter>,
    ) -> Option<Slot> {
        self.take(address, needs, meter, Duration::ZERO, || false)
    }

    /// The same, and waits for it; `None` if it is not possible in this time, or the connection is
    /// gone.
    pub(super) fn take(
        &self,
        address: IpAddr,
        needs: Needs,
        meter: &Arc<SendMeter>,
        patience: Duration,
        is_gone: impl Fn() -> bool,
    ) -> Option<Slot> {
        let deadline = limits::ends_after(patience);
        let mut state = self.lock();
        let number = state.enter(Network::of(address), needs, meter);
        // From here on it is dropped with its place, however this ends.
        let slot = Slot { slots: self.clone(), number };
        self.assign(&mut state, Some(number));
        while state.place(number) == Place::Waiting {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                return None;
            }
            let waited = self.0.changed.wait_timeout(state, left.min(limits::SLOT_LOOK));
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            if is_gone() {
                return None;
            }
            state = self.lock();
            // An upload in a slot may have become slow.
            if state.is_rate_check_due() {
                self.assign(&mut state, Some(number));
            }
        }
        drop(state);
        Some(slot)
    }

    /// Gives away what can be given away. `own` is the upload of the calling thread, if that waits.
    fn assign(&self, state: &mut State, own: Option<u64>) {
        // Without a waiting thread, this would be a system call for each small document.
        if state.assign(own) {
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

    /// Everything was sent: gives the slot back. The upload still counts among those that have begun.
    pub(super) fn end_sending(&self) {
        let mut state = self.slots.lock();
        state.end_sending(self.number);
        self.slots.assign(&mut state, None);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        state.remove(self.number);
        self.slots.assign(&mut state, None);
    }
}

#[cfg(test)]
mod tests;
