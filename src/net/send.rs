//! Writing to a reader that holds the minimum read rate (protocol.md section 7).

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::Stop;
use crate::{limits, system};

/// Writes everything, to a reader that holds the minimum read rate (protocol.md section 7).
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when the other side takes less than 64 KiB in a minute, and
/// whatever writing brings.
pub fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    ReadClock::default().send_or_wait(stream, bytes, || ())
}

/// Measures how far the reader of a connection is behind the minimum rate, and ends the connection
/// when that is too much (protocol.md section 7).
///
/// Only the time of sending counts: what the sender does between two calls, such as waiting for
/// its own rate limiter, is not the reader's fault. And only what the reader's system has
/// acknowledged counts as read: this system's buffer takes megabytes before it lets a sender wait.
#[derive(Debug, Default)]
pub struct ReadClock {
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
    /// Time of sending since the last check.
    waited: Duration,
    /// Whether the reader has ever let its sender wait.
    is_slow: bool,
}

impl ReadClock {
    /// Sends once from a place of a file, at most `count` bytes; moves `offset` past the bytes that
    /// were sent, and returns how many they are: 0 if the socket's timeout passed before.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the reader is below the minimum rate,
    /// [`io::ErrorKind::WriteZero`] when the file ends before, and whatever writing brings.
    pub fn send_file(
        &mut self,
        stream: &TcpStream,
        file: &File,
        offset: &mut u64,
        count: u64,
    ) -> io::Result<u64> {
        let count = self.measure(stream, || system::send_file(file, stream, *offset, count))?;
        *offset = offset.saturating_add(count);
        Ok(count)
    }

    /// Writes everything; calls `before_waiting` if the other side does not take it immediately.
    ///
    /// # Errors
    /// As [`send`].
    pub fn send_or_wait(
        &mut self,
        stream: &TcpStream,
        bytes: &[u8],
        before_waiting: impl FnOnce(),
    ) -> io::Result<()> {
        let sent = if bytes.is_empty() { 0 } else { system::send_at_once(stream, bytes)? };
        self.sent = self.sent.saturating_add(sent as u64);
        let rest = bytes.get(sent..).unwrap_or_default();
        if rest.is_empty() {
            // As mostly, and no time had to be measured.
            return Ok(());
        }
        before_waiting();
        self.send(stream, rest)
    }

    /// Writes what something else follows immediately, such as a head: it leaves together with
    /// that.
    ///
    /// # Errors
    /// As [`send`].
    pub fn send_before(&mut self, stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        self.send_all(stream, bytes, |rest| system::send_before(stream, rest))
    }

    /// Writes everything.
    ///
    /// # Errors
    /// As [`send`].
    pub fn send(&mut self, stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        self.send_all(stream, bytes, |rest| (&mut &*stream).write(rest))
    }

    fn send_all(
        &mut self,
        stream: &TcpStream,
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
        stream: &TcpStream,
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
    pub fn finish(&mut self, stream: &TcpStream, stop: &Stop) -> io::Result<()> {
        const LONGEST_PAUSE: Duration = Duration::from_millis(500);
        let mut pause = Duration::from_millis(5);
        while self.is_slow && !stop.is_stopping() {
            if !matches!(system::unacknowledged(stream), Ok(Some(1..))) {
                break;
            }
            let begun = Instant::now();
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.count(stream, 0, begun.elapsed())?;
        }
        Ok(())
    }

    fn count(&mut self, stream: &TcpStream, sent: u64, waited: Duration) -> io::Result<()> {
        self.sent = self.sent.saturating_add(sent);
        self.waited = self.waited.saturating_add(waited);
        if !self.is_slow && self.waited >= limits::SEND_CHECK {
            self.is_slow = true;
            system::allow_slow_reader(stream)?;
            self.find_acknowledged(stream);
        }
        if self.waited >= limits::READ_CHECK || self.is_too_slow() {
            let acknowledged = self.find_acknowledged(stream);
            self.check(acknowledged);
        }
        if self.is_too_slow() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Finds out how many bytes were acknowledged, in all.
    fn find_acknowledged(&mut self, stream: &TcpStream) -> u64 {
        // Where the system does not tell, its buffer has as many as before.
        let found = system::unacknowledged(stream).ok().flatten();
        self.queued = found.unwrap_or(self.queued);
        // Some may have been sent before this clock was started.
        self.sent = self.sent.max(self.queued);
        self.sent.saturating_sub(self.queued)
    }

    /// Compares what was acknowledged, in all, with the time of sending.
    fn check(&mut self, acknowledged: u64) {
        let read = acknowledged.saturating_sub(self.acknowledged);
        // What is read faster does not pay for a later minute.
        self.behind = self.behind_now().saturating_sub(read);
        let is_small = (1..=limits::STEADY_STEP).contains(&read);
        self.steady = if is_small { self.steady.saturating_add(1) } else { 0 };
        self.acknowledged = self.acknowledged.max(acknowledged);
        self.waited = Duration::ZERO;
    }

    fn behind_now(&self) -> u64 {
        let millis = u64::try_from(self.waited.as_millis()).unwrap_or(u64::MAX);
        let due = millis.saturating_mul(limits::PROGRESS_BYTES)
            / u64::try_from(limits::PROGRESS_TIME.as_millis()).unwrap_or(u64::MAX);
        self.behind.saturating_add(due)
    }

    /// A system whose buffer is full acknowledges nothing until much of it is free again: a sixteenth,
    /// or two segments, which have 64 KiB on loopback. The buffer is no larger than what was
    /// acknowledged. Where small amounts are acknowledged steadily, nothing is hidden.
    fn is_too_slow(&self) -> bool {
        const STEADY: u32 = 3;
        let hidden = match self.steady {
            STEADY.. => limits::STEADY_STEP,
            _ => self.acknowledged.clamp(limits::PROGRESS_BYTES, 2 * limits::PROGRESS_BYTES),
        };
        let of_large = (self.acknowledged / 16).min(limits::READ_UNSEEN);
        self.behind_now() >= hidden.max(of_large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds until a reader is found too slow that acknowledges `step` bytes each `every` seconds.
    fn found_after(first: u64, step: u64, every: u64) -> Option<u64> {
        let mut clock = ReadClock::default();
        let mut acknowledged = first;
        (1..3600).find(|second| {
            clock.waited += Duration::from_secs(1);
            if second % every == 0 {
                acknowledged += step;
            }
            if clock.waited >= limits::READ_CHECK || clock.is_too_slow() {
                clock.check(acknowledged);
            }
            clock.is_too_slow()
        })
    }

    #[test]
    fn a_reader_below_the_minimum_rate_is_found() {
        // Nothing is read, or what the system's own buffer takes.
        assert_eq!(found_after(0, 0, 1), Some(61));
        assert_eq!(found_after(64 * 1024, 0, 1), Some(71));
        assert_eq!(found_after(256 * 1024, 0, 1), Some(131));
        // What was read before does not count for ever.
        assert!(found_after(1 << 30, 0, 1).is_some_and(|after| after <= 195));
        // 44 KiB in a minute, in small and in large steps.
        assert!(found_after(0, 751, 1).is_some_and(|after| after <= 120));
        assert!(found_after(128 * 1024, 65_483, 87).is_some_and(|after| after <= 300));
    }

    #[test]
    fn a_reader_that_holds_the_minimum_rate_is_never_found() {
        assert_eq!(found_after(0, 1100, 1), None);
        // On loopback a segment has 64 KiB, and nothing smaller is acknowledged.
        assert_eq!(found_after(65_483, 65_483, 59), None);
        assert_eq!(found_after(131_000, 131_000, 119), None);
        // It pauses after it has read steadily.
        let mut clock = ReadClock::default();
        let second = Duration::from_secs(1);
        for at in 1..1000 {
            clock.waited += second;
            if clock.waited >= limits::READ_CHECK || clock.is_too_slow() {
                clock.check(at / 100 * 110_000 + (at % 100).min(55) * 2000);
            }
            assert!(!clock.is_too_slow(), "{at}");
        }
        // A sixteenth of a large buffer.
        assert_eq!(found_after(2 << 20, 128 << 10, 110), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_only_fills_the_buffers_is_not_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (sender, _) = listener.accept().unwrap();
        sender.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while let Ok(count) = (&sender).write(&[0; 64 * 1024]) {
            sent += count as u64;
        }
        let mut clock = ReadClock::default();
        clock.count(&sender, sent, limits::PROGRESS_TIME).unwrap();
        assert!(clock.acknowledged < sent, "{} of {sent}", clock.acknowledged);
        assert!(clock.count(&sender, 0, limits::PROGRESS_TIME * 4).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_an_earlier_reply_has_left_in_the_buffer_counts_as_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (sender, _) = listener.accept().unwrap();
        sender.set_nonblocking(true).unwrap();
        while (&sender).write(&[0; 64 * 1024]).is_ok() {}
        let mut clock = ReadClock::default();
        clock.count(&sender, 0, limits::SEND_CHECK).unwrap();
        let queued = clock.queued;
        assert!(queued > limits::PROGRESS_BYTES, "{queued}");
        // A reader that reads on holds the rate, although none of the reply was acknowledged.
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut read = vec![0; 64 * 1024];
        while system::unacknowledged(&sender).unwrap().unwrap() > queued / 2 {
            assert!(Instant::now() < deadline, "it acknowledges nothing");
            let _ = io::Read::read(&mut reader, &mut read).unwrap();
        }
        clock.count(&sender, 0, limits::PROGRESS_TIME).unwrap();
        assert!(clock.acknowledged >= queued / 2, "{} of {queued}", clock.acknowledged);
    }

    /// The index server writes the replies of a pipeline one after the other. A reader whose system
    /// has a large buffer acknowledges much at a time, and was cut after a minute within one reply.
    #[cfg(target_os = "linux")]
    #[test]
    fn replies_of_one_connection_share_a_clock() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (sender, _) = listener.accept().unwrap();
        let mut clock = ReadClock::default();
        let bytes = vec![7; 16 * 1024];
        let mut read = vec![0; bytes.len()];
        for _ in 0..128 {
            clock.send_or_wait(&sender, &bytes, || panic!("it waits")).unwrap();
            io::Read::read_exact(&mut reader, &mut read).unwrap();
        }
        // The reader has taken 2 MiB, so 65 KiB more may be hidden in its system.
        let deadline = Instant::now() + Duration::from_secs(30);
        while system::unacknowledged(&sender).unwrap() != Some(0) {
            assert!(Instant::now() < deadline, "it acknowledges nothing");
            thread::yield_now();
        }
        clock.count(&sender, 0, limits::READ_CHECK).unwrap();
        clock.count(&sender, 0, limits::PROGRESS_TIME).unwrap();
        assert!(clock.count(&sender, 0, limits::PROGRESS_TIME * 2).is_err());
    }

    /// Linux ends the connection of a reader that keeps its window small for the time that data may
    /// stay unacknowledged, although it acknowledges what it gets.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_slow_reader_is_judged_by_the_clock_alone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (sender, _) = listener.accept().unwrap();
        crate::net::set_options(&sender).unwrap();
        let bound = || socket2::SockRef::from(&sender).tcp_user_timeout().unwrap();
        assert!(bound().is_some());
        let bytes = vec![7; 32 * 1024 * 1024];
        thread::scope(|scope| {
            let sent = scope.spawn(|| send(&sender, &bytes));
            let deadline = Instant::now() + Duration::from_secs(30);
            while bound().is_some_and(|time| !time.is_zero()) {
                assert!(Instant::now() < deadline, "it is bounded still");
                thread::yield_now();
            }
            let mut read = vec![0; bytes.len()];
            io::Read::read_exact(&mut reader, &mut read).unwrap();
            sent.join().unwrap().unwrap();
        });
    }
}
