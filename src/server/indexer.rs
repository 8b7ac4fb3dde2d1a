//! The thread that enters queued titles in the search structure (protocol.md section 4.10).
//!
//! It sleeps while the queue is empty. It works in small steps, and slowly while very many titles are
//! being added, so that it takes little time from peers that add. A SEARCH enters a few titles itself,
//! so it finds what a peer has just added.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::shared_index::SharedIndex;

/// Time between the first title that is queued and the work, so that a peer that adds many titles
/// is disturbed less.
const PAUSE: Duration = Duration::from_millis(50);
/// Titles in one step, for which the index is locked.
pub(super) const STEP: usize = 8;
/// Time after which a step ends early: a title of many long words takes ten times as long as others.
const STEP_TIME: Duration = Duration::from_micros(50);
/// Titles that are added in a pause, from which on many are being added.
const MANY: usize = 1024;
/// Titles after each pause while many are being added: a hundredth of a processor's time.
const WHILE_ADDING: usize = 64;

/// Wakes the thread when there is work.
#[derive(Debug, Default)]
pub(super) struct Indexer {
    /// Whether the thread waits for work, or is about to.
    waits: AtomicBool,
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Indexer {
    /// Wakes the thread if it waits: a change of the index may have queued titles.
    ///
    /// The thread sets `waits` before it looks into the queue under the lock of the index. So either
    /// it sees what the caller has queued, or the caller sees that it waits.
    pub(super) fn notify(&self) {
        if self.waits.load(Ordering::SeqCst) {
            drop(self.lock());
            self.changed.notify_one();
        }
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        *self.lock() = true;
        self.changed.notify_one();
    }

    /// Works until it is ended.
    pub(super) fn run(&self, index: &SharedIndex) {
        let mut before = 0;
        while self.wait(index) {
            thread::sleep(PAUSE);
            let behind = index.read().behind();
            let is_busy = behind.saturating_sub(before) > MANY;
            let mut left = if is_busy { behind.min(WHILE_ADDING) } else { behind };
            before = behind.saturating_sub(left);
            while left > 0 && !self.has_ended() {
                let done = step(index, left);
                if done == 0 {
                    break;
                }
                left -= done;
                thread::yield_now();
                index.give_turn();
            }
        }
    }

    /// Waits until there is work. Returns whether the thread is to go on.
    fn wait(&self, index: &SharedIndex) -> bool {
        self.waits.store(true, Ordering::SeqCst);
        let mut ended = self.lock();
        while !*ended && index.read().behind() == 0 {
            ended = self.changed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
        self.waits.store(false, Ordering::SeqCst);
        !*ended
    }

    fn has_ended(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters or removes a few titles, at most `most`, while the index is locked once. Returns how many; 0 if
/// the queue is empty, or if the memory limit is exceeded and no title is to be removed.
pub(super) fn step(index: &SharedIndex, most: usize) -> usize {
    let mut index = index.write();
    let begun = Instant::now();
    let mut done = 0;
    while done < most.min(STEP) && index.catch_up(1) == 1 {
        done += 1;
        if begun.elapsed() >= STEP_TIME {
            break;
        }
    }
    done
}
