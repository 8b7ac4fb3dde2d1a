//! Waiting until one of several sockets is ready.

use std::io;
use std::time::Duration;

use socket2::SockRef;

/// The event that a caller waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// Bytes can be read, or the stream has ended.
    Read,
    /// A connection attempt has ended.
    Connect,
}

/// Waits until one of these sockets is ready or has failed, or this time has passed. This may return
/// earlier.
///
/// # Errors
/// When the system cannot wait, for example without memory.
pub(crate) fn wait_for_any(sockets: &[(SockRef<'_>, Direction)], time: Duration) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;

        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut descriptors: Vec<PollFd<'_>> = sockets
            .iter()
            .map(|(socket, direction)| {
                let flags = match direction {
                    Direction::Read => PollFlags::IN,
                    Direction::Connect => PollFlags::OUT,
                };
                PollFd::from_borrowed_fd(socket.as_fd(), flags)
            })
            .collect();
        let time = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        match poll(&mut descriptors, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(unix))]
    {
        // The callers try all sockets; this only keeps them from spinning.
        let _ = sockets;
        std::thread::sleep(time.min(Duration::from_millis(5)));
        Ok(())
    }
}

/// Whether this error means that a connection attempt is in progress.
pub(crate) fn is_connecting(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}
