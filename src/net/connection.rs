//! One connection: options, reading with a deadline, closing (protocol.md sections 6.2 and 7).

use std::io::{self, Read};
use std::mem;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::{limits, system};

/// The first size of a receive buffer: enough for a request, and small for thousands of idle peers.
const SMALL: usize = 1024;
/// The largest size of a read.
const LARGE: usize = 8 * 1024;

/// After this time a blocked write returns, so that the sender can check the reader's rate. Where such
/// a write cannot be continued, it ends the connection.
const WRITE_TIMEOUT: Duration =
    if system::WRITES_RESUME { limits::SEND_CHECK } else { limits::PROGRESS_TIME };

/// Sets the options of every connection: no delay, keepalive, and a write timeout.
///
/// # Errors
/// When the connection is already gone.
pub fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    system::set_peer_options(&socket2::SockRef::from(stream))
}

/// Sets the options of [`set_options`] on a listener, where accepted connections inherit them. Setting
/// them takes eight system calls, which is longer than sending a small document takes.
pub(super) fn set_listener_options(listener: &TcpListener) -> io::Result<()> {
    let socket = socket2::SockRef::from(listener);
    if system::INHERITS_OPTIONS {
        socket.set_tcp_nodelay(true)?;
        socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
        system::set_peer_options(&socket)?;
    }
    Ok(())
}

/// Sets the options that were not inherited from the listener.
pub(super) fn set_accepted_options(stream: &TcpStream) -> io::Result<()> {
    if system::INHERITS_OPTIONS { Ok(()) } else { set_options(stream) }
}

/// Receives bytes with deadlines, and keeps those that were not yet consumed.
#[derive(Debug)]
pub struct Receiver<'a> {
    stream: &'a TcpStream,
    /// Bytes from `start` to `end` were received and not yet consumed; the rest is free.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The size of the next read, which depends on the last one.
    fitting: usize,
    timeout: Timeout,
}

/// The read timeout that is set on the socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Timeout {
    /// The timeout of its listener, which is shorter than any deadline.
    OfListener,
    OfDeadline,
    None,
}

impl<'a> Receiver<'a> {
    /// A receiver for an outgoing connection from which nothing was read.
    pub fn of_connected(stream: &'a TcpStream) -> Self {
        Self::with_input(stream, Vec::new())
    }

    /// A receiver for an outgoing connection from which these bytes were read and not yet consumed.
    pub fn with_input(stream: &'a TcpStream, input: Vec<u8>) -> Self {
        Self::new(stream, input, Timeout::OfDeadline)
    }

    /// A receiver for a connection that [`accept_loop`](super::accept_loop) has accepted, and from
    /// which nothing was read.
    pub fn of_accepted(stream: &'a TcpStream) -> Self {
        let timeout = match system::ACCEPT_TIMES_OUT && system::INHERITS_OPTIONS {
            true => Timeout::OfListener,
            false => Timeout::OfDeadline,
        };
        Self::new(stream, Vec::new(), timeout)
    }

    fn new(stream: &'a TcpStream, buffer: Vec<u8>, timeout: Timeout) -> Self {
        let end = buffer.len();
        Self { stream, buffer, start: 0, end, fitting: SMALL, timeout }
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
        self.make_room();
        let room = self.buffer.len() - self.end;
        let count = self.read(deadline)?;
        self.end += count;
        if count == room {
            self.fitting = (self.fitting * 2).min(LARGE);
        } else if count < self.fitting / 4 {
            self.fitting = (self.fitting / 2).max(SMALL);
        }
        Ok(count)
    }

    /// Moves the unconsumed bytes to the front, and resizes the buffer for the next read.
    fn make_room(&mut self) {
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

    fn read(&mut self, deadline: Option<Instant>) -> io::Result<usize> {
        let chunk = self.buffer.get_mut(self.end..).unwrap_or_default();
        if let Some(deadline) = deadline {
            let timeout = mem::replace(&mut self.timeout, Timeout::OfDeadline);
            if timeout == Timeout::OfListener {
                // Most requests have arrived already, and need no timeout of their own. A request that
                // arrives byte by byte gets one with its second read.
                match read_once(self.stream, chunk) {
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                    result => return result,
                }
            }
            return read_with_deadline(self.stream, chunk, deadline);
        }
        if self.timeout != Timeout::None {
            self.stream.set_read_timeout(None)?;
            self.timeout = Timeout::None;
        }
        read_once(self.stream, chunk)
    }
}

/// A socket timeout has two names: Unix says that the call would block, Windows that it timed out.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// Reads once, before an absolute deadline. The timeout of the socket alone would start again with
/// each byte.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] at the deadline, and any error of the read.
pub fn read_with_deadline(
    mut stream: &TcpStream,
    buffer: &mut [u8],
    deadline: Instant,
) -> io::Result<usize> {
    loop {
        match deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => stream.set_read_timeout(Some(left))?,
            _ => return Err(io::ErrorKind::TimedOut.into()),
        }
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(timed_out),
        }
    }
}

/// Reads once, with the timeout that the socket has.
fn read_once(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match system::receive(stream, buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(timed_out),
        }
    }
}

/// Closes a connection after its only reply: immediately, or with [`lingering_close`] if unread bytes
/// have arrived.
pub fn close_after_reply(stream: &TcpStream) {
    if system::has_unread(stream) {
        lingering_close(stream);
    }
}

/// Half-closes the connection and drains its input for a moment, so that the last reply arrives.
///
/// Closing a socket with unread bytes resets the connection, and the reset may overtake the reply.
pub fn lingering_close(mut stream: &TcpStream) {
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_deadline_holds_while_bytes_keep_arriving() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let mut receiver = Receiver::of_accepted(&accepted);
        for byte in [b"a", b"b"] {
            connected.write_all(byte).unwrap();
            let found = receiver.fill(Some(Instant::now())).map_err(|error| error.kind());
            let is_first = byte == b"a" && system::ACCEPT_TIMES_OUT;
            assert_eq!(found, if is_first { Ok(1) } else { Err(io::ErrorKind::TimedOut) });
        }
    }

    #[test]
    fn accepted_connections_have_the_options_of_all() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        set_listener_options(&listener).unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_options(&connected).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        set_accepted_options(&accepted).unwrap();
        let options = |stream: &TcpStream| {
            let socket = socket2::SockRef::from(stream);
            #[cfg(target_os = "linux")]
            let of_linux =
                (socket.tcp_user_timeout().unwrap(), socket.tcp_keepalive_time().unwrap());
            #[cfg(not(target_os = "linux"))]
            let of_linux = ();
            let timeout = stream.write_timeout().unwrap();
            (stream.nodelay().unwrap(), timeout, socket.keepalive().unwrap(), of_linux)
        };
        assert_eq!(options(&accepted), options(&connected));
    }
}
