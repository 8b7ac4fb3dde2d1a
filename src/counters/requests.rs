//! Requests by method and status, their latency, and bytes.
//!
//! A thread counts in a [`Tally`] of its own, and adds it once for all requests whose replies it sends together.
//! It adds to one of several shards, so that threads on different processors seldom write to the same memory.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::latency::{AtomicLatency, Latency};

/// The codes that are counted; others count as the last one.
pub const STATUSES: [u16; 7] = [200, 206, 400, 404, 416, 503, 505];

/// Enough for the processors of a large machine.
const SHARDS: usize = 16;

/// Counts of one thread that are not yet added. Methods are numbers below `METHODS`.
#[derive(Clone, Copy, Debug)]
pub struct Tally<const METHODS: usize> {
    counts: [[u32; STATUSES.len()]; METHODS],
    has_requests: bool,
    /// Bytes that were read.
    pub received: u64,
    /// Bytes that were written.
    pub sent: u64,
}

impl<const METHODS: usize> Default for Tally<METHODS> {
    fn default() -> Self {
        let counts = [[0; STATUSES.len()]; METHODS];
        Self { counts, has_requests: false, received: 0, sent: 0 }
    }
}

impl<const METHODS: usize> Tally<METHODS> {
    /// Counts a request.
    pub fn count(&mut self, method: usize, status: u16) {
        self.has_requests = true;
        if let Some(count) = self.place(method, status) {
            *count = count.saturating_add(1);
        }
    }

    /// A request that was counted has another status.
    pub fn recount(&mut self, method: usize, before: u16, status: u16) {
        if let Some(count) = self.place(method, before) {
            *count = count.saturating_sub(1);
        }
        self.count(method, status);
    }

    /// Whether a request was counted.
    pub fn has_requests(&self) -> bool {
        self.has_requests
    }

    fn place(&mut self, method: usize, status: u16) -> Option<&mut u32> {
        self.counts.get_mut(method)?.get_mut(position(status))
    }
}

fn position(status: u16) -> usize {
    STATUSES.iter().position(|one| *one == status).unwrap_or(STATUSES.len() - 1)
}

/// The counts of all threads.
#[derive(Debug)]
pub struct RequestCounters<const METHODS: usize>([Shard<METHODS>; SHARDS]);

/// Aligned, so that no two shards share a cache line.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<const METHODS: usize> {
    counts: [[AtomicU64; STATUSES.len()]; METHODS],
    latency: [AtomicLatency; METHODS],
    received: AtomicU64,
    sent: AtomicU64,
}

impl<const METHODS: usize> Default for RequestCounters<METHODS> {
    fn default() -> Self {
        Self(array::from_fn(|_| Shard {
            counts: array::from_fn(|_| Default::default()),
            latency: array::from_fn(|_| AtomicLatency::default()),
            received: AtomicU64::default(),
            sent: AtomicU64::default(),
        }))
    }
}

/// Sums of all counts since the start.
#[derive(Clone, Copy, Debug)]
pub struct RequestTotals<const METHODS: usize> {
    /// By method, and by status in the order of [`STATUSES`].
    pub counts: [[u64; STATUSES.len()]; METHODS],
    /// By method.
    pub latency: [Latency; METHODS],
    /// Bytes that were read.
    pub received: u64,
    /// Bytes that were written.
    pub sent: u64,
}

impl<const METHODS: usize> RequestCounters<METHODS> {
    /// Adds the counts of a thread with this number, which then begin from zero. All requests in it had this
    /// latency.
    pub fn add(&self, thread: u64, tally: &mut Tally<METHODS>, latency: Duration) {
        let number = usize::try_from(thread).unwrap_or(0) % SHARDS;
        let Some(shard) = self.0.get(number) else { return };
        if tally.has_requests {
            let each = shard.counts.iter().zip(&shard.latency).zip(&tally.counts);
            for ((counters, of_method), counts) in each {
                let mut all: u64 = 0;
                for (counter, count) in counters.iter().zip(counts).filter(|(_, count)| **count > 0)
                {
                    counter.fetch_add((*count).into(), Ordering::Relaxed);
                    all = all.saturating_add((*count).into());
                }
                if all > 0 {
                    of_method.add(latency, all);
                }
            }
        }
        shard.received.fetch_add(tally.received, Ordering::Relaxed);
        shard.sent.fetch_add(tally.sent, Ordering::Relaxed);
        *tally = Tally::default();
    }

    /// The sums of all threads.
    pub fn totals(&self) -> RequestTotals<METHODS> {
        let mut totals = RequestTotals {
            counts: [[0; STATUSES.len()]; METHODS],
            latency: [Latency::default(); METHODS],
            received: 0,
            sent: 0,
        };
        for shard in &self.0 {
            for (of_method, total) in shard.counts.iter().zip(&mut totals.counts) {
                for (counter, total) in of_method.iter().zip(total) {
                    *total = total.wrapping_add(counter.load(Ordering::Relaxed));
                }
            }
            for (latency, total) in shard.latency.iter().zip(&mut totals.latency) {
                latency.add_to(total);
            }
            totals.received = totals.received.wrapping_add(shard.received.load(Ordering::Relaxed));
            totals.sent = totals.sent.wrapping_add(shard.sent.load(Ordering::Relaxed));
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::LATENCY_BOUNDS;

    #[test]
    fn counts_of_several_threads_are_added() {
        let counters = RequestCounters::<2>::default();
        for thread in 0..40 {
            let mut tally = Tally::default();
            tally.count(0, 200);
            tally.count(1, 200);
            tally.recount(1, 200, 503);
            tally.count(1, 999);
            (tally.received, tally.sent) = (3, 4);
            counters.add(thread, &mut tally, LATENCY_BOUNDS[1]);
            assert!(!tally.has_requests());
            // Nothing is counted twice.
            counters.add(thread, &mut tally, Duration::MAX);
        }
        let totals = counters.totals();
        assert_eq!(totals.counts, [[40, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 40, 40]]);
        assert_eq!((totals.received, totals.sent), (120, 160));
        assert_eq!(totals.latency[0].buckets[1], 40);
        assert_eq!(totals.latency[1].sum, LATENCY_BOUNDS[1] * 80);
    }

    #[test]
    fn a_long_time_is_in_the_last_bucket() {
        let latency = AtomicLatency::default();
        latency.add(Duration::from_secs(11), 1);
        let mut total = Latency::default();
        latency.add_to(&mut total);
        assert_eq!((total.buckets.last(), total.sum), (Some(&1), Duration::from_secs(11)));
    }
}
