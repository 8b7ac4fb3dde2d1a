//! The state that all downloads of a program share (protocol.md section 7).

use std::sync::Arc;

use super::dialing::{Admission, HolderDialer, HostNames, Trials};
use super::statistics::PeerStats;
use super::transfer::Accounting;
use crate::limits;
use crate::net::{AddressPolicy, Bandwidth, Cancel, Dialer, Interface};

/// Downloads documents. Clones share the statistics of peers and the limit on bytes per second.
#[derive(Clone, Debug)]
pub struct Downloader {
    pub(super) dialer: HolderDialer,
    pub(super) admission: Admission,
    pub(super) accounting: Accounting,
}

impl Default for Downloader {
    fn default() -> Self {
        let limits = limits::Downloads::default();
        Self::new(PeerStats::default(), Bandwidth::default(), AddressPolicy::default(), limits)
    }
}

impl Downloader {
    /// Creates a downloader that uses and updates `stats`, receives within the limit of
    /// `bandwidth`, and connects only to addresses that `policy` permits.
    pub fn new(
        mut stats: PeerStats,
        bandwidth: Bandwidth,
        policy: AddressPolicy,
        limits: limits::Downloads,
    ) -> Self {
        let limits = Arc::new(limits);
        stats.limits = Arc::clone(&limits);
        let names = HostNames::new(Dialer::new(policy, limits.connecting), Arc::clone(&limits));
        let (stats, names) = (Arc::new(stats), Arc::new(names));
        Self {
            admission: Admission {
                stats: Arc::clone(&stats),
                names: Arc::clone(&names),
                trials: Trials::new(Arc::clone(&limits)),
            },
            accounting: Accounting::new(Arc::clone(&stats), bandwidth, Arc::clone(&limits)),
            dialer: HolderDialer { stats, names, cancel: Cancel::new(), limits },
        }
    }

    /// The same for a peer with this interface. It connects only to addresses that a policy without opened
    /// networks permits.
    #[must_use]
    pub fn on(mut self, interface: Interface) -> Self {
        let dialer = Dialer::on(interface, AddressPolicy::default(), self.dialer.limits.connecting);
        let names = Arc::new(HostNames::new(dialer, Arc::clone(&self.dialer.limits)));
        self.admission.names = Arc::clone(&names);
        self.dialer.names = names;
        self
    }

    /// The same, for downloads that this handle cancels.
    #[must_use]
    pub fn with_cancel(&self, cancel: Cancel) -> Self {
        let mut downloader = self.clone();
        downloader.dialer.cancel = cancel;
        downloader
    }

    /// The same, and documents are accepted only from replies that follow the grammar: an empty line after
    /// the head, and exactly `Content-Length` bytes (protocol.md section 5.4).
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.accounting.is_strict = true;
        self
    }

    /// The handle that cancels these downloads.
    pub fn cancel(&self) -> &Cancel {
        &self.dialer.cancel
    }

    /// The limits of the downloads.
    pub fn limits(&self) -> &limits::Downloads {
        &self.dialer.limits
    }

    /// The statistics of peers.
    pub fn stats(&self) -> &PeerStats {
        &self.admission.stats
    }
}
