//! Writing to a reader that holds the minimum read rate (protocol.md section 7).

use std::io;

use super::ReadClock;
use super::connection::Connection;

/// Writes everything, to a reader that holds the minimum read rate (protocol.md section 7).
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when the other side reads less than 64 KiB in a minute, and any error of
/// the write.
pub fn send(stream: &Connection, bytes: &[u8]) -> io::Result<()> {
    ReadClock::default().send_or_wait(stream, bytes, || ())
}
