//! The state for connecting to holders (protocol.md sections 7 and 9).

use std::net::SocketAddr;
use std::sync::Arc;

use super::host_names::HostNames;
use crate::download::model::Source;
use crate::download::statistics::PeerStats;
use crate::limits;
use crate::net::{Cancel, DialError, Dialing, Provenance, Target};

/// The state for connecting to holders. Clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::download) struct HolderDialer {
    pub(in crate::download) stats: Arc<PeerStats>,
    pub(in crate::download) names: Arc<HostNames>,
    /// Cancels the connections, and whatever waits for them.
    pub(in crate::download) cancel: Cancel,
    pub(in crate::download) limits: Arc<limits::Downloads>,
}

impl HolderDialer {
    /// Starts to connect to a holder.
    pub(super) fn start(&self, source: &Source) -> Result<Dialing, DialError> {
        let Source { holder, provenance, verified_address, .. } = source;
        let (host, port, provenance) = (holder.host.as_str(), holder.port.value(), *provenance);
        let address = verified_address.map(|address| SocketAddr::new(address, port));
        let target = Target { host, port, provenance, address };
        self.names.dialer.start(target, &|address| self.accepts(source, address))
    }

    /// Whether a holder may be connected to at this address. The user may connect to any address at
    /// any time.
    pub(super) fn accepts(&self, source: &Source, address: SocketAddr) -> bool {
        source.provenance == Provenance::User
            || !self.stats.is_unanswered_by_another(&source.holder, address)
    }
}
