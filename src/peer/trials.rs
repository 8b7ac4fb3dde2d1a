//! Connections to holders that have not delivered anything yet: how many there may be at a time, in all
//! downloads of a program together (protocol.md section 7).
//!
//! An index can name hundreds of holders that never answer. Each is tried by one download at a
//! time, and the others learn the result.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::limits;
use crate::protocol::Endpoint;

/// The holders that are being tried. Cloning it shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Trials(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    running: Mutex<HashSet<Endpoint>>,
    ended: Condvar,
}

/// The right to try a holder, given back when dropped.
#[derive(Debug)]
pub(super) struct Trial {
    trials: Trials,
    holder: Endpoint,
}

impl Trials {
    /// Begins to try a holder; `None` while it is being tried, or too many are. One that was given
    /// up early and is asked again leaves room for those that were never tried.
    pub(super) fn begin(&self, holder: &Endpoint, is_late: bool) -> Option<Trial> {
        let mut running = self.lock();
        let most = if is_late { limits::LATE_TRIALS } else { limits::TRIALS };
        let may_begin = running.len() < most && !running.contains(holder);
        may_begin.then(|| {
            running.insert(holder.clone());
            Trial { trials: self.clone(), holder: holder.clone() }
        })
    }

    /// Waits at most this time until some trial ends.
    pub(super) fn wait(&self, time: Duration) {
        let running = self.lock();
        if !running.is_empty() {
            drop(self.0.ended.wait_timeout(running, time));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Endpoint>> {
        // Each change is one insertion or removal: a poisoned set is still whole.
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.trials.lock().remove(&self.holder);
        self.trials.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_is_tried_once_at_a_time_and_no_more_than_the_limit() {
        let trials = Trials::default();
        let holder = |number: usize| format!("h{number}:1").parse::<Endpoint>().unwrap();
        let mut running: Vec<Trial> = (0..limits::TRIALS)
            .map(|number| trials.begin(&holder(number), false).unwrap())
            .collect();
        assert!(trials.begin(&holder(limits::TRIALS), false).is_none());
        running.pop();
        assert!(trials.begin(&holder(0), false).is_none());
        assert!(trials.begin(&holder(limits::TRIALS), false).is_some());
        assert!(trials.begin(&holder(limits::TRIALS), false).is_some(), "it was given back");
    }

    #[test]
    fn late_holders_leave_room_for_untried_ones() {
        let trials = Trials::default();
        let holder = |number: usize| format!("h{number}:1").parse::<Endpoint>().unwrap();
        let late: Vec<Trial> =
            (0..limits::TRIALS).filter_map(|number| trials.begin(&holder(number), true)).collect();
        assert_eq!(late.len(), limits::LATE_TRIALS);
        assert!(trials.begin(&holder(limits::TRIALS), false).is_some());
    }
}
