//! The number of concurrent connections to unproven holders, in all downloads of a program
//! (protocol.md section 7).
//!
//! An index can list hundreds of holders that never answer. Each of them is tried by one download at
//! a time, and the other downloads use the result.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::limits;
use crate::protocol::Endpoint;

/// The holders that are being tried. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::download) struct Trials(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    limits: Arc<limits::Downloads>,
    running: Mutex<HashMap<Endpoint, TrialKind>>,
    ended: Condvar,
}

/// The kind of a holder that is tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TrialKind {
    /// A holder whose address is known.
    Early,
    /// A holder that was given up early and is asked again. These leave room for untried holders.
    Late,
    /// A holder whose name needs a lookup. These leave room for holders with known addresses.
    Name,
    /// A holder that was given up early, and whose name needs a lookup.
    LateName,
}

impl TrialKind {
    pub(super) fn new(needs_lookup: bool, is_late: bool) -> Self {
        match (needs_lookup, is_late) {
            (true, true) => Self::LateName,
            (true, false) => Self::Name,
            (false, true) => Self::Late,
            (false, false) => Self::Early,
        }
    }
}

/// The permission to try a holder. It ends when it is dropped.
#[derive(Debug)]
pub(in crate::download) struct Trial {
    trials: Trials,
    holder: Endpoint,
    kind: TrialKind,
}

impl Trials {
    pub(in crate::download) fn new(limits: Arc<limits::Downloads>) -> Self {
        Self(Arc::new(Shared { limits, ..Shared::default() }))
    }

    /// Begins to try a holder; `None` while it is being tried, or too many holders are.
    pub(super) fn begin(&self, holder: &Endpoint, kind: TrialKind) -> Option<Trial> {
        let mut running = self.lock();
        let is_name = |kind: &&TrialKind| matches!(kind, TrialKind::Name | TrialKind::LateName);
        let of_names = running.values().filter(is_name).count();
        let limits = &self.0.limits;
        let has_room = match kind {
            TrialKind::Early => running.len() < limits.trials,
            TrialKind::Late => running.len() < limits.late_trials,
            TrialKind::Name => running.len() < limits.trials && of_names < limits.name_trials,
            TrialKind::LateName => {
                running.len() < limits.late_trials && of_names < limits.name_trials
            }
        };
        (has_room && !running.contains_key(holder)).then(|| {
            running.insert(holder.clone(), kind);
            Trial { trials: self.clone(), holder: holder.clone(), kind }
        })
    }

    /// Waits until a trial ends, at most this time.
    pub(in crate::download) fn wait(&self, time: Duration) {
        let running = self.lock();
        if !running.is_empty() {
            drop(self.0.ended.wait_timeout(running, time));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, TrialKind>> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trial {
    /// Notes that the holder's addresses are known now.
    pub(in crate::download) fn resolved(&mut self) {
        self.kind = match self.kind {
            TrialKind::Name => TrialKind::Early,
            TrialKind::LateName => TrialKind::Late,
            TrialKind::Early | TrialKind::Late => return,
        };
        self.trials.lock().insert(self.holder.clone(), self.kind);
        self.trials.0.ended.notify_all();
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

    const LIMITS: limits::Downloads = limits::Downloads::DEFAULT;

    #[test]
    fn each_holder_is_tried_once_at_a_time_and_no_more_than_the_limit() {
        let trials = Trials::default();
        let holder = |number: usize| format!("h{number}:1").parse::<Endpoint>().unwrap();
        let mut running: Vec<Trial> = (0..LIMITS.trials)
            .map(|number| trials.begin(&holder(number), TrialKind::Early).unwrap())
            .collect();
        assert!(trials.begin(&holder(LIMITS.trials), TrialKind::Early).is_none());
        running.pop();
        assert!(trials.begin(&holder(0), TrialKind::Early).is_none());
        assert!(trials.begin(&holder(LIMITS.trials), TrialKind::Early).is_some());
        assert!(
            trials.begin(&holder(LIMITS.trials), TrialKind::Early).is_some(),
            "it was given back"
        );
    }

    #[test]
    fn late_holders_leave_room_for_untried_ones() {
        let trials = Trials::default();
        let holder = |number: usize| format!("h{number}:1").parse::<Endpoint>().unwrap();
        let late: Vec<Trial> = (0..LIMITS.trials)
            .filter_map(|number| trials.begin(&holder(number), TrialKind::Late))
            .collect();
        assert_eq!(late.len(), LIMITS.late_trials);
        assert!(trials.begin(&holder(LIMITS.trials), TrialKind::Early).is_some());
    }

    #[test]
    fn names_leave_room_for_addresses_until_they_are_resolved() {
        let trials = Trials::default();
        let holder = |number: usize| format!("h{number}:1").parse::<Endpoint>().unwrap();
        let mut names: Vec<Trial> = (0..LIMITS.trials)
            .filter_map(|number| trials.begin(&holder(number), TrialKind::Name))
            .collect();
        assert_eq!(names.len(), LIMITS.name_trials);
        let other = trials.begin(&holder(LIMITS.trials), TrialKind::Early);
        assert!(other.is_some());
        names[0].resolved();
        assert!(trials.begin(&holder(LIMITS.trials + 1), TrialKind::Name).is_some());
    }

    #[test]
    fn late_names_leave_room_also_when_they_are_resolved() {
        let trials = Trials::default();
        let holder = |number: usize| format!("h{number}:1").parse::<Endpoint>().unwrap();
        let mut late = Vec::new();
        for number in 0..2 * LIMITS.trials {
            late.extend(trials.begin(&holder(number), TrialKind::LateName));
            late.iter_mut().for_each(Trial::resolved);
        }
        assert_eq!(late.len(), LIMITS.late_trials);
        assert!(trials.begin(&holder(LIMITS.trials * 2), TrialKind::Early).is_some());
    }
}
