//! Writing to a reader that holds the minimum read rate (protocol.md section 7).

use std::io;
use std::net::TcpStream;

use super::ReadClock;

/// Writes everything, to a reader that holds the minimum read rate (protocol.md section 7).
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when the other side reads less than 64 KiB in a minute, and any error of
/// the write.
pub fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    ReadClock::default().send_or_wait(stream, bytes, || ())
}
