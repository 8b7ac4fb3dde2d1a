//! What the peers have done, with times.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Steps that are kept: a laboratory may run for a long time.
const MOST: usize = 200_000;

/// One step of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Joined,
    Left,
    /// It wants a document.
    Wanted,
    /// It has downloaded a document of this length.
    Delivered(u64),
    /// It has given a document up.
    Failed,
    /// It tries a document again.
    Retried,
    /// A holder did not deliver a document.
    HolderFailed,
    /// The network of an index server was cut.
    Disconnected(usize),
    /// It was connected again.
    Reconnected(usize),
}

/// How often the steps were taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) joined: usize,
    pub(crate) left: usize,
    /// Documents that peers wanted, each for each peer.
    pub(crate) wanted: usize,
    pub(crate) delivered: usize,
    pub(crate) failed: usize,
    /// Downloads that were tried again.
    pub(crate) retried: usize,
    /// How often a holder did not deliver a document.
    pub(crate) holders_failed: usize,
    /// The bytes of the delivered documents.
    pub(crate) bytes: u64,
}

impl Counts {
    pub(super) fn add(&mut self, step: Step) {
        match step {
            Step::Joined => self.joined += 1,
            Step::Left => self.left += 1,
            Step::Wanted => self.wanted += 1,
            Step::Delivered(length) => {
                self.delivered += 1;
                self.bytes += length;
            }
            Step::Failed => self.failed += 1,
            Step::Retried => self.retried += 1,
            Step::HolderFailed => self.holders_failed += 1,
            Step::Disconnected(_) | Step::Reconnected(_) => {}
        }
    }
}

/// What the peers have done.
#[derive(Debug)]
pub(super) struct History {
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    steps: Vec<(Duration, Step)>,
    counts: Counts,
}

impl History {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), state: Mutex::default() }
    }

    /// The time since the beginning.
    pub(super) fn time(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn add(&self, step: Step) {
        let mut state = self.lock();
        state.counts.add(step);
        if state.steps.len() < MOST {
            // Taken with the lock, so that the times ascend.
            let time = self.begun.elapsed();
            state.steps.push((time, step));
        }
    }

    pub(super) fn steps(&self) -> Vec<(Duration, Step)> {
        self.lock().steps.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
