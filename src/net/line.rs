//! The line of a simulated peer: a latency, and a rate that can change.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A piece is the number of bytes that the line carries in this time.
const PIECE_TIME: Duration = Duration::from_millis(20);
/// The bounds of pieces: the data of a packet, and a write of an upload.
const PIECES: (u64, u64) = (1_460, 64 * 1024);

/// The line of a peer. Its connections share it. Clones are the same line.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    latency: Duration,
    /// Bytes per second; 0 is no limit.
    rate: AtomicU64,
    /// When the bytes that were sent have left; `None` before the first ones.
    free_at: Mutex<Option<Instant>>,
}

impl Line {
    /// A line on which bytes arrive after this time, and are sent at this rate in bytes per second. The time of a
    /// round trip between two peers is the sum of their latencies.
    pub fn new(latency: Duration, rate: Option<u64>) -> Self {
        let rate = AtomicU64::new(rate.unwrap_or(0));
        Self(Arc::new(Shared { latency, rate, free_at: Mutex::default() }))
    }

    /// After this time bytes arrive.
    pub fn latency(&self) -> Duration {
        self.0.latency
    }

    /// Bytes per second that are sent; `None` without a limit.
    pub fn rate(&self) -> Option<u64> {
        Some(self.0.rate.load(Ordering::Relaxed)).filter(|rate| *rate > 0)
    }

    /// Changes the rate for bytes that are sent from now on.
    pub fn set_rate(&self, rate: Option<u64>) {
        self.0.rate.store(rate.unwrap_or(0), Ordering::Relaxed);
    }

    /// Waits until the line is free. Returns how many of `count` bytes may be sent then.
    pub(super) fn wait_to_send(&self, count: usize) -> usize {
        let Some(rate) = self.rate() else { return count };
        let most = u128::from(rate) * PIECE_TIME.as_millis() / 1_000;
        let most = u64::try_from(most).unwrap_or(u64::MAX).clamp(PIECES.0, PIECES.1);
        let count = count.min(usize::try_from(most).unwrap_or(usize::MAX));
        let takes = time_for(count, rate);
        let now = Instant::now();
        let begins = {
            let mut free_at = self.0.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let begins = free_at.map_or(now, |free_at| free_at.max(now));
            *free_at = begins.checked_add(takes);
            begins
        };
        thread::sleep(begins.saturating_duration_since(now));
        count
    }
}

/// The time that this number of bytes takes at a rate per second.
fn time_for(count: usize, rate: u64) -> Duration {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    Duration::from_nanos(count.saturating_mul(1_000_000_000) / rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_rate_has_its_time() {
        for (count, rate, nanos) in [
            (1, 1, 1_000_000_000),
            (65_536, 67_108_864, 976_562),
            (65_536, 600_000_000, 109_226),
            (65_536, 3_000_000_000, 21_845),
            (0, 5, 0),
        ] {
            assert_eq!(time_for(count, rate), Duration::from_nanos(nanos), "{count} at {rate}");
        }
    }
}
