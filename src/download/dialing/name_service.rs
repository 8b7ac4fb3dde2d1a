//! Whether the name service answers lookups of the names of holders (protocol.md section 7).
//!
//! An index that verifies no addresses can list any number of names, and the name servers of their
//! domains decide how long each lookup takes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits;

/// The lookups of holders' names in all downloads of a program.
#[derive(Debug, Default)]
pub(in crate::download) struct NameService(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When a lookup last took longer than [`limits::LOOKUP_SLOW`].
    slow_at: Option<Instant>,
    /// Slow lookups without an address since the last one that found an address.
    unanswered: u32,
}

impl NameService {
    /// Notes that a lookup is slow and has not ended.
    pub(in crate::download) fn note_slow(&self) {
        self.lock().slow_at = Some(Instant::now());
    }

    /// Notes that a lookup has found an address.
    pub(in crate::download) fn found(&self) {
        self.lock().unanswered = 0;
    }

    /// Notes that a lookup found no address, or was given up, after this time.
    pub(in crate::download) fn not_found(&self, time: Duration) {
        if time >= limits::LOOKUP_SLOW {
            let mut state = self.lock();
            state.slow_at = Some(Instant::now());
            state.unanswered = state.unanswered.saturating_add(1);
        }
    }

    /// Whether a lookup was slow recently. Then documents whose holders need a lookup run after
    /// others.
    pub(in crate::download) fn is_slow(&self) -> bool {
        self.lock().was_slow(Instant::now())
    }

    /// Whether lookups are paused, because too many were not answered.
    pub(in crate::download) fn is_paused(&self) -> bool {
        let state = self.lock();
        state.unanswered >= limits::LOOKUPS_UNANSWERED && state.was_slow(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a few assignments.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn was_slow(&self, now: Instant) -> bool {
        self.slow_at.is_some_and(|at| now.saturating_duration_since(at) < limits::LOOKUP_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_looked_up_when_the_name_service_does_not_answer() {
        let lookups = NameService::default();
        lookups.not_found(Duration::ZERO);
        assert!(!lookups.is_slow());
        for _ in 1..limits::LOOKUPS_UNANSWERED {
            lookups.not_found(limits::LOOKUP_SLOW);
        }
        assert!(lookups.is_slow() && !lookups.is_paused());
        lookups.found();
        lookups.not_found(limits::LOOKUP_SLOW);
        assert!(!lookups.is_paused());
        for _ in 1..limits::LOOKUPS_UNANSWERED {
            lookups.not_found(limits::LOOKUP_SLOW);
        }
        assert!(lookups.is_paused());
    }
}
