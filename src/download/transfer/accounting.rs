//! The state that all transfers of a program share (protocol.md section 7).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::download::statistics::PeerStats;
use crate::escape::{escaped, excerpt};
use crate::limits;
use crate::net::Bandwidth;
use crate::protocol::Endpoint;

/// Limits and counts the received bytes. Clones share everything.
#[derive(Clone, Debug, Default)]
pub(in crate::download) struct Accounting {
    pub(in crate::download) stats: Arc<PeerStats>,
    pub(in crate::download) bandwidth: Bandwidth,
    pub(in crate::download) limits: Arc<limits::Downloads>,
    /// Whether only replies are accepted that follow the grammar.
    pub(in crate::download) is_strict: bool,
    /// Holders that were reported to send other bytes than they announce.
    deviating: Arc<Mutex<BTreeSet<Endpoint>>>,
}

impl Accounting {
    pub(in crate::download) fn new(
        stats: Arc<PeerStats>,
        bandwidth: Bandwidth,
        limits: Arc<limits::Downloads>,
    ) -> Self {
        Self { stats, bandwidth, limits, is_strict: false, deviating: Arc::default() }
    }

    /// Bytes a second below which a download is slow. Where the user limits all downloads, less is not
    /// the fault of a holder.
    pub(in crate::download) fn slow_rate(&self) -> u64 {
        let usual = self.limits.slow_rate;
        self.bandwidth.share().map_or(usual, |share| usual.min(share / 2))
    }

    /// Counts bytes that were received already against the bandwidth limit, and waits for it.
    pub(in crate::download) fn count(&self, address: IpAddr, is_small: bool, bytes: u64) {
        let mut uncounted = bytes;
        while uncounted > 0 {
            let counted = self.bandwidth.take(address, is_small, uncounted);
            uncounted = uncounted.saturating_sub(counted.max(1));
        }
    }

    /// Reports, once for each holder, the bytes that follow a document. They are ignored.
    pub(in crate::download) fn report_excess(&self, holder: &Endpoint, rest: &[u8]) {
        let rest = rest.trim_ascii();
        if rest.is_empty() {
            // Many upload servers end a document with a line end of their own.
            log::info!("{holder} sent more than Content-Length says: the rest is ignored");
            return;
        }
        let found = excerpt(rest);
        self.report(holder, &format!("sent more than Content-Length says: {found} is ignored"));
    }

    /// Reports, once for each holder, how a document differs from what its head announced.
    pub(in crate::download) fn report(&self, holder: &Endpoint, deviation: &str) {
        let mut deviating = self.deviating.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = deviating.len() < limits::PEERS_KNOWN && deviating.insert(holder.clone());
        drop(deviating);
        if is_new {
            log::warn!("{} {deviation}", escaped(&holder.to_string()));
        }
    }
}
