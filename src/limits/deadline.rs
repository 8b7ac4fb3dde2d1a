//! The ends of time limits.

use std::time::{Duration, Instant};

/// The longest time for which this program waits: longer limits are as good as none.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// The end of a time limit that begins at this moment. A limit may be as long as [`Duration::MAX`],
/// which is beyond the range of an [`Instant`].
pub(crate) fn end_of(begun: Instant, limit: Duration) -> Instant {
    begun.checked_add(limit.min(LONGEST)).unwrap_or(begun)
}

/// The end of a time limit that begins now.
pub(crate) fn ends_after(limit: Duration) -> Instant {
    end_of(Instant::now(), limit)
}

/// Twice this pause, but no more than this.
pub(crate) fn doubled(pause: Duration, most: Duration) -> Duration {
    pause.saturating_mul(2).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_an_end() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(end_of(now, second), now + second);
        for limit in [Duration::MAX, Duration::from_secs(i64::MAX as u64), LONGEST] {
            // Something may be added to it.
            assert_eq!(end_of(now, limit) + second, now + LONGEST + second);
        }
        assert_eq!(doubled(second, Duration::MAX), 2 * second);
        assert_eq!(doubled(Duration::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(doubled(Duration::MAX, second), second);
    }
}
