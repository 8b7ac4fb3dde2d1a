//! The state that all downloads of a program share (protocol.md section 7).

use std::sync::Arc;

use super::dialing::{Admission, HolderDialer, HostNames, Trials};
use super::statistics::PeerStats;
use super::transfer::Accounting;
use crate::net::{self, AddressPolicy, Bandwidth, Cancel};

/// Downloads documents. Clones share the statistics of peers and the limit on bytes per second.
#[derive(Clone, Debug)]
pub struct Downloader {
    pub(super) dialer: HolderDialer,
    pub(super) admission: Admission,
    pub(super) accounting: Accounting,
}

impl Default for Downloader {
    fn default() -> Self {
        Self::new(PeerStats::default(), Bandwidth::default(), AddressPolicy::default())
    }
}

impl Downloader {
    /// Creates a downloader that uses and updates `stats`, receives within the limit of
    /// `bandwidth`, and connects only to addresses that `policy` permits.
    pub fn new(stats: PeerStats, bandwidth: Bandwidth, policy: AddressPolicy) -> Self {
        let names = HostNames::new(net::Dialer::new(policy));
        let (stats, names) = (Arc::new(stats), Arc::new(names));
        Self {
            admission: Admission {
                stats: Arc::clone(&stats),
                names: Arc::clone(&names),
                trials: Trials::default(),
            },
            accounting: Accounting::new(Arc::clone(&stats), bandwidth),
            dialer: HolderDialer { stats, names, cancel: Cancel::new() },
        }
    }

    /// The same, for downloads that this handle cancels.
    #[must_use]
    pub fn with_cancel(&self, cancel: Cancel) -> Self {
        let mut downloader = self.clone();
        downloader.dialer.cancel = cancel;
        downloader
    }

    /// The handle that cancels these downloads.
    pub fn cancel(&self) -> &Cancel {
        &self.dialer.cancel
    }

    /// The statistics of peers.
    pub fn stats(&self) -> &PeerStats {
        &self.admission.stats
    }
}
