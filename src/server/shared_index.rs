//! The index with its lock, and fair access to it.
//!
//! Critical sections last some microseconds, so callers spin before they block: blocking and being
//! woken takes much longer. Long work is done in steps, with [`SharedIndex::give_turn`] between them,
//! because a thread that unlocks and immediately locks again would leave no chance to others. Callers
//! do not hold the lock over a read, a write or a name lookup.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;

use crate::index::Index;

/// Attempts to take the lock before a thread blocks: some ten microseconds.
const TRIES: usize = 400;

/// How often a thread yields the CPU to waiting threads: meanwhile a blocked one is woken.
const OFFERS: usize = 100;

/// An [`Index`] that many threads use.
#[derive(Debug, Default)]
pub struct SharedIndex {
    index: RwLock<Index>,
    /// Threads that have found it taken.
    waiting: AtomicUsize,
}

// A change of the index is complete when its method returns, and a panic within one would leave
// at most a record that its owner's leaving removes: a poisoned lock may be entered.
impl SharedIndex {
    /// Read access, shared with other readers.
    pub fn read(&self) -> RwLockReadGuard<'_, Index> {
        let attempt = || free(self.index.try_read());
        self.wait(attempt, || self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exclusive access, to change the index.
    pub fn write(&self) -> RwLockWriteGuard<'_, Index> {
        let attempt = || free(self.index.try_write());
        self.wait(attempt, || self.index.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Between two steps of long work: lets others have the index if any wait for it, though not
    /// for as long as there are any.
    pub fn give_turn(&self) {
        for _ in 0..OFFERS {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                return;
            }
            thread::yield_now();
        }
    }

    fn wait<Guard>(
        &self,
        attempt: impl Fn() -> Option<Guard>,
        sleep: impl FnOnce() -> Guard,
    ) -> Guard {
        if let Some(guard) = attempt() {
            return guard;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let again = || {
            hint::spin_loop();
            attempt()
        };
        let guard = (0..TRIES).find_map(|_| again()).unwrap_or_else(sleep);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        guard
    }
}

fn free<Guard>(attempt: Result<Guard, TryLockError<Guard>>) -> Option<Guard> {
    match attempt {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
