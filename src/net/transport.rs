//! The byte stream of a connection, whatever carries it (protocol.md section 7).

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::system;

/// Bytes of a file that are sent at a time where they are copied through this process.
const COPIED: usize = 64 * 1024;

/// A byte stream to another program. It can be used by several threads: one reads, one writes, and any
/// of them ends it with [`Transport::shutdown`].
pub trait Transport: Debug + Send + Sync {
    /// Reads once, and waits for bytes until the deadline, if there is one; 0 is the end of input.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] at the deadline, and any error of the read.
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize>;

    /// Reads bytes that have arrived. Does not wait.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there are none, and any error of the read.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes once, and returns the number of bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when the write timeout has passed before, and any error of the
    /// write.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// The same for bytes that others follow immediately, so that a transport can send them together.
    ///
    /// # Errors
    /// As [`Transport::write`].
    fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    /// Writes the bytes that are accepted without waiting, which may be none.
    ///
    /// # Errors
    /// When the connection is gone.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends at most `count` bytes from an offset of a file, and returns the number of bytes; 0 at the
    /// end of the file.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`Transport::write`].
    fn send_file(&self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        copy_file(self, file, offset, count)
    }

    /// Sets the time after which a blocked [`Transport::write`] returns, so that the sender can check
    /// the reader's rate.
    ///
    /// # Errors
    /// When the connection is gone.
    fn set_write_timeout(&self, time: Duration) -> io::Result<()>;

    /// Ends one direction or both. A thread that reads sees the end of input.
    ///
    /// # Errors
    /// When it is closed already.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// The address of the other side.
    ///
    /// # Errors
    /// When the connection is gone.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// The address of this side.
    ///
    /// # Errors
    /// When the connection is gone.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Whether unread bytes have arrived; `None` if this is not known.
    fn has_unread(&self) -> Option<bool>;

    /// The number of sent bytes that the other side has not acknowledged; `None` if this is not known.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] when the connection is closed. Other errors when a later call
    /// may succeed.
    fn unacknowledged(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// The process on the other side of a Unix socket; `None` for other transports.
    #[cfg(unix)]
    fn local_user(&self) -> Option<system::LocalUser> {
        None
    }

    /// The TCP connection that carries this transport, for options that only TCP has.
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

/// Sends bytes of a file as [`Transport::send_file`] does, through a buffer.
pub(super) fn copy_file(
    transport: &(impl Transport + ?Sized),
    file: &File,
    offset: u64,
    count: u64,
) -> io::Result<usize> {
    let mut chunk = [0; COPIED];
    let most = usize::try_from(count).unwrap_or(usize::MAX).min(chunk.len());
    let room = chunk.get_mut(..most).unwrap_or_default();
    let filled = system::read_at(file, room, offset)?;
    // Bytes that are not accepted are read again by the next call.
    match room.get(..filled).unwrap_or_default() {
        [] => Ok(0),
        bytes => transport.write(bytes),
    }
}
