//! Whether a holder may be asked now (protocol.md section 7).

use std::sync::Arc;

use super::host_names::HostNames;
use super::trials::{Trial, TrialKind, Trials};
use crate::download::backoff::Readiness;
use crate::download::model::{Source, TransferError};
use crate::download::statistics::PeerStats;
use crate::net::Provenance;

/// Decides which holders may be asked now. Clones share everything.
#[derive(Clone, Debug, Default)]
pub(in crate::download) struct Admission {
    pub(in crate::download) stats: Arc<PeerStats>,
    pub(in crate::download) names: Arc<HostNames>,
    pub(in crate::download) trials: Trials,
}

impl Admission {
    /// Checks that a holder is not in backoff, and that the name service is not expected to delay
    /// the download.
    ///
    /// # Errors
    /// When the holder may not be asked now.
    pub(in crate::download) fn check(&self, source: &Source) -> Result<(), TransferError> {
        match self.stats.readiness(&source.holder) {
            Readiness::Ready => {}
            Readiness::BackedOff(pause) => return Err(TransferError::BackedOff(pause)),
            Readiness::GivenUp => return Err(TransferError::GivenUp),
        }
        // The user may name any holder, and the name of a proven holder is looked up again.
        let is_paused = self.names.service.is_paused()
            && source.provenance != Provenance::User
            && self.names.need_lookup(source)
            && !self.stats.is_proven(&source.holder);
        if is_paused { Err(TransferError::NotLookedUp) } else { Ok(()) }
    }

    /// Begins to try an unproven holder; `None` while that is not possible. `is_late` says that the
    /// holder was given up early before.
    pub(in crate::download) fn begin_trial(&self, source: &Source, is_late: bool) -> Option<Trial> {
        let kind = TrialKind::new(self.names.need_lookup(source), is_late);
        self.trials.begin(&source.holder, kind)
    }
}
