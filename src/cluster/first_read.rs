//! A server that starts serves when it has the records of the other servers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time between two looks at whether the server ends.
const STEP: Duration = Duration::from_millis(50);

/// Whether the records of the other servers were read, or cannot be.
#[derive(Debug, Default)]
pub(super) struct FirstRead {
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl FirstRead {
    /// The records were read, or the store cannot be used.
    pub(super) fn end(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    pub(super) fn is_over(&self) -> bool {
        *self.lock()
    }

    /// Waits until it is over, at most for this time, or until the server ends.
    pub(super) fn wait(&self, time: Duration, is_ending: impl Fn() -> bool) {
        let begun = Instant::now();
        let mut is_over = self.lock();
        while !*is_over && begun.elapsed() < time && !is_ending() {
            let waited = self.changed.wait_timeout(is_over, STEP);
            is_over = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(over, _)| over);
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        // Each change is an assignment.
        self.is_over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
