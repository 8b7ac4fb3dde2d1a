//! Whether the name service answers lookups of the names of holders (protocol.md section 7).
//!
//! An index that verifies no addresses can list any number of names, and the name servers of their
//! domains decide how long each lookup takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits;

/// The lookups of holders' names in all downloads of a program.
#[derive(Debug, Default)]
pub(in crate::download) struct NameService {
    state: Mutex<State>,
    limits: Arc<limits::Downloads>,
}

#[derive(Debug, Default)]
struct State {
    /// When a lookup last took longer than `lookup_slow`.
    slow_at: Option<Instant>,
    /// Slow lookups without an address since the last one that found an address.
    unanswered: u32,
}

impl NameService {
    pub(super) fn new(limits: Arc<limits::Downloads>) -> Self {
        Self { state: Mutex::default(), limits }
    }

    /// Whether a lookup that takes this time is slow.
    pub(super) fn is_slow_after(&self, time: Duration) -> bool {
        time >= self.limits.lookup_slow
    }

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
        if self.is_slow_after(time) {
            let mut state = self.lock();
            state.slow_at = Some(Instant::now());
            state.unanswered = state.unanswered.saturating_add(1);
        }
    }

    /// Whether a lookup was slow recently. Then documents whose holders need a lookup run after
    /// others.
    pub(in crate::download) fn is_slow(&self) -> bool {
        self.lock().was_slow(Instant::now(), self.limits.lookup_pause)
    }

    /// Whether lookups are paused, because too many were not answered.
    pub(in crate::download) fn is_paused(&self) -> bool {
        let state = self.lock();
        let pause = self.limits.lookup_pause;
        state.unanswered >= self.limits.lookups_unanswered && state.was_slow(Instant::now(), pause)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a few assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn was_slow(&self, now: Instant, pause: Duration) -> bool {
        self.slow_at.is_some_and(|at| now.saturating_duration_since(at) < pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: limits::Downloads = limits::Downloads::DEFAULT;

    #[test]
    fn names_are_not_looked_up_when_the_name_service_does_not_answer() {
        let lookups = NameService::default();
        lookups.not_found(Duration::ZERO);
        assert!(!lookups.is_slow());
        for _ in 1..LIMITS.lookups_unanswered {
            lookups.not_found(LIMITS.lookup_slow);
        }
        assert!(lookups.is_slow() && !lookups.is_paused());
        lookups.found();
        lookups.not_found(LIMITS.lookup_slow);
        assert!(!lookups.is_paused());
        for _ in 1..LIMITS.lookups_unanswered {
            lookups.not_found(LIMITS.lookup_slow);
        }
        assert!(lookups.is_paused());
    }
}
