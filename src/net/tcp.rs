//! Connections over TCP, and their options (protocol.md sections 6.2 and 7).

use std::fs::File;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::transport::Transport;
#[cfg(target_os = "linux")]
use super::transport::copy_file;
use crate::{limits, system};

/// After this time a blocked write returns, so that the sender can check the reader's rate. Where such
/// a write cannot be continued, it ends the connection.
const WRITE_TIMEOUT: Duration =
    if system::WRITES_RESUME { limits::SEND_CHECK } else { limits::ReadRate::DEFAULT.time };

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

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Tcp {
    stream: TcpStream,
    /// Which read timeout the socket has: [`OF_LISTENER`], [`OF_DEADLINE`] or [`NONE`]. Only the thread
    /// that reads uses it.
    timeout: AtomicU8,
}

/// The timeout of its listener, which is shorter than any deadline.
const OF_LISTENER: u8 = 0;
const OF_DEADLINE: u8 = 1;
const NONE: u8 = 2;

impl Tcp {
    /// An outgoing connection.
    pub(super) fn connected(stream: TcpStream) -> Self {
        Self { stream, timeout: AtomicU8::new(OF_DEADLINE) }
    }

    /// A connection that was accepted from a listener with the timeout of
    /// [`acceptors`](super::acceptors).
    pub(super) fn accepted(stream: TcpStream) -> Self {
        let is_inherited = system::ACCEPT_TIMES_OUT && system::INHERITS_OPTIONS;
        let timeout = if is_inherited { OF_LISTENER } else { OF_DEADLINE };
        Self { stream, timeout: AtomicU8::new(timeout) }
    }

    /// Sets which timeout the socket has, and returns which one it had.
    fn replace_timeout(&self, timeout: u8) -> u8 {
        let before = self.timeout.load(Ordering::Relaxed);
        if before != timeout {
            self.timeout.store(timeout, Ordering::Relaxed);
        }
        before
    }

    /// Reads once, with the timeout that the socket has.
    fn read_once(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match system::receive(&self.stream, buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(timed_out),
            }
        }
    }

    /// Reads once, before an absolute deadline. The timeout of the socket alone would start again with
    /// each byte.
    fn read_with_deadline(&self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        loop {
            match deadline.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => self.stream.set_read_timeout(Some(left))?,
                _ => return Err(io::ErrorKind::TimedOut.into()),
            }
            match system::receive(&self.stream, buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(timed_out),
            }
        }
    }
}

/// A socket timeout has two names: Unix says that the call would block, Windows that it timed out.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Transport for Tcp {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let Some(deadline) = deadline else {
            if self.replace_timeout(NONE) != NONE {
                self.stream.set_read_timeout(None)?;
            }
            return self.read_once(buffer);
        };
        if self.replace_timeout(OF_DEADLINE) == OF_LISTENER {
            // Most requests have arrived already, and need no timeout of their own. A request that
            // arrives byte by byte gets one with its second read.
            match self.read_once(buffer) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                result => return result,
            }
        }
        self.read_with_deadline(buffer, deadline)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        system::try_receive(&self.stream, buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.stream).write(bytes)
    }

    fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        system::send_more(&self.stream, bytes)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        system::try_send(&self.stream, bytes)
    }

    #[cfg(target_os = "linux")]
    fn send_file(&self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        match system::send_file(file, &self.stream, offset, count) {
            Err(error) if system::is_of_file(&error) => copy_file(self, file, offset, count),
            sent => sent,
        }
    }

    fn set_write_timeout(&self, time: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(Some(time))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    fn has_unread(&self) -> Option<bool> {
        system::has_unread(&self.stream)
    }

    fn unacknowledged(&self) -> io::Result<Option<u64>> {
        system::unacknowledged(&self.stream)
    }

    fn tcp(&self) -> Option<&TcpStream> {
        Some(&self.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_holds_while_bytes_keep_arriving() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = Tcp::accepted(listener.accept().unwrap().0);
        for byte in [b"a", b"b"] {
            connected.write_all(byte).unwrap();
            let found = accepted.read(&mut [0; 9], Some(Instant::now()));
            let is_first = byte == b"a" && system::ACCEPT_TIMES_OUT;
            let expected = if is_first { Ok(1) } else { Err(io::ErrorKind::TimedOut) };
            assert_eq!(found.map_err(|error| error.kind()), expected);
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
