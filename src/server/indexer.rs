//! The thread that brings the search structure up to date.
//!
//! It works in small steps, and slowly while very many titles are being added, so that it takes little
//! time from peers that add. A SEARCH enters a few titles itself, so it finds what a peer has just
//! added.

use std::thread;
use std::time::Duration;

use super::shared_index::SharedIndex;
use crate::net::Stop;

const PAUSE: Duration = Duration::from_millis(50);
/// Titles in one step, for which the index is locked: some ten microseconds.
pub(super) const STEP: usize = 8;
/// Titles that are added in a pause, from which on many are being added.
const MANY: usize = 1024;
/// Titles after each pause while many are being added.
const WHILE_ADDING: usize = 1024;

/// Works until the server stops.
pub(super) fn run(index: &SharedIndex, stop: &Stop) {
    let mut before = 0;
    while !stop.is_stopping() {
        thread::sleep(PAUSE);
        let behind = index.read().behind();
        let is_busy = behind.saturating_sub(before) > MANY;
        let mut left = if is_busy { behind.min(WHILE_ADDING) } else { behind };
        before = behind.saturating_sub(left);
        while left > 0 && !stop.is_stopping() {
            let step = left.min(STEP);
            if index.write().catch_up(step) < step {
                break;
            }
            left -= step;
            thread::yield_now();
            index.give_turn();
        }
    }
}
