//! Times and figures of several rounds, and numbers that look random.

use std::time::Duration;

/// Times of many requests, in order.
#[derive(Clone, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this percentage of the requests did not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        let at = (self.0.len() as f64 * percent / 100.0) as usize;
        self.0.get(at.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// The time in milliseconds that one request in this number exceeds.
    pub(crate) fn distribution(&self) -> Vec<(f64, f64)> {
        let steps = [2.0, 4.0, 10.0, 20.0, 100.0, 200.0, 1000.0, 10_000.0];
        let known = steps.into_iter().filter(|one_in| *one_in <= self.0.len() as f64);
        let point =
            |one_in: f64| (one_in, self.percentile(100.0 - 100.0 / one_in).as_secs_f64() * 1e3);
        known.map(point).collect()
    }
}

/// The middle one; of an even number of figures the upper middle one.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The same numbers for the same seed: splitmix64, which is enough to choose documents.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// One of the numbers below a bound, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
