//! The register of downloads that run in this process, in the background and in the foreground. `status`
//! shows them, and `get` waits for a running download instead of starting another.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::cli::progress::RecentRate;
use crate::download::DownloadTotals;
use crate::library::Saved;
use crate::limits;
use crate::peer::{Cancel, CompletedDownload};
use crate::protocol::Document;

/// All running downloads. Clones share them.
#[derive(Clone, Default)]
pub(in crate::cli) struct Downloads {
    state: Arc<Mutex<State>>,
    totals: Arc<DownloadTotals>,
}

#[derive(Default)]
struct State {
    batches: BTreeMap<u64, Batch>,
    next: u64,
}

/// Documents that are downloaded together.
struct Batch {
    /// Downloads that are not complete, each with the commands that wait for it.
    documents: BTreeMap<Document, Vec<Sender<Finish>>>,
    all: usize,
    bytes: u64,
    rate: RecentRate,
}

/// How a download ended for which a command waits.
pub(in crate::cli) enum Finish {
    Fetched(Box<CompletedDownload>, Saved),
    GivenUp,
}

/// Waits for the end of a running download; `None` if it was cancelled, or the waiting was.
pub(in crate::cli) fn wait(end: &Receiver<Finish>, cancel: &Cancel) -> Option<Finish> {
    loop {
        match end.recv_timeout(limits::INTERRUPT_POLL) {
            Ok(finish) => return Some(finish),
            Err(RecvTimeoutError::Timeout) if !cancel.is_cancelled() => {}
            Err(_) => return None,
        }
    }
}

/// The state of documents that are downloaded together, for `status`.
pub(in crate::cli) struct RunningBatch {
    /// Some of the documents that are not complete.
    pub(in crate::cli) documents: Vec<Document>,
    pub(in crate::cli) done: usize,
    pub(in crate::cli) all: usize,
    pub(in crate::cli) bytes: u64,
    /// `None` while the rate is unknown.
    pub(in crate::cli) bytes_per_second: Option<u64>,
}

/// A batch that runs until this is dropped.
pub(in crate::cli) struct Running {
    downloads: Downloads,
    id: u64,
}

impl Downloads {
    /// Registers documents that are about to be downloaded. Those that are being downloaded are
    /// not registered again: for each of them the end of the running download is returned.
    pub(in crate::cli) fn claim<'a>(
        &self,
        documents: impl Iterator<Item = &'a Document>,
    ) -> (Running, BTreeMap<Document, Receiver<Finish>>) {
        let (mut claimed, mut running) = (BTreeMap::new(), BTreeMap::new());
        let mut state = self.lock();
        for document in documents {
            let waiting =
                state.batches.values_mut().find_map(|batch| batch.documents.get_mut(document));
            if let Some(waiting) = waiting {
                let (sender, receiver) = channel();
                waiting.push(sender);
                running.insert(document.clone(), receiver);
            } else {
                claimed.insert(document.clone(), Vec::new());
            }
        }
        let id = state.next;
        state.next = id.wrapping_add(1);
        let (all, rate) = (claimed.len(), RecentRate::new(Instant::now()));
        if all > 0 {
            state.batches.insert(id, Batch { documents: claimed, all, bytes: 0, rate });
        }
        drop(state);
        self.totals.add_begun(all);
        (Running { downloads: self.clone(), id }, running)
    }

    /// All batches, the oldest first, with a bounded number of documents of each.
    pub(in crate::cli) fn running(&self, documents: usize) -> Vec<RunningBatch> {
        let now = Instant::now();
        let mut state = self.lock();
        let show = |batch: &mut Batch| RunningBatch {
            documents: batch.documents.keys().take(documents).cloned().collect(),
            done: batch.all - batch.documents.len(),
            all: batch.all,
            bytes: batch.bytes,
            bytes_per_second: batch.rate.at(now, batch.bytes),
        };
        state.batches.values_mut().map(show).collect()
    }

    /// Totals of this process.
    pub(in crate::cli) fn totals(&self) -> &Arc<DownloadTotals> {
        &self.totals
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one insertion or removal: a poisoned state is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Totals of this process.
    pub(in crate::cli) fn totals(&self) -> &DownloadTotals {
        &self.downloads.totals
    }

    /// Adds received bytes.
    pub(in crate::cli) fn add_bytes(&self, count: u64) {
        self.downloads.totals.add_bytes(count);
        self.with(|batch| {
            batch.bytes = batch.bytes.saturating_add(count);
            batch.rate.at(Instant::now(), batch.bytes);
        });
    }

    /// A document is complete, or was given up.
    pub(in crate::cli) fn finish(&self, document: &Document, finish: impl Fn() -> Finish) {
        let mut ended = None;
        self.with(|batch| ended = batch.documents.remove(document));
        self.downloads.totals.add_ended(usize::from(ended.is_some()));
        for sender in ended.unwrap_or_default() {
            // The command may no longer wait.
            let _ = sender.send(finish());
        }
    }

    fn with(&self, change: impl FnOnce(&mut Batch)) {
        if let Some(batch) = self.downloads.lock().batches.get_mut(&self.id) {
            change(batch);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let batch = self.downloads.lock().batches.remove(&self.id);
        self.downloads.totals.add_ended(batch.map_or(0, |batch| batch.documents.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_downloads_are_listed_and_waited_for() {
        let downloads = Downloads::default();
        let [one, two] = ["1", "2"].map(|number| Document::Rfc(number.parse().unwrap()));
        let (running, others) = downloads.claim([&one, &two].into_iter());
        assert!(others.is_empty());
        running.add_bytes(7);
        let (nothing, mut others) = downloads.claim([&one, &two].into_iter());
        drop(nothing);
        let (first, second) = (others.remove(&one).unwrap(), others.remove(&two).unwrap());
        running.finish(&one, || Finish::GivenUp);
        assert!(matches!(first.recv(), Ok(Finish::GivenUp)));
        let listed = downloads.running(10);
        assert_eq!((listed.len(), listed[0].done, listed[0].all, listed[0].bytes), (1, 1, 2, 7));
        assert_eq!(listed[0].documents, std::slice::from_ref(&two));
        drop(running);
        assert!(second.recv().is_err());
        assert!(downloads.running(10).is_empty());
        let (_, others) = downloads.claim([&two].into_iter());
        assert!(others.is_empty());
    }
}
