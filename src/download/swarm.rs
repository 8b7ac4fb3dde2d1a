//! A large document from several holders in parallel, in segments (protocol.md section 5.6).
//!
//! A thread for each holder requests the ranges that [`Segments`] gives it. Meanwhile the calling thread reads
//! the complete beginning of the file and computes the digest. When the last byte has arrived, connections are
//! closed, and threads that still connect end later by themselves.

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

use super::dialing::{Admission, Dialer};
use super::exchange::Response;
use super::model::{Source, TransferError};
use super::swarm::segments::Segments;
use super::transfer::Accounting;
use crate::library::{ChunkedPart, Hasher};
use crate::limits;
use crate::net::WatchedStream;
use crate::protocol::{Date, Digest, Document, Endpoint};
use crate::system::peer_bounds;
use hash::hash;
use progress::{Steady, is_slow};

/// How often the calling thread looks when nothing happens.
const LOOK: Duration = Duration::from_millis(100);

/// A document that is fetched from several holders.
#[derive(Debug)]
pub(super) struct Swarm {
    dialer: Dialer,
    admission: Admission,
    accounting: Accounting,
    document: Document,
    digest: Digest,
    length: u64,
    patience: Duration,
    /// Whether holders are left that have, or may have, other versions.
    has_others: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    segments: Segments,
    /// Where they are written; nothing when the download is over, so that no worker keeps the
    /// file open and locked.
    pieces: Option<Arc<ChunkedPart>>,
    /// Holders that no worker is asking.
    spare: VecDeque<Spare>,
    /// What the first of them has begun to deliver.
    first: Option<Response>,
    workers: usize,
    /// Workers that are writing at this moment.
    writers: usize,
    connections: HashMap<usize, Arc<WatchedStream>>,
    reports: Vec<Report>,
    brought: HashMap<Endpoint, u64>,
    last_modified: Option<Date>,
    file_error: Option<io::Error>,
    /// Everything is there, or nothing more can come.
    is_over: bool,
}

/// A holder that no worker is asking.
#[derive(Debug)]
struct Spare {
    source: Source,
    /// Whether it was slow, and is asked again because no other was left.
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
    /// The bytes cannot be kept here.
    File(io::Error),
    /// The download was cancelled.
    Cancelled,
    /// All holders failed before everything was there.
    Holders(HashMap<Endpoint, TransferError>),
}

/// The result of a segmented download.
#[derive(Debug)]
pub(super) struct Brought {
    /// The digest of the bytes.
    pub(super) digest: Digest,
    /// The holders that delivered them, those that delivered most first.
    pub(super) holders: Vec<Endpoint>,
    pub(super) last_modified: Option<Date>,
}

/// What is reported to the caller during a segmented download.
pub(super) enum Progress<'a> {
    /// A holder is asked.
    Asking(&'a Endpoint),
    /// A holder has failed.
    Failed(&'a Endpoint, &'a TransferError),
    /// How many bytes are there, and of how many.
    Bytes(u64, u64),
}

/// A version of a document that is to be fetched in segments.
pub(super) struct SegmentedDocument<'a> {
    pub(super) dialer: &'a Dialer,
    pub(super) admission: &'a Admission,
    pub(super) accounting: &'a Accounting,
    pub(super) document: &'a Document,
    /// The digest of the whole document, which identifies the version.
    pub(super) digest: Digest,
    /// The holders to ask, the best one first.
    pub(super) holders: Vec<Source>,
    /// Whether holders are left that have, or may have, other versions.
    pub(super) has_others: bool,
    /// What the first of them has begun to deliver.
    pub(super) first: Option<Response>,
    /// The file, with what is here already.
    pub(super) pieces: &'a Arc<ChunkedPart>,
}

impl SegmentedDocument<'_> {
    /// Fetches the missing segments, and reports progress to `watch`. An error says whether the file,
    /// the user, or all holders ended the download.
    pub(super) fn fetch(self, watch: &mut dyn FnMut(Progress<'_>)) -> Result<Brought, SwarmError> {
        let feeds = self.accounting.bandwidth.feeds(peer_bounds().segments);
        let (count, pieces) = (self.holders.len().min(feeds), self.pieces);
        let swarm = Swarm::new(self, count);
        // Before the workers add to it.
        let before = swarm.length.saturating_sub(swarm.lock().segments.left());
        for worker in 0..count {
            start(&swarm, worker, move |swarm| swarm.work(worker));
        }
        swarm.follow(pieces, before, watch)
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

/// A worker. When it ends, by a panic as well, what it has not delivered is for others.
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
        state.connections.remove(&self.worker);
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
            first,
            pieces,
        } = request;
        let patience = match count > 1 || has_others {
            true => limits::RATE_TIME_OF_ONE,
            false => limits::RATE_TIME,
        };
        let state = State {
            segments: Segments::new(pieces.missing()),
            pieces: Some(Arc::clone(pieces)),
            spare: holders.into_iter().map(|source| Spare { source, is_late: false }).collect(),
            first,
            workers: 0,
            writers: 0,
            connections: HashMap::new(),
            reports: Vec::new(),
            brought: HashMap::new(),
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
            length: pieces.length(),
            patience,
            has_others,
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    /// The calling thread: reports, computes the digest, and waits for the end.
    fn follow(
        &self,
        pieces: &ChunkedPart,
        before: u64,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Brought, SwarmError> {
        let length = self.length;
        let begun = Instant::now();
        watch(Progress::Bytes(before, length));
        let mut hasher = Hasher::default();
        let mut hashed = 0;
        let mut failures: HashMap<Endpoint, TransferError> = HashMap::new();
        let mut has_alternative = self.has_others;
        let slow_rate = self.accounting.bandwidth.slow_rate();
        let mut steady = Steady::new(before, begun, slow_rate);
        loop {
            let (whole_until, done, is_idle) = {
                let mut state = self.lock();
                let reports = std::mem::take(&mut state.reports);
                let done = length.saturating_sub(state.segments.left());
                let whole_until = state.segments.whole_until(length);
                let is_idle = state.workers == 0 || state.file_error.is_some();
                drop(state);
                for report in reports {
                    match report {
                        Report::Asking(holder) => watch(Progress::Asking(&holder)),
                        Report::Failed(holder, error) => {
                            watch(Progress::Failed(&holder, &error));
                            has_alternative |= error.is_about_version();
                            failures.insert(holder, error);
                        }
                    }
                }
                (whole_until, done, is_idle)
            };
            if self.dialer.cancel.is_cancelled() {
                self.end();
                return Err(SwarmError::Cancelled);
            }
            watch(Progress::Bytes(done, length));
            let has_stopped = steady.has_stopped(done, Instant::now());
            if has_alternative
                && (has_stopped || is_slow(done.saturating_sub(before), begun.elapsed(), slow_rate))
            {
                self.end();
                if has_stopped {
                    self.lock().brought.keys().for_each(|one| self.admission.stats.stopped(one));
                }
                return Err(SwarmError::Holders(self.with_slow(failures, begun.elapsed())));
            }
            let kept = hash(pieces, &mut hasher, &mut hashed, whole_until)
                .and_then(|()| pieces.check_place());
            if let Err(error) = kept {
                self.end();
                return Err(SwarmError::File(error));
            }
            if hashed == length {
                break;
            }
            if whole_until > hashed {
                continue;
            }
            if is_idle {
                self.end();
                return Err(match self.lock().file_error.take() {
                    Some(error) => SwarmError::File(error),
                    None => SwarmError::Holders(failures),
                });
            }
            let waited = self.changed.wait_timeout(self.lock(), LOOK);
            drop(waited);
        }
        self.end();
        let mut state = self.lock();
        let mut holders: Vec<(Endpoint, u64)> = state.brought.drain().collect();
        holders.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        Ok(Brought {
            digest: hasher.finish(),
            holders: holders.into_iter().map(|(holder, _)| holder).collect(),
            last_modified: state.last_modified,
        })
    }

    /// Adds the holders that have delivered something, but too slowly.
    fn with_slow(
        &self,
        mut failures: HashMap<Endpoint, TransferError>,
        time: Duration,
    ) -> HashMap<Endpoint, TransferError> {
        for holder in self.lock().brought.keys() {
            failures.insert(holder.clone(), TransferError::Deferred(time));
        }
        failures
    }

    /// From now on nobody writes any more.
    fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        state.pieces = None;
        for connection in state.connections.values() {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
        let waited = self.changed.wait_while(state, |state| state.writers > 0);
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
