//! Receiving bytes with deadlines, and keeping those that were not yet consumed (protocol.md section 7).

use std::io;
use std::time::Instant;

use super::connection::Connection;

/// The first size of a receive buffer: enough for a request, and small for thousands of idle peers.
const SMALL: usize = 1024;
/// The largest size of a read.
const LARGE: usize = 8 * 1024;

/// Receives bytes with deadlines, and keeps those that were not yet consumed.
#[derive(Debug)]
pub struct Receiver<'a> {
    connection: &'a Connection,
    /// Bytes from `start` to `end` were received and not yet consumed; the rest is free.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The size of the next read, which depends on the last one.
    fitting: usize,
}

impl<'a> Receiver<'a> {
    /// A receiver for a connection from which nothing was read.
    pub fn new(connection: &'a Connection) -> Self {
        Self::with_input(connection, Vec::new())
    }

    /// A receiver for a connection from which these bytes were read and not yet consumed.
    pub fn with_input(connection: &'a Connection, buffer: Vec<u8>) -> Self {
        let end = buffer.len();
        Self { connection, buffer, start: 0, end, fitting: SMALL }
    }

    /// The bytes that were received and not yet consumed.
    pub fn input(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns the bytes that were received and not yet consumed.
    pub fn into_input(mut self) -> Vec<u8> {
        self.buffer.truncate(self.end);
        self.buffer.drain(..self.start);
        self.buffer
    }

    /// Consumes the first bytes of [`Receiver::input`].
    pub fn take(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Reads once, and returns the number of bytes; 0 is the end of input.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] at the deadline, and any error of the read.
    pub fn fill(&mut self, deadline: Option<Instant>) -> io::Result<usize> {
        self.fill_with(|connection, room| connection.read(room, deadline))
    }

    /// Reads what has arrived, once. Does not wait.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing has arrived, and any error of the read.
    pub fn try_fill(&mut self) -> io::Result<usize> {
        self.fill_with(|connection, room| connection.try_read(room))
    }

    fn fill_with(
        &mut self,
        read: impl FnOnce(&Connection, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.reserve();
        let room = self.buffer.len() - self.end;
        let chunk = self.buffer.get_mut(self.end..).unwrap_or_default();
        let count = read(self.connection, chunk)?;
        self.end += count;
        if count == room {
            self.fitting = (self.fitting * 2).min(LARGE);
        } else if count < self.fitting / 4 {
            self.fitting = (self.fitting / 2).max(SMALL);
        }
        Ok(count)
    }

    /// Moves the unconsumed bytes to the front, and resizes the buffer for the next read.
    fn reserve(&mut self) {
        if self.start < self.end {
            self.buffer.copy_within(self.start..self.end, 0);
        }
        (self.start, self.end) = (0, self.end - self.start);
        // A message may be longer than one read.
        let needed = if self.end < self.fitting { self.fitting } else { self.end + self.fitting };
        if self.buffer.len() != needed {
            self.buffer.resize(needed, 0);
            self.buffer.shrink_to(needed);
        }
    }
}
