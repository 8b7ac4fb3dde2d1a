//! The register of downloads that run in this process, in the background and in the foreground. `status` and
//! the status page show them, and `get` waits for a running download instead of starting another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::one::{DownloadResult, EndedDownload, Finish, One, RunningDownload};
use crate::cli::progress::RecentRate;
use crate::download::DownloadTotals;
use crate::library::Saved;
use crate::limits;
use crate::peer::{Cancel, CompletedDownload, DownloadProgress, Received};
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
    /// The last downloads that have ended, the oldest first.
    ended: VecDeque<EndedDownload>,
}

/// Documents that are downloaded together.
struct Batch {
    /// Downloads that are not complete.
    documents: BTreeMap<Document, One>,
    all: usize,
    bytes: u64,
    rate: RecentRate,
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
    /// Registers documents that are about to be downloaded, each with the handle that cancels its download.
    /// Those that are being downloaded are not registered again: for each of them the end of the running
    /// download is returned.
    pub(in crate::cli) fn claim<'a>(
        &self,
        documents: impl Iterator<Item = (&'a Document, &'a Cancel)>,
    ) -> (Running, BTreeMap<Document, Receiver<Finish>>) {
        let (mut claimed, mut running) = (BTreeMap::new(), BTreeMap::new());
        let mut state = self.lock();
        for (document, cancel) in documents {
            if let Some(one) = state.one(document) {
                let (sender, receiver) = channel();
                one.waiting.push(sender);
                running.insert(document.clone(), receiver);
            } else {
                claimed.insert(document.clone(), One::new(cancel.clone()));
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

    /// The downloads that have not ended, at most this number, those that receive first; and their number.
    pub(in crate::cli) fn each(&self, most: usize) -> (Vec<RunningDownload>, usize) {
        let now = Instant::now();
        let mut state = self.lock();
        let documents = |batch: &Batch| batch.documents.len();
        let all = state.batches.values().map(documents).sum();
        let (mut shown, mut waiting) = (Vec::new(), Vec::new());
        let each = state.batches.values_mut().flat_map(|batch| &mut batch.documents);
        for (document, one) in each {
            let list = if one.has_begun() { &mut shown } else { &mut waiting };
            if list.len() < most {
                list.push(one.show(document, now));
            }
        }
        shown.extend(waiting);
        shown.truncate(most);
        (shown, all)
    }

    /// The last downloads that have ended, the latest first.
    pub(in crate::cli) fn ended(&self) -> Vec<EndedDownload> {
        self.lock().ended.iter().rev().cloned().collect()
    }

    /// Whether a document is being downloaded.
    pub(in crate::cli) fn is_running(&self, document: &Document) -> bool {
        self.lock().one(document).is_some()
    }

    /// Cancels the download of a document; `false` if there is none. One that has not begun ends here: its worker
    /// may be busy with other documents for long.
    pub(in crate::cli) fn cancel(&self, document: &Document) -> bool {
        let mut state = self.lock();
        let has_it = |batch: &&mut Batch| batch.documents.contains_key(document);
        let Some(batch) = state.batches.values_mut().find(has_it) else { return false };
        let Some(one) = batch.documents.get(document) else { return false };
        one.cancel.cancel();
        if !one.has_begun() {
            batch.documents.remove(document);
            drop(state);
            self.totals.add_ended(1);
            self.note_ended(document, DownloadResult::Cancelled);
        }
        true
    }

    /// Notes the end of a download.
    pub(in crate::cli) fn note_ended(&self, document: &Document, result: DownloadResult) {
        let document = document.clone();
        self.lock().note(EndedDownload { document, time: SystemTime::now(), result });
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

impl State {
    fn one(&mut self, document: &Document) -> Option<&mut One> {
        self.batches.values_mut().find_map(|batch| batch.documents.get_mut(document))
    }

    fn note(&mut self, ended: EndedDownload) {
        if self.ended.len() >= limits::ENDED_DOWNLOADS {
            self.ended.pop_front();
        }
        self.ended.push_back(ended);
    }
}

impl Running {
    /// Adds received bytes.
    pub(in crate::cli) fn add_bytes(&self, count: u64) {
        self.downloads.totals.add_bytes(count);
        self.with(|batch| {
            batch.bytes = batch.bytes.saturating_add(count);
            batch.rate.at(Instant::now(), batch.bytes);
        });
    }

    /// Updates what is here of a document.
    pub(in crate::cli) fn receive(&self, document: &Document, received: &Received) {
        self.with_one(document, |one| one.receive(received.clone(), Instant::now()));
    }

    /// A document is tried again after this pause.
    pub(in crate::cli) fn retry(&self, document: &Document, pause: Duration, reason: String) {
        self.with_one(document, |one| one.retry(pause, reason));
    }

    /// Follows a download of one document that reports its events itself.
    pub(in crate::cli) fn follow(&self, document: &Document, event: &DownloadProgress<'_>) {
        let mut count = 0;
        self.with_one(document, |one| count = one.follow(event, Instant::now()));
        if count > 0 {
            self.add_bytes(count);
        }
    }

    /// A document is complete.
    pub(in crate::cli) fn complete(
        &self,
        document: &Document,
        fetched: &CompletedDownload,
        saved: Saved,
    ) {
        self.downloads.totals.add_complete();
        let finish = || Finish::Fetched(Box::new(fetched.clone()), saved);
        self.end(document, DownloadResult::Complete(fetched.length), finish);
    }

    /// Another process has saved a document.
    pub(in crate::cli) fn present(&self, document: &Document) {
        self.end(document, DownloadResult::Present, || Finish::GivenUp);
    }

    /// A document is not downloaded, for this reason.
    pub(in crate::cli) fn fail(&self, document: &Document, reason: String) {
        self.downloads.totals.add_failed();
        self.end(document, DownloadResult::Failed(reason), || Finish::GivenUp);
    }

    fn end(&self, document: &Document, result: DownloadResult, finish: impl Fn() -> Finish) {
        let mut ended = None;
        self.with(|batch| ended = batch.documents.remove(document));
        let Some(one) = ended else { return };
        self.downloads.totals.add_ended(1);
        let result = match result {
            DownloadResult::Failed(_) if one.cancel.is_cancelled() => DownloadResult::Cancelled,
            result => result,
        };
        self.downloads.note_ended(document, result);
        for sender in one.waiting {
            // The command may no longer wait.
            let _ = sender.send(finish());
        }
    }

    fn with_one(&self, document: &Document, change: impl FnOnce(&mut One)) {
        self.with(|batch| {
            if let Some(one) = batch.documents.get_mut(document) {
                change(one);
            }
        });
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
    use crate::cli::downloads::one::DownloadState;
    use crate::protocol::Endpoint;

    #[test]
    fn running_downloads_are_listed_and_waited_for() {
        let downloads = Downloads::default();
        let [one, two] = ["1", "2"].map(|number| Document::Rfc(number.parse().unwrap()));
        let cancel = Cancel::new();
        let both = || [(&one, &cancel), (&two, &cancel)].into_iter();
        let (running, others) = downloads.claim(both());
        assert!(others.is_empty());
        running.add_bytes(7);
        let (nothing, mut others) = downloads.claim(both());
        drop(nothing);
        let (first, second) = (others.remove(&one).unwrap(), others.remove(&two).unwrap());
        running.fail(&one, "no peer has it".into());
        assert!(matches!(first.recv(), Ok(Finish::GivenUp)));
        let ended = downloads.ended();
        assert_eq!(ended[0].result, DownloadResult::Failed("no peer has it".into()));
        let listed = downloads.running(10);
        assert_eq!((listed.len(), listed[0].done, listed[0].all, listed[0].bytes), (1, 1, 2, 7));
        assert_eq!(listed[0].documents, std::slice::from_ref(&two));
        let holder: Endpoint = "h:1".parse().unwrap();
        let received = Received { bytes: 3, length: Some(9), holders: vec![holder.clone()] };
        running.receive(&two, &received);
        let (each, all) = downloads.each(10);
        assert_eq!((all, each[0].bytes, each[0].length), (1, 3, Some(9)));
        assert_eq!((&each[0].state, &each[0].holders), (&DownloadState::Receiving, &vec![holder]));
        assert!(downloads.cancel(&two) && !downloads.cancel(&one) && cancel.is_cancelled());
        assert_eq!(downloads.each(10).0[0].state, DownloadState::Cancelled);
        assert_eq!(downloads.ended().len(), 1);
        drop(running);
        assert!(second.recv().is_err());
        assert!(downloads.running(10).is_empty());
        let (_, others) = downloads.claim(both());
        assert!(others.is_empty());
    }
    /// Before, it was listed until a worker had time for it, as being cancelled.
    #[test]
    fn a_cancelled_download_that_has_not_begun_ends_at_once() {
        let downloads = Downloads::default();
        let [waiting, retrying] = ["1", "2"].map(|number| Document::Rfc(number.parse().unwrap()));
        let cancels = [Cancel::new(), Cancel::new()];
        let all = || [&waiting, &retrying].into_iter().zip(&cancels);
        let (running, _) = downloads.claim(all());
        let (_nothing, mut others) = downloads.claim(all());
        running.receive(&retrying, &Received::default());
        running.retry(&retrying, Duration::from_secs(600), "busy".into());
        for document in [&waiting, &retrying] {
            assert!(downloads.cancel(document) && !downloads.is_running(document));
            assert!(others.remove(document).unwrap().recv().is_err());
            assert_eq!(downloads.ended()[0].result, DownloadResult::Cancelled);
            assert!(!downloads.cancel(document));
            // Its worker ends it later, which changes nothing.
            running.fail(document, "cancelled".into());
        }
        assert!(cancels.iter().all(Cancel::is_cancelled));
        assert_eq!((downloads.ended().len(), downloads.totals().running()), (2, 0));
    }
}
