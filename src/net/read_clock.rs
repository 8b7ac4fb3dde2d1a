//! The minimum read rate: how fast the other side reads what it is sent (protocol.md section 7).

use std::fs::File;
use std::io;
use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use super::Stop;
use super::connection::Connection;
use crate::limits::{self, ReadRate};
use crate::system;

/// Measures how far the reader of a connection is behind the minimum rate, and ends the connection
/// when that is too much (protocol.md section 7).
///
/// Only the time of sending counts. The time between two calls, in which the sender may wait for its own
/// rate limiter, counts only if the reader acknowledges nothing of what it was sent before. Only bytes
/// that the reader's system has acknowledged count as read, because the send buffer of this system
/// takes megabytes before a write blocks.
#[derive(Debug, Default)]
pub struct ReadClock {
    rate: ReadRate,
    /// Bytes that were sent.
    sent: u64,
    /// Bytes that were not acknowledged at the last check.
    queued: u64,
    /// Bytes that were acknowledged at the last check.
    acknowledged: u64,
    /// Bytes by which the reader was behind the minimum rate at the last check.
    behind: u64,
    /// Checks in a row at which a little more had been acknowledged.
    steady: u32,
    /// Time of sending since the first of the acknowledgements in a row that have left the reader far behind;
    /// `None` if the last one has not.
    late: Option<Duration>,
    /// Time of sending since the last check.
    waited: Duration,
    /// Whether the reader has ever let its sender wait.
    is_slow: bool,
    /// Time since the last check of a pause in which the sender waited for something else.
    paused: Duration,
    /// Bytes that were acknowledged at that check.
    acknowledged_in_pause: u64,
}

impl ReadClock {
    /// A clock for a reader that must read at this rate.
    pub fn new(rate: ReadRate) -> Self {
        Self { rate, ..Self::default() }
    }

    /// Sends at most `count` bytes of a file, with one system call; moves `offset` past the sent bytes,
    /// and returns their number: 0 if the socket's timeout passed before.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the reader is below the minimum rate,
    /// [`io::ErrorKind::WriteZero`] when the file ends before, and any error of the write.
    pub fn send_file(
        &mut self,
        stream: &Connection,
        file: &File,
        offset: &mut u64,
        count: u64,
    ) -> io::Result<u64> {
        let count = self.measure(stream, || stream.send_file(file, *offset, count))?;
        *offset = offset.saturating_add(count);
        Ok(count)
    }

    /// Writes everything; calls `before_waiting` before a write that may block.
    ///
    /// # Errors
    /// As [`ReadClock::send_file`].
    pub fn send_or_wait(
        &mut self,
        stream: &Connection,
        bytes: &[u8],
        before_waiting: impl FnOnce(),
    ) -> io::Result<()> {
        let tries = system::SENDS_WITHOUT_WAITING && !bytes.is_empty();
        let sent = if !tries { 0 } else { stream.try_write(bytes)? };
        self.sent = self.sent.saturating_add(sent as u64);
        let rest = bytes.get(sent..).unwrap_or_default();
        if rest.is_empty() {
            // The common case, which needs no clock.
            return Ok(());
        }
        before_waiting();
        self.send(stream, rest)
    }

    /// Writes bytes that others follow immediately, such as a head, so that both share a segment.
    ///
    /// # Errors
    /// As [`ReadClock::send_file`].
    pub fn send_more(&mut self, stream: &Connection, bytes: &[u8]) -> io::Result<()> {
        self.send_all(stream, bytes, |rest| stream.write_more(rest))
    }

    /// Writes everything.
    ///
    /// # Errors
    /// As [`ReadClock::send_file`].
    pub fn send(&mut self, stream: &Connection, bytes: &[u8]) -> io::Result<()> {
        self.send_all(stream, bytes, |rest| stream.write(rest))
    }

    fn send_all(
        &mut self,
        stream: &Connection,
        bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = self.measure(stream, || write(rest))?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Writes once.
    fn measure(
        &mut self,
        stream: &Connection,
        mut write: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<u64> {
        let begun = Instant::now();
        let count = match write() {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => count as u64,
            // The timeout of the socket on Unix. `TimedOut` is there the end of the connection.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                0
            }
            Err(error) => return Err(error),
        };
        self.count(stream, count, begun.elapsed())?;
        Ok(count)
    }

    /// Waits until a slow reader's system has acknowledged everything. Otherwise the system would
    /// continue alone after the connection is closed, and might give up a reader with a small window.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the reader is below the minimum rate.
    pub fn finish(&mut self, stream: &Connection, stop: &Stop) -> io::Result<()> {
        const LONGEST_PAUSE: Duration = Duration::from_millis(500);
        let mut pause = Duration::from_millis(5);
        while self.is_slow && !stop.is_stopping() {
            if !matches!(stream.unacknowledged(), Ok(Some(1..))) {
                break;
            }
            let begun = Instant::now();
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.has_waited(stream, begun.elapsed())?;
        }
        Ok(())
    }

    /// Counts time in which the sender has only waited for acknowledgements.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the reader is below the minimum rate.
    pub fn has_waited(&mut self, stream: &Connection, time: Duration) -> io::Result<()> {
        self.count(stream, 0, time)
    }

    /// Counts time in which the sender has waited for something else, such as its own rate limit. It
    /// counts against the reader only if bytes were unacknowledged and stayed so. Otherwise a low rate
    /// limit would hide a reader that reads nothing until the buffer of this system is full.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the reader is below the minimum rate.
    pub fn has_paused(&mut self, stream: &Connection, time: Duration) -> io::Result<()> {
        self.paused = self.paused.saturating_add(time);
        if self.paused < limits::SEND_CHECK {
            return Ok(());
        }
        let paused = mem::take(&mut self.paused);
        let acknowledged = self.find_acknowledged(stream);
        let is_stuck = self.queued > 0 && acknowledged <= self.acknowledged_in_pause;
        self.acknowledged_in_pause = acknowledged;
        if is_stuck { self.count(stream, 0, paused) } else { Ok(()) }
    }

    fn count(&mut self, stream: &Connection, sent: u64, waited: Duration) -> io::Result<()> {
        self.sent = self.sent.saturating_add(sent);
        self.waited = self.waited.saturating_add(waited);
        if !self.is_slow && self.waited >= limits::SEND_CHECK {
            self.is_slow = true;
            stream.tcp().map_or(Ok(()), system::allow_slow_reader)?;
            self.find_acknowledged(stream);
        }
        let is_late = if self.waited >= limits::READ_CHECK || self.is_too_slow() {
            let acknowledged = self.find_acknowledged(stream);
            self.check(acknowledged)
        } else {
            false
        };
        if !is_late && !self.is_too_slow() {
            return Ok(());
        }
        // Otherwise the system would continue to send megabytes to this reader after the close, for hours.
        stream.tcp().map_or(Ok(()), system::discard_on_close)?;
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Returns how many bytes were acknowledged in all.
    fn find_acknowledged(&mut self, stream: &Connection) -> u64 {
        // Where the system does not report it, the number of unacknowledged bytes is unchanged.
        let found = stream.unacknowledged().ok().flatten();
        self.queued = found.unwrap_or(self.queued);
        // Some may have been sent before this clock was started.
        self.sent = self.sent.max(self.queued);
        self.sent.saturating_sub(self.queued)
    }

    /// Compares the bytes that were acknowledged in all with the time of sending. Returns whether all
    /// acknowledgements of the time of the minimum rate have left the reader far behind: just after an acknowledgement
    /// hardly any bytes are hidden.
    fn check(&mut self, acknowledged: u64) -> bool {
        let read = acknowledged.saturating_sub(self.acknowledged);
        // Bytes that were read faster than required do not count for a later minute.
        self.behind = self.behind_now().saturating_sub(read);
        let is_small = (1..=limits::STEADY_STEP).contains(&read);
        self.steady = if is_small { self.steady.saturating_add(1) } else { 0 };
        self.acknowledged = self.acknowledged.max(acknowledged);
        let waited = mem::take(&mut self.waited);
        let is_far_behind = self.behind >= self.rate.bytes / 2;
        self.late = match self.late {
            Some(late) if is_far_behind => Some(late.saturating_add(waited)),
            None if is_far_behind && read > 0 => Some(Duration::ZERO),
            _ => None,
        };
        read > 0 && self.late >= Some(self.rate.time)
    }

    fn behind_now(&self) -> u64 {
        self.behind.saturating_add(self.rate.due(self.waited))
    }

    /// A system whose buffer is full acknowledges nothing until much of it is free again: a sixteenth,
    /// or two segments, which have 64 KiB on loopback. The buffer is no larger than what was
    /// acknowledged. Where small amounts are acknowledged steadily, nothing is hidden.
    fn is_too_slow(&self) -> bool {
        const STEADY: u32 = 3;
        let hidden = match self.steady {
            STEADY.. => limits::STEADY_STEP,
            _ => self.acknowledged.clamp(self.rate.bytes, self.rate.bytes.saturating_mul(2)),
        };
        let of_large = (self.acknowledged / 16).min(limits::READ_UNSEEN);
        self.behind_now() >= hidden.max(of_large)
    }
}

#[cfg(test)]
mod tests;
