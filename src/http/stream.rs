//! The body of a reply that is sent bit by bit, such as events.

use std::io;
use std::time::Duration;

use crate::limits::{self, ReadRate};
use crate::net::{Connection, ReadClock, Stop};

/// Sends the body of a reply. Each piece is sent immediately.
#[derive(Debug)]
pub struct Stream<'a> {
    connection: &'a Connection,
    stop: &'a Stop,
    rate: ReadRate,
    is_chunked: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        stop: &'a Stop,
        rate: ReadRate,
        is_chunked: bool,
    ) -> Self {
        Self { connection, stop, rate, is_chunked }
    }

    /// Sends a piece.
    ///
    /// # Errors
    /// When the client is gone, or reads too slowly.
    pub fn send(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.is_empty() {
            // An empty chunk would be the end.
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(piece.len() + 16);
        if self.is_chunked {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        }
        bytes.extend_from_slice(piece);
        if self.is_chunked {
            bytes.extend_from_slice(b"\r\n");
        }
        self.write(&bytes)
    }

    /// Waits for this time, or until the client is gone or the server stops. Returns whether the reply should
    /// continue.
    pub fn wait(&mut self, time: Duration) -> bool {
        let deadline = limits::ends_after(time);
        let (mut chunk, mut left) = ([0; 512], limits::HTTP_HEAD);
        while !self.stop.is_stopping() {
            match self.connection.read(&mut chunk, Some(deadline)) {
                // A client has nothing to say before the end of the reply.
                Ok(count @ 1..) if count < left => left -= count,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return true,
                Ok(_) | Err(_) => return false,
            }
        }
        false
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.is_chunked { self.write(b"0\r\n\r\n") } else { Ok(()) }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        ReadClock::new(self.rate).send_or_wait(self.connection, bytes, || ())
    }
}
