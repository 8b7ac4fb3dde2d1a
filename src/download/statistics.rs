//! Statistics of other peers: round-trip times, rates, whether they know extensions, and failures
//! (protocol.md sections 7 and 9).
//!
//! Round trips and rates are kept from one run to the next. Failed holders are retried with exponential
//! backoff.

mod entry;
mod stops;
mod store;
mod unanswered;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::backoff::{Readiness, backoff_delay};
use super::model::GetForm;
use crate::library::StoreFile;
use crate::limits;
use crate::protocol::Endpoint;
use entry::PeerEntry;
pub(super) use entry::Standing;

use unanswered::UnansweredAddresses;

/// Statistics of other peers.
#[derive(Debug, Default)]
pub struct PeerStats {
    known: Mutex<HashMap<Endpoint, PeerEntry>>,
    unanswered: UnansweredAddresses,
    store: Option<StoreFile>,
    pub(super) limits: Arc<limits::Downloads>,
}

/// The speed of a peer, as far as it is known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PeerSpeed {
    /// The time that connecting took.
    pub round_trip: Option<Duration>,
    /// The rate of past downloads in bytes per second; recent downloads have the most weight.
    pub bytes_per_second: Option<u64>,
}

impl PeerStats {
    /// Loads the statistics from this file, as far as it can be read.
    pub fn load(store: &Path) -> Self {
        let store = store::file(store);
        let text = store.read().unwrap_or_default();
        let known = store::parse(&text).map(|(endpoint, stored)| (endpoint, stored.into()));
        Self { known: Mutex::new(known.collect()), store: Some(store), ..Self::default() }
    }

    /// Stores the statistics. Those that other processes stored of other peers are kept.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let known = self.lock().clone();
        store.replace(|text| {
            let text = text.unwrap_or_default();
            let own =
                known.iter().filter_map(|(endpoint, one)| Some((endpoint.clone(), one.stored()?)));
            let others = store::parse(&text).filter(|(endpoint, _)| !known.contains_key(endpoint));
            store::lines(own.chain(others)).collect()
        })
    }

    /// The speed of a peer.
    pub fn speed(&self, endpoint: &Endpoint) -> PeerSpeed {
        let PeerEntry { round_trip, bytes_per_second, .. } = self.of(endpoint);
        PeerSpeed { round_trip, bytes_per_second }
    }

    /// The statistics that decide when a holder of a document of this length is asked.
    pub(super) fn standing(&self, endpoint: &Endpoint, length: u64) -> Standing {
        let peer = self.of(endpoint);
        Standing {
            is_proven: peer.is_proven,
            is_silent: peer.silent_until.is_some_and(|until| until > Instant::now()),
            downloads: peer.busy,
            expected_time: peer.expected_time(length),
        }
    }

    /// Whether it has delivered a document, and has not failed several times since.
    pub(super) fn is_proven(&self, endpoint: &Endpoint) -> bool {
        self.of(endpoint).is_proven
    }

    /// The form of requests that a peer understands which refuses extensions.
    pub(super) fn plain_form(&self, endpoint: &Endpoint) -> Option<GetForm> {
        self.of(endpoint).form
    }

    /// Notes that a peer has delivered a document after a request in this form, without extensions.
    pub(super) fn understands(&self, endpoint: &Endpoint, form: GetForm) {
        self.change(endpoint, |peer| peer.form = Some(form));
    }

    /// Whether other forms of a request may be tried at a peer that has not understood one. That is so
    /// for a small number of documents.
    pub(super) fn begin_forms(&self, endpoint: &Endpoint) -> bool {
        let before = self.of(endpoint).forms_tried;
        self.change(endpoint, |peer| peer.forms_tried = before.saturating_add(1));
        before < limits::DOWNLOADS_AT_ONCE
    }

    /// Notes that a peer has sent a response of any kind.
    pub(super) fn answered(&self, endpoint: &Endpoint) {
        self.change(endpoint, |peer| peer.has_answered = true);
    }

    /// Notes that a peer has not answered, or not soon, at these addresses.
    pub(super) fn no_answer(&self, endpoint: &Endpoint, addresses: &[SocketAddr]) {
        if addresses.is_empty() || self.of(endpoint).has_answered {
            return;
        }
        let until = limits::ends_after(backoff_delay(&self.limits, u32::MAX));
        self.unanswered.add(endpoint, addresses, until);
    }

    /// Whether another peer was asked at this address and has not answered. This holds for peers
    /// that have never answered.
    pub(super) fn is_unanswered_by_another(
        &self,
        endpoint: &Endpoint,
        address: SocketAddr,
    ) -> bool {
        self.unanswered.is_of_another(endpoint, address) && !self.of(endpoint).has_answered
    }

    /// Notes the time that connecting took.
    pub(super) fn connected(&self, endpoint: &Endpoint, time: Duration) {
        self.change(endpoint, |peer| {
            peer.round_trip = Some(match peer.round_trip {
                Some(before) => before.saturating_mul(3).saturating_add(time) / 4,
                None => time,
            });
        });
    }

    /// Notes that a peer delivered this number of bytes in this time. Small transfers do not change
    /// its rate.
    pub(super) fn transferred(&self, endpoint: &Endpoint, bytes: u64, time: Duration) {
        const ENOUGH: u64 = 16 * 1024;
        self.change(endpoint, |peer| {
            peer.failures = 0;
            peer.backed_off_until = None;
            if bytes >= ENOUGH {
                let nanos = time.as_nanos().max(1);
                let rate = u128::from(bytes) * 1_000_000_000 / nanos;
                let rate = u64::try_from(rate).unwrap_or(u64::MAX);
                peer.bytes_per_second = Some(match peer.bytes_per_second {
                    Some(before) => before / 4 * 3 + rate / 4,
                    None => rate,
                });
            }
        });
    }

    /// Notes that a peer was too slow: it delivered this number of bytes in this time.
    pub(super) fn slow(&self, endpoint: &Endpoint, bytes: u64, time: Duration) {
        self.change(endpoint, |peer| {
            peer.bytes_per_second = Some(bytes / time.as_secs().max(1));
        });
    }

    /// Notes that a peer has delivered a whole document.
    pub(super) fn delivered(&self, endpoint: &Endpoint) {
        self.change(endpoint, |peer| {
            peer.stops.delivered();
            peer.is_proven = !peer.stops.owes_any();
            peer.silent_until = None;
        });
    }

    /// Notes that a peer began a document and then stopped, in a transfer that began at this time. It is
    /// proven again only after one or several whole documents. For a while, others are asked before it.
    pub(super) fn stopped(&self, endpoint: &Endpoint, begun: Instant) {
        self.change(endpoint, |peer| {
            if peer.stops.add(begun, peer.is_proven, self.limits.proven_again) {
                peer.is_proven = false;
                peer.silent_until = Some(limits::ends_after(self.limits.silent));
            }
        });
    }

    /// Whether a peer that was not proven, or had stopped before, began a document and then stopped, and
    /// has not delivered several since.
    pub(super) fn has_stopped(&self, endpoint: &Endpoint) -> bool {
        self.of(endpoint).stops.owes_several()
    }

    /// Notes that a peer did not answer soon. For a while, others are asked before it.
    pub(super) fn silent(&self, endpoint: &Endpoint) {
        self.change(endpoint, |peer| {
            peer.silent_until = Some(limits::ends_after(self.limits.silent));
        });
    }

    /// Notes that a peer delivered other bytes than it had announced.
    pub(super) fn distrust(&self, endpoint: &Endpoint) {
        self.change(endpoint, |peer| peer.is_proven = false);
    }

    /// Notes that a peer failed: it is in backoff. A peer that has never answered may be the victim
    /// of forged records, so its backoff is the longest.
    pub(super) fn failed(&self, endpoint: &Endpoint) {
        self.change(endpoint, |peer| {
            let pause = match peer.has_answered {
                true => backoff_delay(&self.limits, peer.failures),
                false => backoff_delay(&self.limits, u32::MAX),
            };
            peer.failures = peer.failures.saturating_add(1);
            peer.is_proven &= peer.failures < self.limits.tries;
            peer.backed_off_until = Some(limits::ends_after(pause));
        });
    }

    pub(super) fn readiness(&self, endpoint: &Endpoint) -> Readiness {
        self.of(endpoint).readiness(Instant::now(), self.limits.tries)
    }

    /// Counts a download from a peer until the returned value is dropped.
    pub(super) fn busy<'a>(&'a self, endpoint: &'a Endpoint) -> Busy<'a> {
        self.change(endpoint, |peer| peer.busy = peer.busy.saturating_add(1));
        Busy { stats: self, endpoint }
    }

    fn of(&self, endpoint: &Endpoint) -> PeerEntry {
        self.lock().get(endpoint).copied().unwrap_or_default()
    }

    fn change(&self, endpoint: &Endpoint, change: impl FnOnce(&mut PeerEntry)) {
        let mut known = self.lock();
        if known.len() >= limits::PEERS_KNOWN && !known.contains_key(endpoint) {
            shrink(&mut known);
        }
        change(known.entry(endpoint.clone()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, PeerEntry>> {
        // Each change is a few assignments that cannot panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bounds the number of peers, because an index can list any number of them. Removes peers that
/// never delivered anything first, and then all peers without a running download.
fn shrink(known: &mut HashMap<Endpoint, PeerEntry>) {
    let now = Instant::now();
    known.retain(|_, peer| {
        let is_backed_off = peer.backed_off_until.is_some_and(|until| until > now);
        peer.busy > 0 || peer.bytes_per_second.is_some() || is_backed_off
    });
    if known.len() >= limits::PEERS_KNOWN {
        known.retain(|_, peer| peer.busy > 0);
    }
}

/// A running download from a peer.
#[derive(Debug)]
pub(super) struct Busy<'a> {
    stats: &'a PeerStats,
    endpoint: &'a Endpoint,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.stats.change(self.endpoint, |peer| {
            peer.busy = peer.busy.saturating_sub(1);
        });
    }
}

#[cfg(test)]
mod tests;
