//! The rate at which a reply arrives, and pauses in which this program does not read it (protocol.md
//! section 7).

use std::time::{Duration, Instant};

use crate::limits;

/// The rate at which a reply arrives: an index that sends a line now and then must not keep a peer
/// reading forever. Time that the peer itself takes does not count.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waited: Duration,
    received: u64,
    last_read: Option<Instant>,
    /// The longest time in which this program did not read: its own output may not be read.
    pub(super) paused: Duration,
}

impl Pace {
    /// Reading begins again.
    pub(super) fn read_again(&mut self, now: Instant) {
        if let Some(last) = self.last_read {
            self.paused = self.paused.max(now.saturating_duration_since(last));
        }
    }

    /// Reading has ended, and what was read is used.
    pub(super) fn has_read(&mut self, now: Instant) {
        self.last_read = Some(now);
    }

    /// Takes what one read brought; `false` if it is too slow.
    pub(super) fn holds(&mut self, waited: Duration, count: usize) -> bool {
        self.waited += waited;
        self.received = self.received.saturating_add(count as u64);
        if self.waited < limits::PROGRESS_TIME {
            return true;
        }
        let holds = self.received >= limits::PROGRESS_BYTES;
        (self.waited, self.received) = (Duration::ZERO, 0);
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_must_arrive_at_the_least_rate() {
        let mut pace = Pace::default();
        let second = Duration::from_secs(1);
        assert!((1..60).all(|_| pace.holds(second, 1)));
        assert!(!pace.holds(second, 1));
        assert!((0..300).all(|_| pace.holds(second, 2_000)));
    }

    #[test]
    fn the_longest_pause_counts() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.read_again(now);
        assert_eq!(pace.paused, Duration::ZERO);
        for seconds in [9, 2] {
            pace.has_read(now);
            pace.read_again(now + Duration::from_secs(seconds));
        }
        assert_eq!(pace.paused, Duration::from_secs(9));
    }
}
