//! The rate at which a reply arrives, and pauses in which this peer does not read it (protocol.md
//! section 7).

use std::time::Duration;

use crate::limits::ReadRate;

/// The rate at which a reply arrives: an index server that rarely sends a line must not keep a
/// peer reading forever. Time in which the peer does not read does not count.
#[derive(Debug, Default)]
pub(super) struct ReplyRate {
    least: ReadRate,
    waited: Duration,
    received: u64,
    /// When the peer began to wait for bytes, or last got some.
    since: Option<Duration>,
    /// The longest time in which this peer did not read, for example because its own output was not
    /// read.
    pub(super) paused: Duration,
}

impl ReplyRate {
    /// A reply that must arrive at this rate.
    pub(super) fn new(least: ReadRate) -> Self {
        Self { least, ..Self::default() }
    }

    /// The peer begins to wait for bytes.
    pub(super) fn wait(&mut self, now: Duration) {
        if let Some(since) = self.since {
            self.paused = self.paused.max(now.saturating_sub(since));
        }
        self.since = Some(now);
    }

    /// The peer has stopped waiting. Returns how long it has waited.
    pub(super) fn stop(&mut self, now: Duration) -> Duration {
        now.saturating_sub(self.since.replace(now).unwrap_or(now))
    }

    /// Counts what one read brought; returns whether the rate is high enough.
    pub(super) fn holds(&mut self, waited: Duration, count: usize) -> bool {
        self.waited = self.waited.saturating_add(waited);
        self.received = self.received.saturating_add(count as u64);
        if self.waited < self.least.time {
            return true;
        }
        let holds = self.received >= self.least.bytes;
        (self.waited, self.received) = (Duration::ZERO, 0);
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_must_arrive_at_the_minimum_rate() {
        let mut rate = ReplyRate::default();
        let second = Duration::from_secs(1);
        assert!((1..60).all(|_| rate.holds(second, 1)));
        assert!(!rate.holds(second, 1));
        assert!((0..300).all(|_| rate.holds(second, 2_000)));
    }

    #[test]
    fn the_longest_pause_counts() {
        let at = Duration::from_secs;
        let mut rate = ReplyRate::default();
        rate.wait(at(5));
        assert_eq!((rate.paused, rate.stop(at(8))), (at(0), at(3)));
        rate.wait(at(17));
        assert_eq!(rate.stop(at(18)), at(1));
        rate.wait(at(20));
        assert_eq!(rate.paused, at(9));
    }
}
