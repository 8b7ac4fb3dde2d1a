//! Unix sockets: listening at a path that only one user can open, and the user on the other side.

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::Mode;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType};

/// Connections that the system completes before they are accepted.
const BACKLOG: i32 = 128;

/// The process on the other side of a Unix socket, when it connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalUser {
    /// The number of its user.
    pub id: u32,
    /// The number of the process.
    pub process: i32,
}

impl LocalUser {
    /// Whether this user may control a program of the user of this process: it is the same user, or root.
    pub fn may_control(self) -> bool {
        self.id == 0 || self.id == rustix::process::geteuid().as_raw()
    }
}

/// Listens at a path. Only the user of this process, and root, can connect. A socket that a program has left
/// there, which nobody listens at, is replaced.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] when a program listens there, [`io::ErrorKind::AlreadyExists`] when the file is
/// no socket, and any error of the system.
pub(crate) fn listen_at(path: &Path) -> io::Result<UnixListener> {
    remove_stale(path)?;
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    // On Linux the file gets this mode when it is created, so there is no moment at which others can connect.
    #[cfg(target_os = "linux")]
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::fs::chmod(path, Mode::RUSR | Mode::WUSR)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Removes a socket that nobody listens at.
fn remove_stale(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;

    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// The process on the other side; `None` where the system does not tell.
pub(crate) fn local_user(stream: &UnixStream) -> Option<LocalUser> {
    #[cfg(target_os = "linux")]
    {
        let found = rustix::net::sockopt::socket_peercred(stream).ok()?;
        Some(LocalUser { id: found.uid.as_raw(), process: found.pid.as_raw_nonzero().get() })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        None
    }
}

/// Reads bytes that have arrived; [`io::ErrorKind::WouldBlock`] if there are none.
///
/// # Errors
/// As for any read from a socket.
pub(crate) fn try_receive_local(stream: &UnixStream, chunk: &mut [u8]) -> io::Result<usize> {
    let (count, _) = rustix::net::recv(stream, chunk, RecvFlags::DONTWAIT)?;
    Ok(count)
}

/// Writes the bytes that a connection accepts without waiting, which may be none.
///
/// # Errors
/// When the connection is gone.
pub(crate) fn try_send_local(stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    use rustix::io::Errno;
    match rustix::net::send(stream, bytes, SendFlags::DONTWAIT) {
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        result => Ok(result?),
    }
}

/// Whether unread bytes have arrived.
pub(crate) fn has_unread_local(stream: &UnixStream) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(stream, &mut [0; 1][..], flags).is_ok_and(|(count, _)| count > 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_its_user_can_connect_and_a_stale_socket_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        let listener = listen_at(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let here = UnixStream::connect(&path).unwrap();
        let (there, _) = listener.accept().unwrap();
        if let Some(user) = local_user(&there) {
            assert!(user.may_control());
            assert_eq!(u32::try_from(user.process), Ok(std::process::id()));
        }
        assert!(!has_unread_local(&there));
        assert_eq!(
            try_receive_local(&there, &mut [0; 9]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        assert_eq!(try_send_local(&here, b"ab").unwrap(), 2);
        assert!(has_unread_local(&there));
        assert_eq!(try_receive_local(&there, &mut [0; 9]).unwrap(), 2);
        // This connects once.
        assert_eq!(listen_at(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        listen_at(&path).unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "text").unwrap();
        assert_eq!(listen_at(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"text");
    }
}
