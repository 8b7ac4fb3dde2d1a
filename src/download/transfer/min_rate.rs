//! The minimum rate of a download (protocol.md section 7).

use std::io;
use std::iter;
use std::time::{Duration, Instant};

use crate::download::model::TransferError;
use crate::limits::{self, bytes_in};
use crate::net::Connection;

/// Checks in each period of time that a holder is fast enough.
#[derive(Debug)]
pub(in crate::download) struct MinRate {
    least: Window,
    /// A higher rate, and one that detects a stop, while other holders can be asked.
    preferred: Option<Window>,
    steady: Option<Window>,
    /// When the last read ended. This program has used the time since then.
    returned: Instant,
}

/// The rates that a document must have while other holders can be asked.
#[derive(Clone, Copy, Debug)]
pub(in crate::download) struct PreferredRates {
    /// The period in which something must arrive.
    pub(in crate::download) stopped_after: Duration,
    /// The period in which `rate` must be reached.
    pub(in crate::download) slow_after: Duration,
    /// Bytes a second.
    pub(in crate::download) rate: u64,
}

impl PreferredRates {
    /// The rates of proven holders.
    pub(in crate::download) fn usual(limits: &limits::Downloads) -> Self {
        let limits::Downloads { stopped_after, slow_after, slow_rate, .. } = *limits;
        Self { stopped_after, slow_after, rate: slow_rate }
    }
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
    /// `patience` is the period in which the minimum rate must be reached. `preferred_rates` has the higher rates,
    /// while other holders can be asked.
    pub(in crate::download) fn new(
        limits: &limits::Downloads,
        patience: Duration,
        preferred_rates: Option<PreferredRates>,
    ) -> Self {
        let least = Window::new(patience, limits.min_rate);
        let steady =
            preferred_rates.map(|rates| Window::new(rates.stopped_after, limits.beginning_rate));
        let preferred = preferred_rates.map(|rates| Window::new(rates.slow_after, rates.rate));
        Self { least, preferred, steady, returned: Instant::now() }
    }

    /// Reads once; 0 is the end. Only the time in this function counts: the holder is not responsible
    /// for a limit on bytes per second here, a slow disk, or a program that was stopped.
    pub(in crate::download) fn read(
        &mut self,
        stream: &Connection,
        chunk: &mut [u8],
    ) -> Result<usize, TransferError> {
        let read = self.read_until(stream, chunk, None);
        // Without a time of its own, only the rate ends the wait.
        read.map(Option::unwrap_or_default)
    }

    /// The same; `None` if nothing has arrived until then.
    pub(in crate::download) fn read_until(
        &mut self,
        stream: &Connection,
        chunk: &mut [u8],
        until: Option<Instant>,
    ) -> Result<Option<usize>, TransferError> {
        let time_here = self.returned.elapsed();
        for window in self.windows() {
            window.since += time_here;
        }
        let result = self.read_in_time(stream, chunk, until);
        self.returned = Instant::now();
        result
    }

    fn read_in_time(
        &mut self,
        stream: &Connection,
        chunk: &mut [u8],
        until: Option<Instant>,
    ) -> Result<Option<usize>, TransferError> {
        loop {
            let now = Instant::now();
            let end = self.windows().map(|window| window.end()).min().unwrap_or(now);
            match stream.read(chunk, Some(until.map_or(end, |until| until.min(end)))) {
                Ok(count) => {
                    for window in self.windows() {
                        window.add(count);
                    }
                    // A burst does not permit a pause after it.
                    if let Some(steady) = &mut self.steady {
                        steady.restart_if_reached();
                    }
                    return Ok(Some(count));
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
                    if until.is_some_and(|until| now >= until) {
                        return Ok(None);
                    }
                }
                // A reset may follow the last byte of a document without length, but it cannot be
                // distinguished from a truncated document.
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
        limits::end_of(self.since, self.time)
    }

    fn add(&mut self, count: usize) {
        self.bytes = self.bytes.saturating_add(count as u64);
    }

    /// Begins the next period if this one is over. Returns the number of bytes if it was too low.
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
        self.bytes >= bytes_in(self.bytes_per_second, self.time)
    }

    fn restart_if_reached(&mut self) {
        if self.is_reached() {
            *self = Self::new(self.time, self.bytes_per_second);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::pipe;

    /// A program that was stopped for some seconds, or waited for its disk, blamed the holder.
    #[test]
    fn time_between_two_reads_is_not_the_holders() {
        let (stream, holder) = pipe();
        let limits = limits::Downloads::DEFAULT;
        let mut rate =
            MinRate::new(&limits, limits.min_rate_time, Some(PreferredRates::usual(&limits)));
        let mut pass = |time: Duration, is_here: bool| {
            let back = |at: &mut Instant| *at = at.checked_sub(time).unwrap();
            rate.windows().for_each(|window| back(&mut window.since));
            if is_here {
                back(&mut rate.returned);
            }
            assert_eq!(holder.write(&[7; 100]).unwrap(), 100);
            rate.read(&stream, &mut [0; 100])
        };
        for _ in 0..3 {
            assert_eq!(pass(limits.min_rate_time * 2, true).unwrap(), 100);
        }
        let error = pass(limits.stopped_after, false).unwrap_err();
        assert!(matches!(error, TransferError::Slow { bytes: 300, .. }), "{error:?}");
    }
}
