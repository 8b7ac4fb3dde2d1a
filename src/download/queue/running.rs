//! The downloads that are running, and which of them have to yield their workers (protocol.md section
//! 7).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::limits::{self, bytes_in};
use crate::net::Cancel;

/// A download that a worker is running.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) cancel: Cancel,
    begun: Instant,
    /// The time that earlier attempts took.
    spent: Duration,
    progress: Arc<Progress>,
    pub(super) must_yield: bool,
    /// The handle that cancels this download alone.
    alone: Cancel,
}

/// The expectation of a download, from the holders of its document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Prospect {
    /// One of them has delivered documents.
    Proven,
    /// There is only one.
    Usual,
    /// There are several unproven ones.
    Doubtful,
    /// All of them need a lookup.
    NeedsLookup,
}

/// The progress of an attempt, which the worker updates after each read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) bytes: AtomicU64,
    /// The length that was announced first, or 0.
    pub(super) length: AtomicU64,
    /// Set when the attempt begins.
    pub(super) prospect: OnceLock<Prospect>,
}

/// Whether downloads wait for a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// Whether there are downloads that were never tried.
    pub(super) untried: bool,
    /// Whether some of these belong to parties that were never tried.
    pub(super) newcomers: bool,
    /// Whether there are downloads that can run now.
    pub(super) any: bool,
}

/// The rate and the time from which a download counts as slow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slow<'a> {
    pub(super) limits: &'a limits::Downloads,
    /// Bytes a second below which a download is slow.
    pub(super) rate: u64,
    /// Whether the name service is slow.
    pub(super) names: bool,
}

impl Running {
    /// `cancel` ends this attempt, and `alone` is the handle of the download.
    pub(super) fn new(
        cancel: Cancel,
        alone: Cancel,
        spent: Duration,
        progress: Arc<Progress>,
    ) -> Self {
        Self { cancel, begun: Instant::now(), spent, progress, must_yield: false, alone }
    }

    /// Whether the download was cancelled, and not all of them.
    pub(super) fn is_cancelled_alone(&self) -> bool {
        self.alone.is_cancelled()
    }

    /// The time that this attempt has been running.
    pub(super) fn time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// The time that earlier attempts took.
    pub(super) fn spent(&self) -> Duration {
        self.spent
    }

    /// Whether it has received less than this rate.
    pub(super) fn is_slower_than(&self, bytes_per_second: u64, now: Instant) -> bool {
        self.bytes() < bytes_in(bytes_per_second, self.time(now))
    }

    fn bytes(&self) -> u64 {
        self.progress.bytes.load(Ordering::Relaxed)
    }

    fn is_slow(&self, now: Instant, slow: Slow<'_>) -> bool {
        self.time(now) >= slow.limits.slow_after && self.is_slower_than(slow.rate, now)
    }

    /// Whether no byte has arrived, and none is expected from its holders.
    fn is_fruitless(&self, now: Instant, slow: Slow<'_>) -> bool {
        let most = match self.progress.prospect.get() {
            None | Some(Prospect::Proven | Prospect::Usual) => return false,
            Some(Prospect::NeedsLookup) if slow.names => slow.limits.lookup_slow,
            Some(Prospect::NeedsLookup | Prospect::Doubtful) => slow.limits.fruitless_after,
        };
        self.bytes() == 0 && self.time(now) >= most
    }

    pub(super) fn is_proven(&self) -> bool {
        self.progress.prospect.get() == Some(&Prospect::Proven)
    }

    /// Whether it has occupied its worker for a long time, whatever its rate is: any peer can serve an
    /// endless document.
    fn is_long(&self, now: Instant, waiting: Waiting, slow: Slow<'_>) -> bool {
        let most = match self.is_proven() {
            true if !self.is_slow(now, slow) => slow.limits.long_after,
            false if waiting.newcomers => slow.limits.fruitless_after,
            _ => slow.limits.slow_after,
        };
        self.time(now) >= most
    }

    /// The order in which long downloads yield: the slowest, then the longest of unproven holders. Of
    /// proven holders the last one that has begun is first, so that the others are completed.
    fn yield_order(&self, now: Instant, slow: Slow<'_>) -> (u8, u128) {
        let time = self.time(now);
        match (self.is_slow(now, slow), self.is_proven()) {
            (true, _) => (0, u128::from(self.bytes() / time.as_secs().max(1))),
            (false, false) => (1, u128::MAX - time.as_nanos()),
            (false, true) => (2, time.as_nanos()),
        }
    }

    /// Whether it has used up its time. An announced length may be wrong, so it is bounded unless a
    /// holder is proven. A task that runs again after others begins with the shortest budget.
    fn is_over_budget(&self, now: Instant, slow: Slow<'_>) -> bool {
        let most = if self.is_proven() { u64::MAX } else { slow.limits.budget_unproven };
        let length = self.progress.length.load(Ordering::Relaxed).min(most);
        let least = slow.limits.document_time;
        let budget = Duration::from_secs(length / slow.rate.max(1)).max(least);
        let time = self.time(now);
        time >= least && time.saturating_add(self.spent) > budget
    }
}

/// Cancels the downloads that have to yield: long ones that occupy workers reserved for untried ones,
/// fruitless ones while there are untried ones, and those that have used up their time while others
/// wait.
pub(super) fn make_yield(
    running: &mut [Option<Running>],
    waiting: Waiting,
    slow: Slow<'_>,
    now: Instant,
) {
    if waiting.untried {
        let fruitless = running.iter_mut().flatten().filter(|one| one.is_fruitless(now, slow));
        fruitless.for_each(Running::end);
        let half = running.len().div_ceil(2);
        let reserved = match waiting.newcomers {
            true => half,
            false => slow.limits.reserved_workers.min(half),
        };
        let for_long = running.len().saturating_sub(reserved);
        let is_long = |one: &&mut Running| !one.must_yield && one.is_long(now, waiting, slow);
        let mut long: Vec<&mut Running> = running.iter_mut().flatten().filter(is_long).collect();
        long.sort_by_key(|one| one.yield_order(now, slow));
        let excess = long.len().saturating_sub(for_long);
        long.into_iter().take(excess).for_each(Running::end);
    }
    if waiting.any {
        let over = running.iter_mut().flatten().filter(|one| one.is_over_budget(now, slow));
        over.for_each(Running::end);
    }
}

impl Running {
    pub(super) fn end(&mut self) {
        self.must_yield = true;
        self.cancel.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: limits::Downloads = limits::Downloads::DEFAULT;
    const RATE: u64 = LIMITS.slow_rate;
    const SLOW: Slow<'_> = Slow { limits: &LIMITS, rate: RATE, names: false };
    const UNTRIED: Waiting = Waiting { untried: true, newcomers: false, any: true };

    fn running(rates: &[u64], length: u64, time: u64, now: Instant) -> Vec<Option<Running>> {
        let one = |rate: &u64| {
            let (bytes, length) = ((rate * time).into(), length.into());
            let progress = Progress { bytes, length, prospect: OnceLock::new() };
            let mut one =
                Running::new(Cancel::new(), Cancel::new(), Duration::ZERO, Arc::new(progress));
            one.begun = now.checked_sub(Duration::from_secs(time))?;
            Some(one)
        };
        rates.iter().map(one).collect()
    }

    fn ended(running: &[Option<Running>]) -> Vec<usize> {
        let is_ended = |at: &usize| running[*at].as_ref().is_some_and(|one| one.must_yield);
        (0..running.len()).filter(is_ended).collect()
    }

    #[test]
    fn reserved_workers_are_taken_from_the_slowest() {
        let now = Instant::now() + Duration::from_secs(1000);
        let rates = [1200, 1100, 1300, 1000, 1200, 1200, 1200, 1200];
        for (waiting, time, expected) in [
            (UNTRIED, 20, vec![1, 3]),
            (UNTRIED, 9, vec![]),
            (Waiting { untried: false, newcomers: false, any: true }, 20, vec![]),
        ] {
            let mut all = running(&rates, 1 << 40, time, now);
            make_yield(&mut all, waiting, SLOW, now);
            assert_eq!(ended(&all), expected, "{waiting:?} {time}");
        }
        // One whose worker is free is enough of them.
        let mut some_free = running(&rates, 1 << 40, 20, now);
        some_free[4..6].fill_with(|| None);
        make_yield(&mut some_free, UNTRIED, SLOW, now);
        assert_eq!(ended(&some_free), [] as [usize; 0]);
        let mut alone = running(&[1200], 1 << 40, 20, now);
        make_yield(&mut alone, UNTRIED, SLOW, now);
        assert_eq!(ended(&alone), [0]);
    }

    /// Before, eight endless documents at more than 16 KiB a second kept all workers.
    #[test]
    fn reserved_workers_are_taken_at_any_rate() {
        let now = Instant::now() + Duration::from_secs(1000);
        let all_at = |times: [u64; 8], prospect| {
            let of = |time: u64| running(&[RATE * 100], 1 << 40, time, now).remove(0);
            let all: Vec<Option<Running>> = times.into_iter().map(of).collect();
            all.iter().flatten().for_each(|one| one.progress.prospect.set(prospect).unwrap());
            all
        };
        for (times, prospect, expected) in [
            ([11, 13, 12, 13, 11, 11, 14, 11], Prospect::Usual, vec![1, 6]),
            ([11, 13, 12, 13, 11, 11, 14, 9], Prospect::Usual, vec![6]),
            ([9, 13, 12, 13, 11, 11, 14, 9], Prospect::Usual, vec![]),
            ([11, 13, 12, 13, 11, 11, 14, 59], Prospect::Proven, vec![]),
            // The others are completed.
            ([70, 80, 90, 64, 75, 75, 62, 75], Prospect::Proven, vec![3, 6]),
        ] {
            let mut all = all_at(times, prospect);
            make_yield(&mut all, UNTRIED, SLOW, now);
            assert_eq!(ended(&all), expected, "{times:?}");
            // Those that are ending count as free.
            make_yield(&mut all, UNTRIED, SLOW, now);
            assert_eq!(ended(&all), expected, "{times:?}");
            let mut all = all_at(times, prospect);
            make_yield(
                &mut all,
                Waiting { untried: false, newcomers: false, any: true },
                SLOW,
                now,
            );
            assert_eq!(ended(&all), [] as [usize; 0], "{times:?}");
        }
    }

    /// Before, as many parties as there were baits came one after another, two in ten seconds.
    #[test]
    fn more_workers_are_reserved_for_parties_that_were_never_tried() {
        let now = Instant::now() + Duration::from_secs(1000);
        for (newcomers, time, expected) in
            [(true, 2, 0), (true, 3, 4), (false, 3, 0), (false, 10, 2)]
        {
            let mut all = running(&[RATE * 100; 8], 1 << 40, time, now);
            make_yield(&mut all, Waiting { newcomers, ..UNTRIED }, SLOW, now);
            assert_eq!(ended(&all).len(), expected, "{newcomers} {time}");
        }
    }

    #[test]
    fn a_budget_is_proportional_to_the_length_and_never_below_two_minutes() {
        let now = Instant::now() + Duration::from_secs(1_000_000);
        let none = Waiting { untried: false, newcomers: false, any: false };
        for (rate, length, time, waiting, is_over) in [
            (1200, 1000, 121, UNTRIED, true),
            (1200, 1000, 119, UNTRIED, false),
            (1200, 1000, 121, none, false),
            // An enormous length counts as 16 MiB, whatever was received.
            (1200, 1 << 40, 1023, UNTRIED, false),
            (1200, 1 << 40, 1025, UNTRIED, true),
            (RATE * 100, 1 << 40, 1025, UNTRIED, true),
            (RATE / 2, RATE * 1000, 900, UNTRIED, false),
            (RATE / 2, RATE * 1000, 1100, UNTRIED, true),
        ] {
            let mut all = running(&[rate, RATE * 10], length, time, now);
            make_yield(&mut all, Waiting { untried: false, ..waiting }, SLOW, now);
            assert_eq!(ended(&all).contains(&0), is_over, "{rate} {length} {time}");
        }
    }

    #[test]
    fn fruitless_downloads_yield_to_untried_ones() {
        let now = Instant::now() + Duration::from_secs(1000);
        for (prospect, time, rate, names, waiting, is_ended) in [
            (Prospect::Usual, 9, 0, true, UNTRIED, false),
            (Prospect::Doubtful, 2, 0, true, UNTRIED, false),
            (Prospect::Doubtful, 3, 0, false, UNTRIED, true),
            (Prospect::Doubtful, 3, 1, false, UNTRIED, false),
            (Prospect::NeedsLookup, 1, 0, false, UNTRIED, false),
            (Prospect::NeedsLookup, 1, 0, true, UNTRIED, true),
            (
                Prospect::NeedsLookup,
                9,
                0,
                true,
                Waiting { untried: false, newcomers: false, any: true },
                false,
            ),
        ] {
            let mut all = running(&[rate], 1 << 20, time, now);
            all.iter().flatten().for_each(|one| one.progress.prospect.set(prospect).unwrap());
            make_yield(&mut all, waiting, Slow { names, ..SLOW }, now);
            assert_eq!(!ended(&all).is_empty(), is_ended, "{prospect:?} {time}");
        }
    }
}
