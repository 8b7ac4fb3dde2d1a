//! Whether a version of a document arrives fast enough, while holders of another version can be asked
//! (protocol.md section 7).

use std::time::{Duration, Instant};

use crate::limits::{self, bytes_in};

/// Detects that a version of a document stops arriving.
#[derive(Debug)]
pub(super) struct Steady<'a> {
    limits: &'a limits::Downloads,
    since: Instant,
    bytes: u64,
    has_begun: bool,
    slow_rate: u64,
}

impl<'a> Steady<'a> {
    /// Begins with this number of bytes. Downloads below `slow_rate` are slow.
    pub(super) fn new(
        limits: &'a limits::Downloads,
        bytes: u64,
        now: Instant,
        slow_rate: u64,
    ) -> Self {
        Self { limits, since: now, bytes, has_begun: false, slow_rate }
    }

    /// Whether bytes have arrived, and then hardly any for a while.
    pub(super) fn has_stopped(&mut self, bytes: u64, now: Instant) -> bool {
        let (rate, time) = (self.limits.beginning_rate, self.limits.stopped_after);
        let least = bytes_in(rate, time);
        if bytes.saturating_sub(self.bytes) >= least {
            *self = Self { since: now, bytes, has_begun: true, ..*self };
        }
        // The limit on bytes per second here may delay a download.
        let is_limited_here = self.slow_rate < rate;
        self.has_begun && !is_limited_here && now.saturating_duration_since(self.since) >= time
    }
}

/// Whether a version arrives so slowly that holders of another one are asked first. Downloads below
/// `slow_rate` are slow.
pub(super) fn is_slow(
    limits: &limits::Downloads,
    bytes: u64,
    time: Duration,
    slow_rate: u64,
) -> bool {
    time >= limits.slow_after && bytes < bytes_in(slow_rate, time)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::sync::Arc;

    use super::*;
    use crate::download::transfer::Accounting;
    use crate::net::Bandwidth;

    const LIMITS: limits::Downloads = limits::Downloads::DEFAULT;

    /// Once, a version was given up, and its holders counted as slow, because of `--download-limit`.
    #[test]
    fn the_users_limit_does_not_make_a_version_slow() {
        let now = Instant::now();
        for (limit, is_blamed) in [(None, true), (NonZeroU64::new(4096), false)] {
            let slow_rate =
                Accounting::new(Arc::default(), Bandwidth::new(limit), Arc::default()).slow_rate();
            let mut steady = Steady::new(&LIMITS, 0, now, slow_rate);
            let (mut has_stopped, mut slow) = (false, false);
            for second in 1..=30 {
                let time = Duration::from_secs(second);
                has_stopped |= steady.has_stopped(second * 1000, now + time);
                slow |= is_slow(&LIMITS, second * 1000, time, slow_rate);
            }
            assert_eq!((has_stopped, slow), (is_blamed, is_blamed), "{limit:?}");
        }
    }
}
