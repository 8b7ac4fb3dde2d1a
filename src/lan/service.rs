//! The kinds of programs that are announced, and a daemon for multicast DNS.

use mdns_sd::{IfKind, ServiceDaemon};

/// A kind of program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Service {
    /// An index server.
    Index,
    /// The upload server of a peer, which answers LIST (protocol.md section 5.8).
    Peer,
}

impl Service {
    /// The type of the service, with its domain.
    pub(super) fn domain(self) -> &'static str {
        match self {
            Self::Index => "_p2p-ci._tcp.local.",
            Self::Peer => "_p2p-ci-peer._tcp.local.",
        }
    }

    /// What a program of this kind says of itself besides its version, and must say to be found.
    pub(super) fn property(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Index => None,
            Self::Peer => Some(("list", "1")),
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
    /// No thread.
    #[error("no thread can be started that looks for programs on the local network")]
    Thread(#[source] std::io::Error),
}

/// A thread that sends and receives multicast DNS, but not on loopback, where it would find only this machine.
pub(super) fn daemon() -> Result<ServiceDaemon, LanError> {
    let daemon = ServiceDaemon::new()?;
    daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    Ok(daemon)
}
