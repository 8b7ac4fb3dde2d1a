//! Sending and receiving with as few calls as a system allows, and what bounds a neighbour (protocol.md
//! section 7).

use std::fs::File;
use std::io;
use std::net::TcpStream;

use crate::limits;

/// Sends bytes from a place of a file, at most `count`, without passing them through this process;
/// returns how many were sent, 0 at the end of the file. Where the file stands does not matter.
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

/// The portable way: through a buffer.
#[cfg(not(target_os = "linux"))]
pub(crate) fn send_file(
    file: &File,
    mut stream: &TcpStream,
    offset: u64,
    count: u64,
) -> io::Result<usize> {
    let mut chunk = [0; 64 * 1024];
    let most = usize::try_from(count).unwrap_or(usize::MAX).min(chunk.len());
    let room = chunk.get_mut(..most).unwrap_or_default();
    let filled = super::read_at(file, room, offset)?;
    // Bytes that the socket does not take are read again the next time.
    io::Write::write(&mut stream, room.get(..filled).unwrap_or_default())
}

/// Whether a write that waits longer than the socket's timeout leaves the connection as it was, so
/// that the rest can be written later.
pub(crate) const WRITING_RESUMES: bool = cfg!(unix);

/// Whether accepted connections have the options of their listener.
pub(crate) const HANDS_OPTIONS_DOWN: bool = cfg!(target_os = "linux");

/// Whether a listener's read timeout ends accepting, too.
pub(crate) const ACCEPTING_TIMES_OUT: bool = cfg!(target_os = "linux");

/// Writes bytes behind which others follow at once, so that one segment may take both; the system
/// waits for them if it can.
///
/// # Errors
/// As for any write to a socket.
pub(crate) fn send_before(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::SendFlags;
        Ok(rustix::net::send(stream, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
    }
    #[cfg(not(target_os = "linux"))]
    io::Write::write(&mut &*stream, bytes)
}

/// Writes as much as a connection takes without waiting, which may be nothing.
///
/// # Errors
/// When the connection is gone.
pub(crate) fn send_at_once(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
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
        let _ = (stream, bytes);
        Ok(0)
    }
}

/// Reads once from a connection. The C library's way, which the standard library goes, takes a few
/// steps more: a thread might be cancelled there.
///
/// # Errors
/// Whatever reading brings.
pub(crate) fn receive(stream: &TcpStream, chunk: &mut [u8]) -> io::Result<usize> {
    #[cfg(unix)]
    {
        let (count, _) = rustix::net::recv(stream, chunk, rustix::net::RecvFlags::empty())?;
        Ok(count)
    }
    #[cfg(not(unix))]
    io::Read::read(&mut &*stream, chunk)
}

/// Reads what has arrived; [`io::ErrorKind::WouldBlock`] if that is nothing.
///
/// # Errors
/// Whatever reading brings.
pub(crate) fn receive_now(stream: &TcpStream, chunk: &mut [u8]) -> io::Result<usize> {
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

/// Whether bytes have arrived that nobody has read, or may have.
pub(crate) fn has_unread(stream: &TcpStream) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::RecvFlags;
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = rustix::net::recv(stream, &mut [0; 1][..], flags);
        peeked.is_ok_and(|(count, _)| count > 0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        true
    }
}

/// Whether bytes are known to have arrived that nobody has read.
pub(crate) fn has_arrived(stream: &TcpStream) -> bool {
    cfg!(target_os = "linux") && has_unread(stream)
}

/// Socket options that bound what a dead or slow neighbour costs. An option that the system does
/// not have is left out.
pub(crate) fn bound_neighbour(socket: &socket2::SockRef<'_>) -> io::Result<()> {
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

/// Lifts the bound of [`bound_neighbour`] on the time for which data may stay unacknowledged.
///
/// Linux measures that time from the first probe of a closed window until the window has room for
/// all of the next packet. A reader that takes a little at a time acknowledges everything, and its
/// connection would be ended nevertheless. A reader that is gone is found by the minimum read rate.
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

/// Lets as much wait for the network as the system likes, which [`bound_neighbour`] does not. A
/// large file then takes a fifth less of a processor: the system sends what waits when room is
/// announced, and need not come back to who wrote it.
///
/// Only for [`send_file`]: what waits there is the system's one copy of the file.
///
/// # Errors
/// When the connection is already gone.
pub(crate) fn lift_unsent_bound(stream: &TcpStream) -> io::Result<()> {
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
    fn the_bound_on_what_waits_is_lifted() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = socket2::SockRef::from(&stream);
        let unsent = || socket.tcp_notsent_lowat().unwrap();
        let of_the_system = unsent();
        bound_neighbour(&socket).unwrap();
        assert_eq!(unsent(), limits::UNSENT);
        lift_unsent_bound(&stream).unwrap();
        assert_eq!(unsent(), of_the_system);
    }
}
