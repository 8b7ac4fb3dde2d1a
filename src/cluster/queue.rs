//! Changes that wait for being written to the store, or for being read back from it.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::change::Encoded;
use super::keys::Epoch;
use crate::index::{Addition, Attributes, Owner};
use crate::limits;
use crate::protocol::{Document, Endpoint, Record};

/// What is done to the records of a connection of this server.
#[derive(Debug)]
pub(super) enum Operation {
    Add(Vec<Addition>),
    /// With the record that was removed.
    Remove(Document, Endpoint, Option<Record>),
    /// With the number of records that were removed.
    RemoveOwner(usize),
    /// The records are published again.
    Renew(Vec<(Record, Attributes)>),
    /// A record was refused here after it was written: the others get what this server has.
    Correct(Document, Endpoint),
}

/// An operation of a session, which waits for it.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) owner: Owner,
    pub(super) operation: Operation,
    pub(super) encoded: Encoded,
    pub(super) submitted: Instant,
    pub(super) done: Option<Sender<Operation>>,
}

impl Submission {
    /// A submission for which no session waits.
    pub(super) fn internal(owner: Owner, operation: Operation, encoded: Encoded) -> Self {
        Self { owner, operation, encoded, submitted: Instant::now(), done: None }
    }
}

/// Submissions that are written together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) epoch: Epoch,
    pub(super) number: u64,
    pub(super) submissions: Vec<Submission>,
    pub(super) sent: Instant,
}

/// The queue between sessions, the publisher and the reader.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the publisher.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Submission>,
    in_flight: VecDeque<Batch>,
    /// No more sessions exist.
    is_ending: bool,
    /// The publisher has ended: sessions change the index themselves.
    has_ended: bool,
}

impl Queue {
    /// Queues a submission. Returns it if the publisher has ended.
    pub(super) fn submit(&self, submission: Submission) -> Option<Submission> {
        let mut state = self.lock();
        if state.has_ended {
            return Some(submission);
        }
        state.waiting.push_back(submission);
        drop(state);
        self.changed.notify_all();
        None
    }

    /// Takes submissions for a batch. Waits for one, at most until `until`.
    pub(super) fn take(&self, until: Instant) -> Vec<Submission> {
        let mut state = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !state.waiting.is_empty() || state.is_ending || left.is_zero() {
                break;
            }
            state = self.wait(state, left);
        }
        let (mut taken, mut changes) = (Vec::new(), 0);
        while let Some(next) = state.waiting.front() {
            changes += next.encoded.changes;
            if changes > limits::STORE_BATCH && !taken.is_empty() {
                break;
            }
            taken.extend(state.waiting.pop_front());
        }
        taken
    }

    /// A batch is about to be written.
    pub(super) fn begin(&self, batch: Batch) {
        self.lock().in_flight.push_back(batch);
    }

    /// A batch was read back: returns its submissions. The batch is in flight until it is applied.
    pub(super) fn read_back(&self, epoch: &Epoch, number: u64) -> Vec<Submission> {
        let mut state = self.lock();
        let front = state.in_flight.front_mut();
        let batch = front.filter(|batch| batch.epoch == *epoch && batch.number == number);
        batch.map(|batch| std::mem::take(&mut batch.submissions)).unwrap_or_default()
    }

    /// The number of the oldest batch in flight, if it is of this epoch.
    pub(super) fn oldest_of(&self, epoch: &Epoch) -> Option<u64> {
        let state = self.lock();
        state.in_flight.front().filter(|batch| batch.epoch == *epoch).map(|batch| batch.number)
    }

    /// A batch was read back and applied.
    pub(super) fn applied(&self, epoch: &Epoch, number: u64) {
        let mut state = self.lock();
        let is_next = |batch: &Batch| batch.epoch == *epoch && batch.number == number;
        if state.in_flight.front().is_some_and(is_next) {
            state.in_flight.pop_front();
        }
        if state.in_flight.is_empty() {
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits until all batches are applied. Returns whether they are.
    pub(super) fn wait_until_applied(&self, time: Duration) -> bool {
        let is_waiting = |state: &mut State| !state.in_flight.is_empty();
        let waited = self.changed.wait_timeout_while(self.lock(), time, is_waiting);
        waited.is_ok_and(|(_, waited)| !waited.timed_out())
    }

    /// The store was lost: takes what was not read back.
    pub(super) fn take_in_flight(&self) -> Vec<Submission> {
        let batches = std::mem::take(&mut self.lock().in_flight);
        batches.into_iter().flat_map(|batch| batch.submissions).collect()
    }

    /// When the oldest batch was written that was not read back.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.lock().in_flight.front().map(|batch| batch.sent)
    }

    /// No more sessions exist.
    pub(super) fn end(&self) {
        self.lock().is_ending = true;
        self.changed.notify_all();
    }

    /// Whether a session waits for being served.
    pub(super) fn has_waiting(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Changes that wait for being written, or for being read back.
    pub(super) fn waiting_changes(&self) -> usize {
        let state = self.lock();
        let in_flight = state.in_flight.iter().flat_map(|batch| &batch.submissions);
        state.waiting.iter().chain(in_flight).map(|one| one.encoded.changes).sum()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.lock().is_ending
    }

    /// The publisher has ended. Returns what it has not done.
    pub(super) fn close(&self) -> Vec<Submission> {
        let mut state = self.lock();
        state.has_ended = true;
        let batches = std::mem::take(&mut state.in_flight).into_iter();
        let waiting = std::mem::take(&mut state.waiting);
        batches.flat_map(|batch| batch.submissions).chain(waiting).collect()
    }

    /// Waits for this time, or until the cluster ends.
    pub(super) fn pause(&self, time: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, time, |state| !state.is_ending));
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, time);
        waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one operation of a queue, or an assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
