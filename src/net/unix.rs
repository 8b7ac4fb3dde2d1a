//! Connections over Unix sockets, from programs on the same machine.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::transport::Transport;
use crate::limits;
use crate::system::{self, LocalUser};

/// A connection over a Unix socket. Only one thread reads.
#[derive(Debug)]
pub(super) struct Unix(UnixStream);

impl Unix {
    /// An accepted connection.
    pub(super) fn accepted(stream: UnixStream) -> Self {
        // An error shows when it is read.
        let _ = stream.set_write_timeout(Some(limits::SEND_CHECK));
        Self(stream)
    }
}

impl Transport for Unix {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        loop {
            let left = match deadline {
                None => None,
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => Some(left),
                    _ => return Err(io::ErrorKind::TimedOut.into()),
                },
            };
            self.0.set_read_timeout(left)?;
            match (&self.0).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                result => return result,
            }
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        system::try_receive_local(&self.0, buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        system::try_send_local(&self.0, bytes)
    }

    fn set_write_timeout(&self, time: Duration) -> io::Result<()> {
        self.0.set_write_timeout(Some(time))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn has_unread(&self) -> Option<bool> {
        Some(system::has_unread_local(&self.0))
    }

    fn local_user(&self) -> Option<LocalUser> {
        system::local_user(&self.0)
    }
}
