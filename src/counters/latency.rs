//! The distribution of times.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets. Times above the last one are in a further bucket.
pub const LATENCY_BOUNDS: [Duration; 12] = [
    Duration::from_micros(25),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];

const BUCKETS: usize = LATENCY_BOUNDS.len() + 1;

/// How many times are in each bucket, and their sum.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Latency {
    /// In the order of [`LATENCY_BOUNDS`], and then those above.
    pub buckets: [u64; BUCKETS],
    /// The sum of all times.
    pub sum: Duration,
}

/// A [`Latency`] that threads add to.
#[derive(Debug, Default)]
pub(super) struct AtomicLatency {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
}

impl AtomicLatency {
    /// Adds a number of equal times.
    pub(super) fn add(&self, time: Duration, count: u64) {
        let bucket = LATENCY_BOUNDS.iter().position(|bound| time <= *bound);
        if let Some(bucket) = self.buckets.get(bucket.unwrap_or(LATENCY_BOUNDS.len())) {
            bucket.fetch_add(count, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds.saturating_mul(count), Ordering::Relaxed);
    }

    pub(super) fn add_to(&self, total: &mut Latency) {
        for (bucket, total) in self.buckets.iter().zip(&mut total.buckets) {
            *total = total.wrapping_add(bucket.load(Ordering::Relaxed));
        }
        let sum = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed));
        total.sum = total.sum.saturating_add(sum);
    }
}
