//! The kinds of programs that are announced, and a daemon for multicast DNS.

use mdns_sd::{IfKind, ServiceDaemon};

/// A kind of program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Service {
    /// An index server.
    Index,
}

impl Service {
    /// The type of the service, with its domain.
    pub(super) fn domain(self) -> &'static str {
        match self {
            Self::Index => "_p2p-ci._tcp.local.",
        }
    }
}

/// Multicast DNS does not work here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LanError {
    /// No thread or no socket.
    #[error("multicast DNS does not work on this machine")]
    Daemon(#[from] mdns_sd::Error),
    /// The interfaces are unknown.
    #[error("the networks of this machine cannot be read")]
    Networks(#[source] std::io::Error),
}

/// A thread that sends and receives multicast DNS, but not on loopback, where it would find only this machine.
pub(super) fn daemon() -> Result<ServiceDaemon, LanError> {
    let daemon = ServiceDaemon::new()?;
    daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    Ok(daemon)
}
