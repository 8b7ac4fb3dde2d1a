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
    /// Whether its part file is deleted, because it leaves no space for the others.
    pub(super) yields_space: bool,
    /// Whether the user trusts its digest.
    is_trusted: bool,
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
        Self {
            cancel,
            begun: Instant::now(),
            spent,
            progress,
            must_yield: false,
            yields_space: false,
            is_trusted: false,
            alone,
        }
    }

    /// The same for a document whose digest the user trusts, or not.
    pub(super) fn trusted(self, is_trusted: bool) -> Self {
        Self { is_trusted, ..self }
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

    /// The bytes that would be free if it were given up, unless the user trusts its digest.
    pub(super) fn bytes_to_free(&self) -> u64 {
        if self.is_trusted { 0 } else { self.bytes() }
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
mod tests;
