//! Which of several index servers is asked first for its cluster (protocol.md section 4.13).

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits;

/// The registrations of a program of whose servers nothing is known yet. Their numbers are in the order in which the
/// servers were named.
#[derive(Debug, Default)]
pub(crate) struct Precedence {
    unknown: Mutex<BTreeSet<usize>>,
    changed: Condvar,
}

impl Precedence {
    /// A registration begins.
    pub(crate) fn begin(&self, number: usize) {
        self.lock().insert(number);
    }

    /// The server of a registration has named its cluster, has none, or has failed.
    pub(crate) fn settle(&self, number: usize) {
        if self.lock().remove(&number) {
            self.changed.notify_all();
        }
    }

    /// Waits until no registration with a smaller number is left, for this time, or until `is_over`.
    pub(crate) fn wait_for_earlier(
        &self,
        number: usize,
        time: Duration,
        is_over: impl Fn() -> bool,
    ) {
        let end = limits::ends_after(time);
        let mut unknown = self.lock();
        while unknown.range(..number).next().is_some() && !is_over() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(unknown, left.min(limits::INTERRUPT_POLL));
            unknown = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        // Each change is one insertion or removal.
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn later_registrations_wait_for_earlier_ones_but_not_for_ever() {
        let order = Precedence::default();
        (0..3).for_each(|number| order.begin(number));
        order.wait_for_earlier(0, LONG, || panic!("it is the first one"));
        order.wait_for_earlier(1, Duration::from_millis(10), || false);
        order.wait_for_earlier(1, LONG, || true);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| order.wait_for_earlier(2, LONG, || false));
            order.settle(1);
            order.settle(0);
        });
        assert!(begun.elapsed() < LONG);
    }
}
