//! A lock that many threads share fairly.
//!
//! Critical sections last microseconds, so threads spin before they block: blocking and being woken
//! takes much longer. Long work is done in steps, with [`FairLock::yield_lock`] between them,
//! because a thread that unlocks and immediately locks again would starve the others.

use std::hint;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// Attempts to take the lock before a thread blocks: some ten microseconds.
const TRIES: usize = 400;

/// How often a thread yields the CPU to waiting threads. A blocked thread is woken in that time.
const YIELDS: usize = 100;

/// A value that many threads use.
#[derive(Debug, Default)]
pub(super) struct FairLock<T> {
    value: RwLock<T>,
    /// Threads that have found the lock taken.
    waiting: AtomicUsize,
    /// How often a thread has found the lock taken, and the nanoseconds until it had the lock.
    waits: AtomicU64,
    waited: AtomicU64,
}

// A change of the index is complete when its method returns, and a panic within a change would
// leave at most a record that is removed with its owner. So a poisoned lock may be entered.
impl<T> FairLock<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: RwLock::new(value),
            waiting: AtomicUsize::new(0),
            waits: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        }
    }

    /// Read access, shared with other readers.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, T> {
        let attempt = || free(self.value.try_read());
        self.wait(attempt, || self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exclusive access.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, T> {
        let attempt = || free(self.value.try_write());
        self.wait(attempt, || self.value.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often a thread had to wait for the lock, and for how long in all.
    pub(super) fn waits(&self) -> (u64, Duration) {
        let waited = Duration::from_nanos(self.waited.load(Ordering::Relaxed));
        (self.waits.load(Ordering::Relaxed), waited)
    }

    /// Between two steps of long work: lets other threads have the lock if any wait for it, for a
    /// limited time.
    pub(super) fn yield_lock(&self) {
        for _ in 0..YIELDS {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                return;
            }
            thread::yield_now();
        }
    }

    fn wait<Guard>(
        &self,
        attempt: impl Fn() -> Option<Guard>,
        block: impl FnOnce() -> Guard,
    ) -> Guard {
        if let Some(guard) = attempt() {
            return guard;
        }
        let begun = Instant::now();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let spin = || {
            hint::spin_loop();
            attempt()
        };
        let guard = (0..TRIES).find_map(|_| spin()).unwrap_or_else(block);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited.fetch_add(nanoseconds, Ordering::Relaxed);
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
