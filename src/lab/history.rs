//! What the peers have done, with times.

use std::sync::{Mutex, PoisonError};
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
}

/// What the peers have done.
#[derive(Debug)]
pub(super) struct History {
    begun: Instant,
    steps: Mutex<Vec<(Duration, Step)>>,
}

impl History {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), steps: Mutex::default() }
    }

    /// The time since the beginning.
    pub(super) fn time(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn add(&self, step: Step) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.len() < MOST {
            // Taken with the lock, so that the times ascend.
            let time = self.begun.elapsed();
            steps.push((time, step));
        }
    }

    pub(super) fn steps(&self) -> Vec<(Duration, Step)> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
