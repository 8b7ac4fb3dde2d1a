//! The minimum rate of a download (protocol.md section 7).

use std::io;
use std::iter;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::download::transfer_error::TransferError;
use crate::limits;
use crate::net::read_before;

/// Whether a holder is fast enough: checked again and again, each time for what came since.
#[derive(Debug)]
pub(in crate::download) struct MinRate {
    least: Window,
    /// While other holders are left to ask, more is expected: not less than this, and not to stop.
    preferred: Option<Window>,
    steady: Option<Window>,
}

/// A rate that must be reached in each period of time.
#[derive(Debug)]
struct Window {
    time: Duration,
    bytes_per_second: u64,
    since: Instant,
    bytes: u64,
}

impl MinRate {
    /// `patience` is the time after which too little is too slow; `preferred` is the time in which
    /// more is expected, if holders are left that were not asked yet.
    pub(in crate::download) fn new(patience: Duration, preferred: Option<Duration>) -> Self {
        let least = limits::RATE_BYTES / limits::RATE_TIME.as_secs().max(1);
        let steady = Window::new(limits::STOPPED_AFTER, limits::BEGINNING_RATE);
        let steady = preferred.is_some().then_some(steady);
        let preferred = preferred.map(|time| Window::new(time, limits::SLOW_RATE));
        Self { least: Window::new(patience, least), preferred, steady }
    }

    /// Waits for something here, such as the limit on bytes a second: the holder is not to blame
    /// for that time.
    pub(in crate::download) fn excuse<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = wait();
        let time = begun.elapsed();
        for window in self.windows() {
            window.since += time;
        }
        result
    }

    /// Reads once; 0 is the end.
    pub(in crate::download) fn read(
        &mut self,
        stream: &TcpStream,
        chunk: &mut [u8],
    ) -> Result<usize, TransferError> {
        loop {
            let now = Instant::now();
            let end = self.windows().map(|window| window.end()).min().unwrap_or(now);
            match read_before(stream, chunk, end) {
                Ok(count) => {
                    for window in self.windows() {
                        window.add(count);
                    }
                    // What comes in a burst does not excuse a pause behind it.
                    if let Some(steady) = &mut self.steady {
                        steady.restart_if_reached();
                    }
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    let now = Instant::now();
                    if let Err(bytes) = self.least.check(now) {
                        return Err(TransferError::TooSlow { bytes, time: self.least.time });
                    }
                    for preferred in self.preferred.iter_mut().chain(&mut self.steady) {
                        if let Err(bytes) = preferred.check(now) {
                            return Err(TransferError::Slow { bytes, time: preferred.time });
                        }
                    }
                }
                // A reset after the last byte of a document without length is an end, too, but
                // nobody can tell it from a truncated one.
                Err(error) => return Err(TransferError::Lost(error)),
            }
        }
    }
}

impl MinRate {
    fn windows(&mut self) -> impl Iterator<Item = &mut Window> {
        iter::once(&mut self.least).chain(&mut self.preferred).chain(&mut self.steady)
    }
}

impl Window {
    fn new(time: Duration, bytes_per_second: u64) -> Self {
        Self { time, bytes_per_second, since: Instant::now(), bytes: 0 }
    }

    fn end(&self) -> Instant {
        self.since + self.time
    }

    fn add(&mut self, count: usize) {
        self.bytes = self.bytes.saturating_add(count as u64);
    }

    /// Begins the next period if this one is over; what came, if that was too little.
    fn check(&mut self, now: Instant) -> Result<(), u64> {
        if now < self.end() {
            return Ok(());
        }
        if !self.is_reached() {
            return Err(self.bytes);
        }
        *self = Self::new(self.time, self.bytes_per_second);
        Ok(())
    }

    fn is_reached(&self) -> bool {
        self.bytes >= self.bytes_per_second.saturating_mul(self.time.as_secs())
    }

    fn restart_if_reached(&mut self) {
        if self.is_reached() {
            *self = Self::new(self.time, self.bytes_per_second);
        }
    }
}
