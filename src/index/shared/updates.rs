//! Updates of the search structure: queued titles are entered or removed (protocol.md section
//! 4.10).
//!
//! A thread runs [`Index::run_updates`]. It sleeps while there is nothing to do, also when the titles that
//! wait are held back because of the memory limit. It works in small
//! steps, and slowly while very many titles are being added, so that it takes little time from
//! peers that add. A search enters a few titles itself, so it finds what a peer has just added.

use std::thread;
use std::time::{Duration, Instant};

use super::index::Index;
use crate::limits;

/// Time between the first title that is queued and the work, so that a peer that adds many titles
/// is disturbed less.
const PAUSE: Duration = Duration::from_millis(50);
/// Titles in one step, for which the index is locked.
const STEP: usize = 8;
/// Time after which a step ends early: a title of many long words takes ten times as long as
/// others.
const STEP_TIME: Duration = Duration::from_micros(50);
/// A peer is adding many titles if at least this number of titles is added in a pause.
const MANY: usize = 1024;
/// Titles after each pause while many are being added: a hundredth of a processor's time.
const WHILE_ADDING: usize = 64;

impl Index {
    /// Updates the search structure until [`Index::end_updates`] is called. Without a thread that
    /// runs this, searches and additions do the work.
    pub fn run_updates(&self) {
        let mut before = 0;
        while self.wakeup.wait(|| self.records.read().has_updates()) {
            self.wakeup.pause(PAUSE);
            let queued = self.queued();
            let is_busy = queued.saturating_sub(before) > MANY;
            let mut left = if is_busy { queued.min(WHILE_ADDING) } else { queued };
            before = queued.saturating_sub(left);
            while left > 0 && !self.wakeup.has_ended() {
                let done = self.update_step(left);
                if done == 0 {
                    break;
                }
                left -= done;
                thread::yield_now();
                self.records.yield_lock();
            }
        }
    }

    /// Ends [`Index::run_updates`].
    pub fn end_updates(&self) {
        self.wakeup.end();
    }

    /// Enters or removes all queued titles, as far as the memory limit allows.
    pub fn update_all(&self) {
        while self.update_step(STEP) > 0 {
            self.records.yield_lock();
        }
    }

    /// Enters or removes a few titles, at most `most`, while the index is locked once. Returns how
    /// many; 0 if the queue is empty, or if the memory limit is exceeded and no title is to be
    /// removed.
    pub(super) fn update_step(&self, most: usize) -> usize {
        let mut records = self.records.write();
        let begun = Instant::now();
        let mut done = 0;
        while done < most.min(STEP) && records.update_search(1) == 1 {
            done += 1;
            if begun.elapsed() >= STEP_TIME {
                break;
            }
        }
        done
    }

    /// When very many titles wait for being removed from the search structure, removes as many as
    /// an owner has just released, so that their number does not grow.
    pub(super) fn remove_queued(&self, mut count: usize) {
        while count > 0 && self.queued() > limits::PENDING_TITLES {
            let done = self.update_step(count).min(count);
            if done == 0 {
                // The others are not entered while the memory limit is exceeded.
                break;
            }
            count -= done;
            self.records.yield_lock();
        }
    }

    /// Titles that wait for being entered into the search structure, or removed from it.
    pub fn queued(&self) -> usize {
        self.records.read().queued_titles()
    }
}
