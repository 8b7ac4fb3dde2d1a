//! Sending and receiving with few system calls, and socket options that limit what a dead or slow peer
//! costs (protocol.md section 7).

#[cfg(target_os = "linux")]
use std::fs::File;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use crate::limits;

/// Sends at most `count` bytes from an offset of a file, without copying them through this process.
/// Returns the number of bytes that were sent; 0 at the end of the file. The position of the file does
/// not matter.
///
/// # Errors
/// When the file cannot be read or the connection is gone; [`io::ErrorKind::WouldBlock`] when its
/// write timeout has passed.
#[cfg(target_os = "linux")]
pub(crate) fn send_file(
    file: &File,
    stream: &TcpStream,
    offset: u64,
    count: u64,
) -> io::Result<usize> {
    let mut offset = offset;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(rustix::fs::sendfile(stream, file, Some(&mut offset), count)?)
}

/// Whether [`send_file`] failed for a reason other than the connection: the file may still be readable
/// in another way, for example where the memory for a pipe is missing.
#[cfg(target_os = "linux")]
pub(crate) fn is_of_file(error: &io::Error) -> bool {
    use rustix::io::Errno;

    const REASONS: [Errno; 6] =
        [Errno::IO, Errno::NOMEM, Errno::INVAL, Errno::NOSYS, Errno::OVERFLOW, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|errno| REASONS.contains(&errno))
}

/// Whether a write can be repeated after it has exceeded the timeout of the socket.
pub(crate) const WRITES_RESUME: bool = cfg!(unix);

/// Whether [`try_send`] and [`try_receive`] take one system call, and do not disturb another thread
/// that uses the connection.
pub(crate) const SENDS_WITHOUT_WAITING: bool = cfg!(target_os = "linux");

/// Whether accepted connections inherit the options of their listener.
pub(crate) const INHERITS_OPTIONS: bool = cfg!(target_os = "linux");

/// Whether the read timeout of a listener also ends `accept`.
pub(crate) const ACCEPT_TIMES_OUT: bool = cfg!(target_os = "linux");

/// Writes bytes that are followed by more immediately. The system may wait for these, so that one
/// segment carries both.
///
/// # Errors
/// As for any write to a socket.
pub(crate) fn send_more(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::SendFlags;
        Ok(rustix::net::send(stream, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
    }
    #[cfg(not(target_os = "linux"))]
    io::Write::write(&mut &*stream, bytes)
}

/// Writes the bytes that a connection accepts without waiting, which may be none.
///
/// # Errors
/// When the connection is gone.
pub(crate) fn try_send(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;
        use rustix::net::SendFlags;
        match rustix::net::send(stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            result => Ok(result?),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        stream.set_nonblocking(true)?;
        let sent = io::Write::write(&mut &*stream, bytes);
        stream.set_nonblocking(false)?;
        match sent {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(0)
            }
            result => result,
        }
    }
}

/// Reads once from a connection. This is faster than the standard library, which calls the C library's
/// `recv`, a cancellation point of threads.
///
/// # Errors
/// As for any read from a socket.
pub(crate) fn receive(stream: &TcpStream, chunk: &mut [u8]) -> io::Result<usize> {
    #[cfg(unix)]
    {
        let (count, _) = rustix::net::recv(stream, chunk, rustix::net::RecvFlags::empty())?;
        Ok(count)
    }
    #[cfg(not(unix))]
    io::Read::read(&mut &*stream, chunk)
}

/// Reads bytes that have arrived; [`io::ErrorKind::WouldBlock`] if there are none.
///
/// # Errors
/// As for any read from a socket.
pub(crate) fn try_receive(stream: &TcpStream, chunk: &mut [u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        let (count, _) = rustix::net::recv(stream, chunk, rustix::net::RecvFlags::DONTWAIT)?;
        Ok(count)
    }
    #[cfg(not(target_os = "linux"))]
    {
        stream.set_nonblocking(true)?;
        let result = io::Read::read(&mut &*stream, chunk);
        stream.set_nonblocking(false)?;
        result
    }
}

/// Whether unread bytes have arrived; `None` if the system does not provide this.
pub(crate) fn has_unread(stream: &TcpStream) -> Option<bool> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::RecvFlags;
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = rustix::net::recv(stream, &mut [0; 1][..], flags);
        Some(peeked.is_ok_and(|(count, _)| count > 0))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        None
    }
}

/// Sets the socket options that limit what a dead or slow peer costs: keepalive, the time for which data
/// may stay unacknowledged, and the amount of unsent data. Options that the system does not have are
/// skipped.
pub(crate) fn set_peer_options(socket: &socket2::SockRef<'_>) -> io::Result<()> {
    let keepalive = socket2::TcpKeepalive::new().with_time(limits::KEEPALIVE_IDLE);
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
    let keepalive =
        keepalive.with_interval(limits::KEEPALIVE_INTERVAL).with_retries(limits::KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_user_timeout(Some(limits::UNACKNOWLEDGED))?;
        socket.set_tcp_notsent_lowat(limits::UNSENT)?;
    }
    Ok(())
}

/// Removes the limit of [`set_peer_options`] on the time for which data may stay unacknowledged.
///
/// Linux measures that time from the first probe of a closed window until the window has space for all
/// of the next packet. A slow reader acknowledges everything, and its connection would be closed
/// nevertheless. The minimum read rate detects a reader that is gone.
///
/// # Errors
/// When the connection is already gone.
pub(crate) fn allow_slow_reader(stream: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(None)?;
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
    Ok(())
}

/// Makes the close of this connection discard the data that is still in its send buffer, and reset the
/// connection.
///
/// # Errors
/// When the connection is already gone.
pub(crate) fn discard_on_close(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Removes the limit of [`set_peer_options`] on unsent data. Sending a large file then takes a fifth less
/// CPU time: the system sends waiting data as soon as the window opens, and need not wake the thread
/// that writes.
///
/// Only for [`send_file`]: there the waiting data is in the page cache of the file.
///
/// # Errors
/// When the connection is already gone.
pub(crate) fn lift_unsent_limit(stream: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        const OF_THE_SYSTEM: u32 = 0;
        socket2::SockRef::from(stream).set_tcp_notsent_lowat(OF_THE_SYSTEM)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_limit_on_unsent_data_is_lifted() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = socket2::SockRef::from(&stream);
        let unsent = || socket.tcp_notsent_lowat().unwrap();
        let of_the_system = unsent();
        set_peer_options(&socket).unwrap();
        assert_eq!(unsent(), limits::UNSENT);
        lift_unsent_limit(&stream).unwrap();
        assert_eq!(unsent(), of_the_system);
    }
}
