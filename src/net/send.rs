//! Writing to a reader that holds the minimum read rate (protocol.md section 7).

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::{limits, system};

/// Writes everything, to a reader that holds the minimum read rate (protocol.md section 7).
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when the other side takes less than 64 KiB in a minute, and
/// whatever writing brings.
pub fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    send_or_wait(stream, bytes, || ())
}

/// The same; calls `before_waiting` if the other side does not take everything immediately.
///
/// # Errors
/// As [`send`].
pub fn send_or_wait(
    mut stream: &TcpStream,
    bytes: &[u8],
    before_waiting: impl FnOnce(),
) -> io::Result<()> {
    let sent = if bytes.is_empty() { 0 } else { system::send_at_once(stream, bytes)? };
    let rest = bytes.get(sent..).unwrap_or_default();
    if rest.is_empty() {
        // As mostly, and no clock had to be looked at.
        return Ok(());
    }
    before_waiting();
    ReadClock::default().send_all(rest, |rest| {
        let written = stream.write(rest);
        if written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            // The clock judges it from here on.
            system::allow_slow_reader(stream)?;
        }
        written
    })
}

/// Measures the time that the reader of one reply lets its sender wait, and ends the reply when the
/// reader is below the minimum rate (protocol.md section 7).
///
/// Only the time of sending counts: what the sender does between two calls, such as waiting for
/// its own rate limiter, is not the reader's fault.
#[derive(Debug, Default)]
pub struct ReadClock {
    /// Of the current period.
    waited: Duration,
    /// Of the current period.
    sent: u64,
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
        let count = self.measure(|| system::send_file(file, stream, *offset, count))?;
        *offset = offset.saturating_add(count);
        Ok(count)
    }

    /// Writes what something else follows immediately, such as a head: it leaves together with
    /// that.
    ///
    /// # Errors
    /// As [`send`].
    pub fn send_before(&mut self, stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        self.send_all(bytes, |rest| system::send_before(stream, rest))
    }

    fn send_all(
        &mut self,
        bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = self.measure(|| write(rest))?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Writes once.
    fn measure(&mut self, mut write: impl FnMut() -> io::Result<usize>) -> io::Result<u64> {
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
        self.count(count, begun.elapsed())?;
        Ok(count)
    }

    fn count(&mut self, sent: u64, waited: Duration) -> io::Result<()> {
        self.sent = self.sent.saturating_add(sent);
        self.waited = self.waited.saturating_add(waited);
        if self.sent >= limits::PROGRESS_BYTES {
            *self = Self::default();
        } else if self.waited >= limits::PROGRESS_TIME {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_below_the_minimum_rate_is_found_in_a_minute_of_sending() {
        let second = Duration::from_secs(1);
        // 1 KiB/s is below the rate, however small the pieces are.
        let mut clock = ReadClock::default();
        let seconds = (1..).find(|_| clock.count(1024, second).is_err()).unwrap();
        assert_eq!(seconds, 60);
        // 64 KiB in a minute hold it for ever.
        let mut clock = ReadClock::default();
        assert!((0..10_000).all(|_| clock.count(1100, second).is_ok()));
        // A burst does not pay for a later minute.
        let mut clock = ReadClock::default();
        clock.count(100 * limits::PROGRESS_BYTES, second).unwrap();
        assert_eq!((1..).find(|_| clock.count(0, second).is_err()).unwrap(), 60);
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
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| send(&sender, &bytes));
            let deadline = Instant::now() + Duration::from_secs(30);
            while bound().is_some_and(|time| !time.is_zero()) {
                assert!(Instant::now() < deadline, "it is bounded still");
                std::thread::yield_now();
            }
            let mut read = vec![0; bytes.len()];
            io::Read::read_exact(&mut reader, &mut read).unwrap();
            sent.join().unwrap().unwrap();
        });
    }
}
