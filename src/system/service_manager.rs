//! The service manager that has started this process: sockets that it passes, and messages to it (sd_listen_fds(3),
//! sd_notify(3)). Without one, and on other systems than Unix, nothing is passed and nothing is sent.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

/// The most sockets that are taken.
#[cfg(unix)]
const INHERITED: usize = 64;

/// A change of the service that the manager is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ServiceChange {
    /// It serves, with this line for `systemctl status`.
    Ready(&'static str),
    /// It reads its configuration again; [`ServiceChange::Ready`] follows.
    Reloading,
    /// It ends.
    Stopping,
    /// It works. The manager restarts a service that does not say so for a time.
    Alive,
}

/// Takes the listening sockets that the service manager has passed. They are taken once.
///
/// # Errors
/// When a passed file is no TCP socket that listens, or there are too many.
#[cfg(unix)]
pub(crate) fn inherited_listeners() -> io::Result<Vec<TcpListener>> {
    let mut passed = listenfd::ListenFd::from_env();
    let count = passed.len();
    if count > INHERITED {
        let found = format!("expected at most {INHERITED} sockets, found {count}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, found));
    }
    let mut listeners = Vec::new();
    for number in 0..count {
        if let Some(listener) = passed.take_tcp_listener(number)? {
            if !socket2::SockRef::from(&listener).is_listener()? {
                let found = format!("file descriptor {} does not listen", 3 + number);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, found));
            }
            // The manager may use the other mode for itself.
            listener.set_nonblocking(false)?;
            listeners.push(listener);
        }
    }
    Ok(listeners)
}

/// Takes the listening sockets that the service manager has passed: none on this system.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub(crate) fn inherited_listeners() -> io::Result<Vec<TcpListener>> {
    Ok(Vec::new())
}

/// Whether a service manager wants to be told.
pub(crate) fn has_service_manager() -> bool {
    cfg!(unix) && std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Tells the service manager of a change. This waits while the manager does not read.
///
/// # Errors
/// When the socket that the manager has named cannot be used.
#[cfg(unix)]
pub(crate) fn notify_service_manager(change: ServiceChange) -> io::Result<()> {
    use sd_notify::{NotifyState, notify};
    match change {
        ServiceChange::Ready(status) => notify(&[NotifyState::Ready, NotifyState::Status(status)]),
        ServiceChange::Reloading => {
            notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
        }
        ServiceChange::Stopping => notify(&[NotifyState::Stopping]),
        ServiceChange::Alive => notify(&[NotifyState::Watchdog]),
    }
}

/// Tells the service manager of a change: this system has none.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub(crate) fn notify_service_manager(_change: ServiceChange) -> io::Result<()> {
    Ok(())
}

/// The time within which the service manager wants to hear [`ServiceChange::Alive`] again.
pub(crate) fn watchdog_time() -> Option<Duration> {
    #[cfg(unix)]
    return sd_notify::watchdog_enabled();
    #[cfg(not(unix))]
    None
}
