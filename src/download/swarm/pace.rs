//! Whether a version of a document comes fast enough, while holders of another one are left (protocol.md
//! section 7).

use std::time::{Duration, Instant};

use crate::limits;

/// Whether what has come of a version grows.
#[derive(Debug)]
pub(super) struct Steady {
    since: Instant,
    bytes: u64,
    has_begun: bool,
}

impl Steady {
    /// From now on, with so many bytes.
    pub(super) fn new(bytes: u64, now: Instant) -> Self {
        Self { since: now, bytes, has_begun: false }
    }

    /// Whether it has begun to grow, and then has hardly grown for a while.
    pub(super) fn has_stopped(&mut self, bytes: u64, now: Instant) -> bool {
        let least = limits::BEGINNING_RATE.saturating_mul(limits::STOPPED_AFTER.as_secs());
        if bytes.saturating_sub(self.bytes) >= least {
            *self = Self { since: now, bytes, has_begun: true };
        }
        self.has_begun && now.saturating_duration_since(self.since) >= limits::STOPPED_AFTER
    }
}

/// Whether a version comes so slowly that holders of another one are asked first.
pub(super) fn is_slow(bytes: u64, time: Duration) -> bool {
    time >= limits::SLOW_AFTER && bytes < limits::SLOW_RATE.saturating_mul(time.as_secs())
}
