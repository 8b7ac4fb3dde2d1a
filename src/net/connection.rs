//! One connection: options, reading with a deadline, writing with progress, closing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::{limits, system};

/// Bytes read at once.
const CHUNK: usize = 8 * 1024;

/// Sets what every connection of ours has: no delay, keepalive, and a bound on writing.
///
/// # Errors
/// When the connection is already gone.
pub fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(limits::PROGRESS_TIME))?;
    system::bound_neighbour(&socket2::SockRef::from(stream))
}

/// Bytes that have arrived and wait to be understood.
#[derive(Debug)]
pub struct Receiver<'a> {
    stream: &'a TcpStream,
    input: Vec<u8>,
    /// Where the bytes begin that were not yet taken.
    start: usize,
    timeout: Option<Duration>,
}

impl<'a> Receiver<'a> {
    /// A receiver for a connection from which nothing was read.
    pub fn new(stream: &'a TcpStream) -> Self {
        Self {
            stream,
            input: Vec::new(),
            start: 0,
            timeout: None,
        }
    }

    /// The bytes that were read and not yet taken.
    pub fn input(&self) -> &[u8] {
        &self.input[self.start..]
    }

    /// Takes the first bytes of [`Receiver::input`] away.
    pub fn take(&mut self, count: usize) {
        self.start += count;
    }

    /// Reads once and returns how many bytes arrived; 0 is the end.
    ///
    /// The deadline is absolute: a timeout of the socket alone would begin anew with each byte.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] at the deadline, and whatever reading brings.
    pub fn fill(&mut self, deadline: Option<Instant>) -> io::Result<usize> {
        self.input.drain(..self.start);
        self.start = 0;
        if self.input.is_empty() {
            // An idle connection keeps no more than a small buffer.
            self.input.shrink_to(CHUNK);
        }
        loop {
            self.set_timeout(deadline)?;
            let filled = self.input.len();
            self.input.resize(filled + CHUNK, 0);
            let result = self.stream.read(&mut self.input[filled..]);
            self.input
                .truncate(filled + result.as_ref().map_or(0, |&count| count));
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Unix says that it would block, Windows that it timed out.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                result => return result,
            }
        }
    }

    fn set_timeout(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let timeout = match deadline {
            None => None,
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Some(left),
                _ => return Err(io::ErrorKind::TimedOut.into()),
            },
        };
        if self.timeout != timeout {
            self.stream.set_read_timeout(timeout)?;
            self.timeout = timeout;
        }
        Ok(())
    }
}

/// Writes everything, to a reader that makes progress (protocol.md section 7).
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when the other side takes less than 64 KiB in a minute, and
/// whatever writing brings.
pub fn send(mut stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    let mut since = Instant::now();
    let mut progress = 0;
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                progress += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
        if since.elapsed() >= limits::PROGRESS_TIME {
            if progress < limits::PROGRESS_BYTES && !bytes.is_empty() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            since = Instant::now();
            progress = 0;
        }
    }
    Ok(())
}

/// Closes for writing and reads on for a moment, so that the last reply arrives.
///
/// Closing a socket over unread bytes resets the connection, and a reset may overtake the reply.
pub fn close_gently(mut stream: &TcpStream) {
    let deadline = Instant::now() + limits::LINGER;
    let mut left = limits::LINGER_BYTES;
    let mut chunk = [0; 4096];
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    while left > 0 {
        let time = deadline.saturating_duration_since(Instant::now());
        if time.is_zero() || stream.set_read_timeout(Some(time)).is_err() {
            return;
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => left = left.saturating_sub(count),
        }
    }
}
