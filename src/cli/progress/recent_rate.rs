//! The rate at which bytes arrive, averaged over the last seconds.

use std::time::{Duration, Instant};

/// The rate is averaged over at least this time, except at the beginning.
const RATE_TIME: Duration = Duration::from_secs(2);
/// No rate is computed from a shorter time: buffers that were full already would count as received
/// within milliseconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// Bytes per second of the last seconds.
#[derive(Debug)]
pub(in crate::cli) struct RecentRate {
    /// Two moments with the bytes that were received until then, the earlier one first.
    marks: [(Instant, u64); 2],
}

impl RecentRate {
    pub(in crate::cli) fn new(now: Instant) -> Self {
        Self { marks: [(now, 0); 2] }
    }

    /// The rate after this many bytes; `None` while the time is too short for one.
    pub(in crate::cli) fn at(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        let [_, (last, before)] = self.marks;
        if now.saturating_duration_since(last) >= RATE_TIME {
            self.marks = [(last, before), (now, bytes)];
        }
        let [(since, before), _] = self.marks;
        let time = now.saturating_duration_since(since);
        if time < SHORTEST {
            return None;
        }
        let rate = u128::from(bytes.saturating_sub(before)) * 1000 / time.as_millis().max(1);
        Some(u64::try_from(rate).unwrap_or(u64::MAX))
    }
}

/// The time that these bytes take at a rate; `None` if it cannot be estimated, or exceeds 100 days.
pub(in crate::cli) fn time_left(bytes: u64, rate: Option<u64>) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(100 * 24 * 3600);
    let time = Duration::from_secs(bytes.checked_div(rate?)?);
    (time <= LONGEST).then_some(time)
}

/// The mean rate of a whole transfer, in bytes per second.
pub(super) fn mean_rate(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1000 / time.as_millis().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let begun = Instant::now();
        let mut rate = RecentRate::new(begun);
        let mut found = None;
        for second in 1..=10u64 {
            let bytes = if second <= 5 { second * 1000 } else { 5000 };
            found = rate.at(begun + Duration::from_secs(second), bytes);
            let at_five = found.is_some_and(|rate| (800..=1200).contains(&rate));
            assert!(second != 5 || at_five, "{found:?}");
        }
        assert_eq!(found, Some(0));
    }

    /// A buffer of 4 MiB that was read in the first millisecond was shown as 4 GiB/s.
    #[test]
    fn the_first_moments_have_no_rate_and_no_time_left() {
        let begun = Instant::now();
        let mut rate = RecentRate::new(begun);
        for (milliseconds, expected) in [(0, None), (1, None), (999, None), (1000, Some(4 << 20))] {
            let now = begun + Duration::from_millis(milliseconds);
            assert_eq!(rate.at(now, 4 << 20), expected, "{milliseconds} ms");
        }
        assert_eq!(time_left(1, None), None);
        assert_eq!(time_left(1, Some(0)), None);
        assert_eq!(time_left(20, Some(2)), Some(Duration::from_secs(10)));
        assert_eq!(time_left(u64::MAX, Some(1)), None);
    }
}
