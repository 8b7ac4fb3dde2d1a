//! A connection of a case. Every wait ends at the deadline of the case.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::system::connect;

/// A connection, and the bytes that no reply has taken.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    pub(super) input: Vec<u8>,
    begun: Instant,
    deadline: Instant,
}

/// What a wait has brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    Bytes(usize),
    /// The other side has closed or reset the connection.
    End,
    /// Nothing before the time.
    Nothing,
}

/// A read of zero duration is an error, and waits forever on some systems.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

impl Link {
    /// Connects before the deadline, which every later wait also has.
    pub(super) fn connect(address: SocketAddr, deadline: Instant) -> io::Result<Self> {
        let left = deadline.saturating_duration_since(Instant::now()).max(SHORTEST_WAIT);
        Self::new(connect(&address, left)?, deadline)
    }

    /// Uses a connection. Every wait ends at the deadline.
    pub(super) fn new(stream: TcpStream, deadline: Instant) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: Vec::new(), begun: Instant::now(), deadline })
    }

    /// The time since it was connected.
    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sends in one segment, as far as its size allows. An error is not reported: the reply, or that
    /// there is none, tells more.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let left = self.deadline.saturating_duration_since(Instant::now()).max(SHORTEST_WAIT);
        let _ = self.stream.set_write_timeout(Some(left));
        let _ = self.stream.write_all(bytes);
    }

    /// Sends each byte in a segment of its own.
    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for bytes until this time, which counts from the connection, or the deadline.
    pub(super) fn receive(&mut self, until: Option<Duration>) -> Arrival {
        let until = until.and_then(|until| self.begun.checked_add(until));
        let until = until.map_or(self.deadline, |until| until.min(self.deadline));
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || self.stream.set_read_timeout(Some(left.max(SHORTEST_WAIT))).is_err() {
            return Arrival::Nothing;
        }
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Arrival::End,
            Ok(count) => {
                self.input.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Arrival::Bytes(count)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock
                | io::ErrorKind::TimedOut
                | io::ErrorKind::Interrupted => Arrival::Nothing,
                _ => Arrival::End,
            },
        }
    }

    /// Whether the deadline of the case has passed.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Takes bytes from the beginning of the input.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.input.len());
        self.input.drain(..count).collect()
    }

    /// Closes the connection in order.
    pub(super) fn close(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Resets the connection, as a system does for a program that has crashed.
    pub(super) fn reset(self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
