//! The downloads that run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::peer::{DownloadProgress, Received};
use crate::protocol::Document;

/// A download that runs.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    /// Downloads are numbered in the order of their beginnings.
    pub(crate) number: u64,
    /// The number of the peer that downloads.
    pub(crate) peer: usize,
    pub(crate) document: Document,
    pub(crate) received: Received,
}

/// The downloads that run.
#[derive(Debug, Default)]
pub(super) struct Transfers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: BTreeMap<u64, Transfer>,
    next: u64,
}

/// A download that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running<'a> {
    transfers: &'a Transfers,
    key: u64,
}

impl Transfers {
    /// Begins a download of this peer.
    pub(super) fn begin(&self, peer: usize, document: &Document) -> Running<'_> {
        let mut state = self.lock();
        let key = state.next;
        state.next += 1;
        let (document, received) = (document.clone(), Received::default());
        state.running.insert(key, Transfer { number: key, peer, document, received });
        Running { transfers: self, key }
    }

    /// At most this number of the downloads that run, the oldest first, and their number.
    pub(super) fn running(&self, most: usize) -> (Vec<Transfer>, usize) {
        let state = self.lock();
        (state.running.values().take(most).cloned().collect(), state.running.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running<'_> {
    /// Follows an event of the download.
    pub(super) fn follow(&self, event: &DownloadProgress<'_>) {
        if let Some(transfer) = self.transfers.lock().running.get_mut(&self.key) {
            transfer.received.follow(event);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.transfers.lock().running.remove(&self.key);
    }
}
