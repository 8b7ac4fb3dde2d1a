//! Waking the thread that updates the search structure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wakes a thread when there is work for it, and ends it.
#[derive(Debug, Default)]
pub(super) struct Wakeup {
    /// Whether the thread waits for work, or is about to.
    is_waiting: AtomicBool,
    has_ended: Mutex<bool>,
    changed: Condvar,
}

impl Wakeup {
    /// Wakes the thread if it waits: a change of the index may have queued titles.
    ///
    /// The thread sets `is_waiting` before it reads the length of the queue under the lock of the
    /// index. So either the thread sees what the caller has queued, or the caller sees that the
    /// thread waits.
    pub(super) fn notify(&self) {
        if self.is_waiting.load(Ordering::SeqCst) {
            drop(self.lock());
            self.changed.notify_one();
        }
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        *self.lock() = true;
        self.changed.notify_one();
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.lock()
    }

    /// Waits until there is work. Returns `false` when the thread is to end.
    pub(super) fn wait(&self, has_work: impl Fn() -> bool) -> bool {
        self.is_waiting.store(true, Ordering::SeqCst);
        let mut has_ended = self.lock();
        while !*has_ended && !has_work() {
            has_ended = self.changed.wait(has_ended).unwrap_or_else(PoisonError::into_inner);
        }
        self.is_waiting.store(false, Ordering::SeqCst);
        !*has_ended
    }

    /// Waits for this time, or until the thread is to end.
    pub(super) fn pause(&self, time: Duration) {
        drop(self.changed.wait_timeout_while(self.lock(), time, |has_ended| !*has_ended));
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.has_ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_end_ends_a_pause() {
        let (wakeup, begun) = (Wakeup::default(), Instant::now());
        std::thread::scope(|scope| {
            scope.spawn(|| wakeup.pause(Duration::from_secs(600)));
            wakeup.end();
        });
        assert!(begun.elapsed() < Duration::from_secs(300));
        assert!(!wakeup.wait(|| true));
    }
}
