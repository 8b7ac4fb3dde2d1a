//! State that all downloads of a program share (protocol.md section 7).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::backoff::Readiness;
use super::dialing::AddressCache;
use super::dialing::NameService;
use super::dialing::{Trial, TrialKind, Trials};
use super::model::Source;
use super::model::TransferError;
use super::statistics::PeerStats;
use crate::escape::{escaped, excerpt};
use crate::limits;
use crate::net::Bandwidth;
use crate::net::{Cancel, Reach};
use crate::protocol::Endpoint;

/// What all downloads of a program share: what is known of other peers, and the limit of bytes a
/// second. Cloning it shares both.
#[derive(Clone, Debug, Default)]
pub struct Downloader {
    shared: Arc<Shared>,
    cancel: Cancel,
}

#[derive(Debug, Default)]
struct Shared {
    stats: PeerStats,
    bandwidth: Bandwidth,
    reach: Reach,
    addresses: AddressCache,
    name_service: NameService,
    trials: Trials,
    /// Holders of which it was reported that they send more than they announce.
    excessive: Mutex<BTreeSet<Endpoint>>,
}

impl Downloader {
    /// Downloads with what was known before, within a limit, and not from everywhere.
    pub fn new(stats: PeerStats, bandwidth: Bandwidth, reach: Reach) -> Self {
        let shared = Shared { stats, bandwidth, reach, ..Shared::default() };
        Self { shared: Arc::new(shared), cancel: Cancel::new() }
    }

    /// The same, for downloads that this handle cancels.
    pub fn with_cancel(&self, cancel: Cancel) -> Self {
        Self { shared: Arc::clone(&self.shared), cancel }
    }

    /// The handle that cancels these downloads.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// What is known of other peers.
    pub fn stats(&self) -> &PeerStats {
        &self.shared.stats
    }

    /// Reports, once for each holder, what follows a document. It is ignored.
    pub(super) fn report_excess(&self, holder: &Endpoint, rest: &[u8]) {
        let rest = rest.trim_ascii();
        if rest.is_empty() {
            // Many uploaders end a document with a line end of their own.
            log::info!("{holder} sent more than Content-Length says: the rest is ignored");
            return;
        }
        let mut excessive = self.shared.excessive.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = excessive.len() < limits::NEIGHBOURS && excessive.insert(holder.clone());
        drop(excessive);
        if is_new {
            let (holder, found) = (escaped(&holder.to_string()).to_string(), excerpt(rest));
            log::warn!("{holder} sent more than Content-Length says: {found} is ignored");
        }
    }

    pub(super) fn bandwidth(&self) -> &Bandwidth {
        &self.shared.bandwidth
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.shared.reach
    }

    pub(super) fn addresses(&self) -> &AddressCache {
        &self.shared.addresses
    }

    pub(super) fn name_service(&self) -> &NameService {
        &self.shared.name_service
    }

    /// Whether the name service has to be asked for the addresses of all of these holders.
    pub(super) fn must_look_up_all(&self, sources: &[Source]) -> bool {
        sources.iter().all(|source| self.addresses().need_lookup(source))
    }

    /// Whether a holder may be asked: it is not in backoff, and the name service is not expected to
    /// keep the download waiting for its address.
    pub(super) fn check_readiness(&self, source: &Source) -> Result<(), TransferError> {
        match self.stats().readiness(&source.holder) {
            Readiness::Ready => {}
            Readiness::Resting(rest) => return Err(TransferError::Resting(rest)),
            Readiness::GivenUp => return Err(TransferError::GivenUp),
        }
        // A person may name any holder, and one that has delivered is looked up again.
        let is_paused = self.name_service().is_paused()
            && source.told_by.is_some()
            && self.addresses().need_lookup(source)
            && !self.stats().is_proven(&source.holder);
        if is_paused { Err(TransferError::NotLookedUp) } else { Ok(()) }
    }

    /// Begins to try a holder that has not delivered anything yet; `None` while that is not possible.
    /// `is_late` says that it was given up early before.
    pub(super) fn begin_trial(&self, source: &Source, is_late: bool) -> Option<Trial> {
        let kind = match (self.addresses().need_lookup(source), is_late) {
            (true, true) => TrialKind::LateName,
            (true, false) => TrialKind::Name,
            (false, true) => TrialKind::Late,
            (false, false) => TrialKind::Early,
        };
        self.trials().begin(&source.holder, kind)
    }

    pub(super) fn trials(&self) -> &Trials {
        &self.shared.trials
    }
}
