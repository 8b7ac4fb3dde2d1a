//! How long a download may occupy its worker while other holders wait (protocol.md section 7).
//!
//! A dishonest party can register documents at any number of endpoints, and none of them has used any
//! time. So each turn that ends without a document shortens the turns after it.

use std::time::{Duration, Instant};

use super::running::{Running, Slow};
use super::usage::{Usage, User};
use crate::limits;

/// A download at `rate_with_others` or more has this many times the shortest turn: most documents are
/// complete by then.
const FAST: u32 = 2;

/// The turns of all workers.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The number of turns that ended without a document.
    failed: u32,
}

/// What waits for a worker.
#[derive(Clone, Debug)]
pub(super) struct WaitingTasks {
    /// The holder that is next.
    pub(super) next: User,
    /// Whether none of its documents was ever tried.
    pub(super) is_newcomer: bool,
    /// The number of documents that can run.
    pub(super) count: usize,
}

impl Turns {
    /// Notes that the turn of a worker has ended without a document. Returns whether it counts: a
    /// failure that took little time has delayed nobody.
    pub(super) fn note_failed(
        &mut self,
        one: &Running,
        limits: &limits::Downloads,
        now: Instant,
    ) -> bool {
        let counts = one.time(now) >= limits.least_turn;
        self.failed = self.failed.saturating_add(u32::from(counts));
        counts
    }

    /// Ends downloads whose turn is over, for holders that have used much less time. Before any turn has
    /// failed, the other rules suffice.
    pub(super) fn end_downloads(
        &self,
        running: &mut [Option<Running>],
        usage: &Usage,
        waiting: &WaitingTasks,
        slow: Slow<'_>,
        now: Instant,
    ) {
        let mut most = match self.failed {
            0 => 0,
            _ => waiting.count,
        };
        for (worker, one) in running.iter_mut().enumerate() {
            let Some(one) = one else { continue };
            if one.must_yield {
                most = most.saturating_sub(1);
                continue;
            }
            let Some(user) = usage.user(worker) else { continue };
            let time = one.time(now);
            let before = usage.of_holder(user.holder.as_ref(), now).saturating_sub(time);
            let turn = self.turn(one, before, waiting.is_newcomer, slow, now);
            let (less, more) = usage.compared(&waiting.next, user, now);
            let is_behind = less.saturating_mul(2).saturating_add(turn) <= more;
            if time >= turn && is_behind && most > 0 {
                most -= 1;
                one.end();
            }
        }
    }

    /// The turn of a download from a holder that has used some time before. Each turn of a holder may take
    /// twice as long as its earlier ones together, so that it completes a document after a few turns
    /// though it is slow.
    fn turn(
        &self,
        one: &Running,
        before: Duration,
        has_newcomer: bool,
        slow: Slow<'_>,
        now: Instant,
    ) -> Duration {
        let limits = slow.limits;
        let usual = match has_newcomer {
            true => limits.fruitless_after,
            false => limits.slow_after,
        };
        let usual = if one.is_proven() { limits.long_after } else { usual };
        let least = match one.is_slower_than(limits.rate_with_others, now) {
            true => limits.least_turn,
            false => limits.least_turn.saturating_mul(FAST),
        };
        let divisor = 1u32.checked_shl(self.failed.min(16)).unwrap_or(1);
        let more = before.saturating_mul(2).max(one.spent());
        (usual / divisor).max(least).max(more).min(usual)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::download::dialing::{HostNames, Party};
    use crate::download::model::Source;
    use crate::net::Cancel;
    use crate::protocol::Endpoint;

    const LIMITS: limits::Downloads = limits::Downloads::DEFAULT;
    const SLOW: Slow<'_> = Slow { limits: &LIMITS, rate: LIMITS.slow_rate, names: false };
    const MILLIS: Duration = Duration::from_millis(1);

    fn user(holder: &str) -> User {
        let source: Source = holder.parse::<Endpoint>().unwrap().into();
        User::of(Some(&source), &HostNames::default())
    }

    fn is_ended(failed: u32, time: Duration, spent: Duration, waiting: &str) -> bool {
        let begun = Instant::now();
        let mut usage = Usage::new(1);
        usage.set_user(0, Some(user("127.0.0.7:1")), begun);
        let mut running = [Some(Running::new(Cancel::new(), Cancel::new(), spent, Arc::default()))];
        let next = user(waiting);
        assert!(matches!(next.party, Party::Network(_)));
        let waiting = WaitingTasks { next, is_newcomer: true, count: 1 };
        let now = Instant::now() + time;
        Turns { failed }.end_downloads(&mut running, &usage, &waiting, SLOW, now);
        running[0].as_ref().unwrap().must_yield
    }

    #[test]
    fn each_failed_turn_shortens_the_next_ones() {
        let none = Duration::ZERO;
        for (failed, millis, spent, expected) in [
            (0, 100_000, none, false),
            (1, 1400, none, false),
            (1, 1600, none, true),
            (8, 240, none, false),
            (8, 260, none, true),
            (u32::MAX, 240, none, false),
            (u32::MAX, 260, none, true),
            // A document that has run before has more time.
            (8, 900, MILLIS * 1000, false),
            (8, 1100, MILLIS * 1000, true),
            (8, 3100, MILLIS * 100_000, true),
        ] {
            for waiting in ["127.0.0.7:2", "127.0.0.8:1"] {
                let ended = is_ended(failed, MILLIS * millis, spent, waiting);
                assert_eq!(ended, expected, "{failed} {millis} {waiting}");
            }
        }
        // Other documents of the same holder do not end it.
        assert!(!is_ended(8, MILLIS * 100_000, none, "127.0.0.7:1"));
    }
}
