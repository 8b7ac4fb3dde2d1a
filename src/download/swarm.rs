//! A large document from several holders in parallel, in segments (protocol.md section 5.6).
//!
//! A thread for each holder requests the ranges that [`Segments`] assigns to it. Meanwhile the calling
//! thread reads the complete beginning of the file and computes the digest. When the last byte has
//! arrived, connections are closed, and threads that are still connecting end later by themselves.

mod following;
mod hash;
mod progress;
mod receiving;
mod segments;
mod worker;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::dialing::{Admission, HolderDialer};
use super::exchange::Response;
use super::model::{Source, TransferError};
use super::transfer::{Accounting, PreferredRates};
use crate::library::ChunkedPart;
use crate::net::WatchedStream;
use crate::protocol::{Date, Digest, Document, Endpoint};
use crate::system::peer_bounds;
use segments::Segments;

/// How often the calling thread and idle workers check for changes.
const POLL: Duration = Duration::from_millis(100);

/// A document that is downloaded from several holders.
#[derive(Debug)]
pub(super) struct Swarm {
    dialer: HolderDialer,
    admission: Admission,
    accounting: Accounting,
    document: Document,
    digest: Digest,
    length: u64,
    patience: Duration,
    /// Whether holders of other versions can be asked.
    has_others: bool,
    /// The rates of a version that only one holder is asked for, while holders of other versions can be
    /// asked.
    preferred_rates: Option<PreferredRates>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    segments: Segments,
    /// The file; `None` when the download is over, so that no worker keeps it open and locked.
    part: Option<Arc<ChunkedPart>>,
    /// The holders that no worker is asking.
    idle: VecDeque<IdleHolder>,
    /// The response of the first of them, which has begun to arrive.
    first: Option<Response>,
    workers: usize,
    /// How often a holder did not deliver in time.
    stops: u32,
    /// The number of workers that are writing.
    writers: usize,
    receiving: HashMap<usize, Receiving>,
    reports: Vec<Report>,
    delivered: HashMap<Endpoint, u64>,
    last_modified: Option<Date>,
    file_error: Option<io::Error>,
    /// The document is complete, or the download has ended.
    is_over: bool,
}

/// A worker that receives a segment.
#[derive(Debug)]
struct Receiving {
    holder: Endpoint,
    since: Instant,
    stream: Arc<WatchedStream>,
}

/// A holder that no worker is asking.
#[derive(Debug)]
struct IdleHolder {
    source: Source,
    /// Whether it was slow. It is asked again when no other holder is left.
    is_late: bool,
}

#[derive(Debug)]
enum Report {
    Asking(Endpoint),
    Failed(Endpoint, TransferError),
}

/// Why a segmented download failed.
#[derive(Debug)]
pub(super) enum SwarmError {
    /// The file cannot be written, or is no longer at its path.
    File(io::Error),
    /// Bytes that are in the part file cannot be read.
    Unreadable(io::Error),
    /// The download was cancelled.
    Cancelled,
    /// All holders failed.
    Holders(HashMap<Endpoint, TransferError>),
}

/// The result of a segmented download.
#[derive(Debug)]
pub(super) struct SegmentedResult {
    /// The digest of the bytes.
    pub(super) digest: Digest,
    /// The holders that delivered them, those that delivered most first.
    pub(super) holders: Vec<Endpoint>,
    pub(super) last_modified: Option<Date>,
}

/// An event of a segmented download, which is reported to the caller.
pub(super) enum Progress<'a> {
    /// A holder is asked.
    Asking(&'a Endpoint),
    /// A holder has failed.
    Failed(&'a Endpoint, &'a TransferError),
    /// The bytes that are here, and the length.
    Bytes(u64, u64),
}

/// A version of a document that is downloaded in segments.
pub(super) struct SegmentedDocument<'a> {
    pub(super) dialer: &'a HolderDialer,
    pub(super) admission: &'a Admission,
    pub(super) accounting: &'a Accounting,
    pub(super) document: &'a Document,
    /// The digest of the whole document, which identifies the version.
    pub(super) digest: Digest,
    /// The holders to ask, the best one first.
    pub(super) holders: Vec<Source>,
    /// Whether holders of other versions can be asked.
    pub(super) has_others: bool,
    /// The rates that the document must have if only one holder is asked while there are others.
    pub(super) preferred_rates: Option<PreferredRates>,
    /// The response of the first of them, which has begun to arrive.
    pub(super) first: Option<Response>,
    /// The file, with the bytes that are here already.
    pub(super) part: &'a Arc<ChunkedPart>,
}

impl SegmentedDocument<'_> {
    /// Downloads the missing segments, and reports progress to `watch`. The error tells whether the
    /// file, the user, or all holders ended the download.
    pub(super) fn fetch(
        self,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<SegmentedResult, SwarmError> {
        let feeds = self.accounting.bandwidth.feeds(peer_bounds().segments);
        let (count, part) = (self.holders.len().min(feeds), self.part);
        let swarm = Swarm::new(self, count);
        // Counted before the workers begin.
        let before = swarm.length.saturating_sub(swarm.lock().segments.left());
        for worker in 0..count {
            start(&swarm, worker, move |swarm| swarm.work(worker));
        }
        swarm.follow(part, before, watch)
    }
}

/// Starts a worker.
fn start(swarm: &Arc<Swarm>, worker: usize, work: impl FnOnce(&Swarm) + Send + 'static) {
    let guard = WorkerGuard::new(Arc::clone(swarm), worker);
    let work = move || work(&guard.swarm);
    let name = format!("download-{worker}");
    if let Err(error) = thread::Builder::new().name(name).spawn(work) {
        log::warn!("cannot start a thread for another download in parallel: {error}");
    }
}

/// A worker. When it ends, also by a panic, its range is released for others.
struct WorkerGuard {
    swarm: Arc<Swarm>,
    worker: usize,
}

impl WorkerGuard {
    fn new(swarm: Arc<Swarm>, worker: usize) -> Self {
        swarm.lock().workers += 1;
        Self { swarm, worker }
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        let mut state = self.swarm.lock();
        state.workers = state.workers.saturating_sub(1);
        state.segments.release(self.worker);
        state.receiving.remove(&self.worker);
        drop(state);
        self.swarm.changed.notify_all();
    }
}

impl Swarm {
    fn new(request: SegmentedDocument<'_>, count: usize) -> Arc<Self> {
        let SegmentedDocument {
            dialer,
            admission,
            accounting,
            document,
            digest,
            holders,
            has_others,
            preferred_rates,
            first,
            part,
        } = request;
        let patience = match count > 1 || has_others {
            true => dialer.limits.min_rate_time_with_others,
            false => dialer.limits.min_rate_time,
        };
        let state = State {
            segments: Segments::new(part.missing()),
            part: Some(Arc::clone(part)),
            idle: holders.into_iter().map(|source| IdleHolder { source, is_late: false }).collect(),
            first,
            workers: 0,
            stops: 0,
            writers: 0,
            receiving: HashMap::new(),
            reports: Vec::new(),
            delivered: HashMap::new(),
            last_modified: None,
            file_error: None,
            is_over: false,
        };
        Arc::new(Self {
            dialer: dialer.clone(),
            admission: admission.clone(),
            accounting: accounting.clone(),
            document: document.clone(),
            digest,
            length: part.length(),
            patience,
            has_others,
            preferred_rates,
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    /// Ends the download, and waits until no worker writes.
    fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        state.part = None;
        for Receiving { stream, .. } in state.receiving.values() {
            // The connection may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
        let waited = self.changed.wait_while(state, |state| state.writers > 0);
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
