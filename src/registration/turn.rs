//! Mutual exclusion of requests on the connection of the registration (protocol.md section 3.4).

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::limits;
use crate::net::Cancel;

/// A lock that is held while waiting for the index. Waiting for the lock can be cancelled.
#[derive(Debug, Default)]
pub(super) struct Turn {
    is_taken: Mutex<bool>,
    freed: Condvar,
}

/// Frees the turn when dropped.
#[derive(Debug)]
pub(super) struct TurnGuard<'a>(&'a Turn);

impl Turn {
    /// Waits for the turn; `None` if that was cancelled.
    pub(super) fn take(&self, cancel: &Cancel) -> Option<TurnGuard<'_>> {
        let mut is_taken = self.lock();
        while *is_taken {
            if cancel.is_cancelled() {
                return None;
            }
            let waited = self.freed.wait_timeout(is_taken, limits::INTERRUPT_POLL);
            is_taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *is_taken = true;
        Some(TurnGuard(self))
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        // Each change is one assignment: a poisoned state is whole.
        self.is_taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.freed.notify_one();
    }
}
