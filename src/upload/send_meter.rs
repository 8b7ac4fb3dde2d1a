//! How much of one upload was sent, and at which rate (protocol.md section 7).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::limits;
use crate::net::Connection;

/// Time over which a rate is measured.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts the bytes of one upload. One thread adds, others read.
#[derive(Debug)]
pub(super) struct SendMeter {
    made: Instant,
    /// Microseconds until the first byte could be sent.
    begun: AtomicU64,
    sent: AtomicU64,
    /// Microseconds until the current window, and the bytes that were sent before it.
    window: AtomicU64,
    sent_before_window: AtomicU64,
    /// The rate of the last complete window, in bytes per second, plus one; 0 before there is one.
    last_rate: AtomicU64,
    /// Microseconds until the last check of the reader, and the bytes that it had acknowledged then.
    checked: AtomicU64,
    acknowledged: AtomicU64,
    /// The rate at which the reader took it between the last two checks, in bytes per second, plus one; 0
    /// before the second one.
    read_rate: AtomicU64,
    is_slow: AtomicBool,
}

impl SendMeter {
    /// Starts at zero.
    pub(super) fn start() -> Self {
        Self {
            made: Instant::now(),
            begun: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            window: AtomicU64::new(0),
            sent_before_window: AtomicU64::new(0),
            last_rate: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            read_rate: AtomicU64::new(0),
            is_slow: AtomicBool::new(false),
        }
    }

    /// Restarts the time: until now the upload has only waited.
    pub(super) fn begin(&self) {
        let now = micros(self.made.elapsed());
        self.begun.store(now, Ordering::Relaxed);
        self.window.store(now, Ordering::Relaxed);
        self.restart_check();
    }

    /// Restarts the time in which the reader has to take what it is sent.
    pub(super) fn restart_check(&self) {
        self.checked.store(micros(self.made.elapsed()), Ordering::Relaxed);
        self.is_slow.store(false, Ordering::Relaxed);
    }

    /// Compares what the reader has taken with [`limits::SLOW_READER`], unless that was done a moment
    /// ago. Only the thread that sends calls it.
    pub(super) fn check_reader(&self, stream: &Connection) {
        let time = self.since(&self.checked);
        if time < limits::SLOT_TIME {
            return;
        }
        // Where the system does not tell, all that it has taken counts.
        let found = stream.unacknowledged().ok().flatten();
        let acknowledged = self.sent().saturating_sub(found.unwrap_or(0));
        let before = self.acknowledged.swap(acknowledged, Ordering::Relaxed);
        let read = rate(acknowledged.saturating_sub(before), time);
        self.read_rate.store(read.saturating_add(1), Ordering::Relaxed);
        let lets_wait = found.is_none_or(|found| found >= limits::SLOW_BACKLOG);
        self.is_slow.store(lets_wait && read < limits::SLOW_READER, Ordering::Relaxed);
        self.checked.store(micros(self.made.elapsed()), Ordering::Relaxed);
    }

    /// Whether the reader was slow at the last check.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn set_slow(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::Relaxed);
    }

    /// Counts bytes that were sent. Call it with 0 as well when nothing could be sent for a while.
    pub(super) fn add(&self, bytes: u64) {
        let sent = self.sent.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let now = self.age();
        let elapsed =
            now.saturating_sub(Duration::from_micros(self.window.load(Ordering::Relaxed)));
        if elapsed >= WINDOW {
            let before = self.sent_before_window.swap(sent, Ordering::Relaxed);
            let rate = rate(sent.saturating_sub(before), elapsed);
            self.last_rate.store(rate.saturating_add(1), Ordering::Relaxed);
            self.window.store(micros(self.made.elapsed()), Ordering::Relaxed);
        }
    }

    /// Bytes that were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Time since the upload began.
    pub(super) fn age(&self) -> Duration {
        self.since(&self.begun)
    }

    fn since(&self, time: &AtomicU64) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_micros(time.load(Ordering::Relaxed)))
    }

    /// The rate at which the reader takes the document, in bytes per second. The rate of sending differs:
    /// the system accepts megabytes for a slow reader within milliseconds, and then nothing for seconds.
    pub(super) fn read_rate(&self) -> u64 {
        self.read_rate.load(Ordering::Relaxed).checked_sub(1).unwrap_or_else(|| self.rate())
    }

    /// The present rate in bytes per second: an estimate, as other threads see it.
    pub(super) fn rate(&self) -> u64 {
        let elapsed = self.since(&self.window);
        let sent = self.sent().saturating_sub(self.sent_before_window.load(Ordering::Relaxed));
        match self.last_rate.load(Ordering::Relaxed).checked_sub(1) {
            // The current window is too short to say anything.
            Some(last) if elapsed < WINDOW => last,
            _ => rate(sent, elapsed),
        }
    }
}

fn rate(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000 / time.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::pipe;

    /// The rate of sending jumps if the system accepts many bytes within a moment, and then none.
    #[test]
    fn the_rate_of_a_reader_is_that_of_what_it_takes() {
        let (stream, reader) = pipe();
        let mut meter = SendMeter::start();
        let pass = |meter: &mut SendMeter, time| meter.made = meter.made.checked_sub(time).unwrap();
        for _ in 0..5 {
            for sent in [20_000, 0] {
                pass(&mut meter, limits::SLOT_TIME);
                assert_eq!(stream.write(&vec![0; sent]).unwrap(), sent);
                meter.add(sent as u64);
                let mut bytes = vec![0; 10_000];
                assert_eq!(reader.read(&mut bytes, None).unwrap(), bytes.len());
                meter.check_reader(&stream);
                assert!((1000..=3334).contains(&meter.read_rate()), "{}", meter.read_rate());
            }
            assert_eq!(meter.rate(), 0);
        }
    }

    #[test]
    fn rates_are_bytes_per_second() {
        assert_eq!(rate(1000, Duration::from_millis(500)), 2000);
        assert_eq!(rate(0, Duration::ZERO), 0);
        assert_eq!(rate(u64::MAX, Duration::ZERO), u64::MAX);
        let meter = SendMeter::start();
        meter.add(1000);
        assert_eq!(meter.sent(), 1000);
        assert!(meter.rate() > 0);
    }
}
