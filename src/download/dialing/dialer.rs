//! What making a connection to a holder needs (protocol.md sections 7 and 9).

use std::net::SocketAddr;
use std::sync::Arc;

use super::addresses::permitted;
use super::host_names::HostNames;
use crate::download::model::{Provenance, Source, TransferError};
use crate::download::statistics::PeerStats;
use crate::net::{Cancel, Reach};

/// What making connections to holders needs. Clones share everything.
#[derive(Clone, Debug, Default)]
pub(in crate::download) struct Dialer {
    pub(in crate::download) stats: Arc<PeerStats>,
    pub(in crate::download) names: Arc<HostNames>,
    /// Which addresses an index may name.
    pub(in crate::download) policy: Arc<Reach>,
    /// Cancels the connections, and whatever waits for them.
    pub(in crate::download) cancel: Cancel,
}

impl Dialer {
    /// Those of a holder's addresses that are connected to.
    ///
    /// # Errors
    /// When there is none among several.
    pub(super) fn permitted(
        &self,
        source: &Source,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, TransferError> {
        let mut addresses = permitted(source, addresses, &self.policy)?;
        let found = addresses.len();
        // The user may connect to any address at any time.
        if source.provenance != Provenance::User {
            let is_unanswered =
                |address| self.stats.is_unanswered_by_another(&source.holder, address);
            addresses.retain(|address| !is_unanswered(*address));
        }
        match addresses.is_empty() && found > 0 {
            true => Err(TransferError::GivenUp),
            false => Ok(addresses),
        }
    }
}
