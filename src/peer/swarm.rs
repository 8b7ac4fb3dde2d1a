//! A large document from several holders at once, in segments (protocol.md section 5.6).
//!
//! A thread for each holder fetches what [`Segments`] gives it; the calling thread reads what is
//! whole from the beginning and computes the digest meanwhile. When the last byte is there nobody
//! is waited for: connections are cut, and who still tries to connect ends by itself.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::fetch::{Attempt, Fetcher};
use super::neighbours::pause_after;
use super::segments::Segments;
use super::transfer::{Floor, ask, connect};
use super::transfer_error::TransferError;
use crate::library::{Hasher, Pieces};
use crate::limits;
use crate::protocol::{ContentRange, Date, Digest, Document, Endpoint};

/// How often the calling thread looks when nothing happens.
const LOOK: Duration = Duration::from_millis(100);

/// A document that is fetched from several holders.
#[derive(Debug)]
pub(super) struct Swarm {
    fetcher: Fetcher,
    document: Document,
    digest: Digest,
    pieces: Arc<Pieces>,
    patience: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    segments: Segments,
    /// Holders that nobody asks yet.
    spare: VecDeque<Endpoint>,
    workers: usize,
    /// Workers that are writing at this moment.
    writers: usize,
    connections: HashMap<usize, Arc<TcpStream>>,
    reports: Vec<Report>,
    brought: HashMap<Endpoint, u64>,
    last_modified: Option<Date>,
    file_error: Option<io::Error>,
    /// Everything is there, or nothing more can come.
    is_over: bool,
}

#[derive(Debug)]
enum Report {
    Asking(Endpoint),
    Failed(Endpoint, TransferError),
}

/// Why it was not fetched.
#[derive(Debug)]
pub(super) enum SwarmError {
    /// The bytes cannot be kept here.
    File(io::Error),
    /// All holders failed before everything was there.
    Holders(Vec<(Endpoint, TransferError)>),
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Brought {
    /// That of the bytes.
    pub(super) digest: Digest,
    /// Who brought them, those who brought most first.
    pub(super) holders: Vec<Endpoint>,
    pub(super) last_modified: Option<Date>,
}

/// Fetches what is missing of a document with this digest.
pub(super) fn fetch_segments(
    fetcher: &Fetcher,
    document: &Document,
    digest: Digest,
    holders: Vec<Endpoint>,
    pieces: Arc<Pieces>,
    watch: &mut dyn FnMut(Attempt<'_>),
) -> Result<Brought, SwarmError> {
    let count = holders.len().min(limits::SEGMENTS_AT_ONCE);
    let patience = if count > 1 { limits::RATE_TIME_OF_ONE } else { limits::RATE_TIME };
    let state = State {
        segments: Segments::new(pieces.missing()),
        spare: holders.into(),
        workers: 0,
        writers: 0,
        connections: HashMap::new(),
        reports: Vec::new(),
        brought: HashMap::new(),
        last_modified: None,
        file_error: None,
        is_over: false,
    };
    let swarm = Arc::new(Swarm {
        fetcher: fetcher.clone(),
        document: document.clone(),
        digest,
        pieces,
        patience,
        state: Mutex::new(state),
        changed: Condvar::new(),
    });
    for worker in 0..count {
        swarm.lock().workers += 1;
        let shared = Arc::clone(&swarm);
        let work = move || {
            shared.work(worker);
            shared.lock().workers -= 1;
            shared.changed.notify_all();
        };
        let name = format!("download-{worker}");
        if let Err(error) = thread::Builder::new().name(name).spawn(work) {
            log::warn!("one download less at once, no thread to be had: {error}");
            swarm.lock().workers -= 1;
        }
    }
    swarm.follow(watch)
}

impl Swarm {
    /// The calling thread: reports, computes the digest, and waits for the end.
    fn follow(&self, watch: &mut dyn FnMut(Attempt<'_>)) -> Result<Brought, SwarmError> {
        let length = self.pieces.length();
        let mut hasher = Hasher::default();
        let mut hashed = 0;
        let mut failures: Vec<(Endpoint, TransferError)> = Vec::new();
        loop {
            let (whole_until, done, is_idle) = {
                let mut state = self.lock();
                let reports = std::mem::take(&mut state.reports);
                let done = length - state.segments.left();
                let whole_until = state.segments.whole_until(length);
                let is_idle = state.workers == 0 || state.file_error.is_some();
                drop(state);
                for report in reports {
                    match report {
                        Report::Asking(holder) => watch(Attempt::Asking(&holder)),
                        Report::Failed(holder, error) => {
                            watch(Attempt::Failed(&holder, &error));
                            failures.retain(|(other, _)| *other != holder);
                            failures.push((holder, error));
                        }
                    }
                }
                (whole_until, done, is_idle)
            };
            watch(Attempt::Progress(done, Some(length)));
            if let Err(error) = self.hash(&mut hasher, &mut hashed, whole_until) {
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

    fn hash(&self, hasher: &mut Hasher, hashed: &mut u64, until: u64) -> io::Result<()> {
        // Not more at once than what keeps the display moving.
        const AT_ONCE: u64 = 16 * 1024 * 1024;
        let until = until.min(*hashed + AT_ONCE);
        let mut chunk = vec![0; 256 * 1024];
        while *hashed < until {
            let most = usize::try_from(until - *hashed).unwrap_or(usize::MAX).min(chunk.len());
            let count = self.pieces.read(&mut chunk[..most], *hashed)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&chunk[..count]);
            *hashed += count as u64;
        }
        Ok(())
    }

    /// From now on nobody writes any more.
    fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        for connection in state.connections.values() {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
        let waited = self.changed.wait_while(state, |state| state.writers > 0);
        drop(waited);
    }

    /// A worker: holder after holder, until all is there or there is none left.
    fn work(&self, worker: usize) {
        loop {
            let next = {
                let mut state = self.lock();
                if state.is_over { None } else { state.spare.pop_front() }
            };
            let Some(holder) = next else { return };
            self.lock().reports.push(Report::Asking(holder.clone()));
            let _busy = self.fetcher.neighbours().busy(&holder);
            self.fetch_from(worker, &holder);
        }
    }

    fn fetch_from(&self, worker: usize, holder: &Endpoint) {
        let mut fruitless = 0;
        while let Some(range) = self.next_range(worker, holder) {
            let before = self.brought_by(holder);
            let Err(error) = self.fetch_range(worker, holder, &range) else {
                fruitless = 0;
                continue;
            };
            let mut state = self.lock();
            state.segments.release(worker);
            if state.is_over {
                return;
            }
            if let TransferError::File(error) = error {
                state.file_error = Some(error);
                self.changed.notify_all();
                return;
            }
            drop(state);
            let has_progressed = self.brought_by(holder) > before;
            fruitless = if has_progressed { 0 } else { fruitless + 1 };
            if error.is_fault_of_holder() {
                self.fetcher.neighbours().failed(holder);
            }
            let goes_on = error.is_transient() && fruitless < limits::TRIES;
            self.lock().reports.push(Report::Failed(holder.clone(), error));
            self.changed.notify_all();
            if !goes_on {
                return;
            }
            self.rest(pause_after(fruitless));
        }
    }

    fn brought_by(&self, holder: &Endpoint) -> u64 {
        self.lock().brought.get(holder).copied().unwrap_or(0)
    }

    /// What this worker is to fetch next; nothing if all is done.
    #[allow(clippy::cast_precision_loss, reason = "a rate is not exact anyway")]
    fn next_range(&self, worker: usize, holder: &Endpoint) -> Option<Range<u64>> {
        let pace = self.fetcher.neighbours().pace(holder);
        let rate = pace.bytes_per_second.unwrap_or(1024 * 1024) as f64;
        let mut state = self.lock();
        loop {
            if state.is_over || state.segments.is_done() {
                return None;
            }
            if let Some(range) = state.segments.take(worker, rate, Instant::now()) {
                return Some(range);
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn rest(&self, pause: Duration) {
        let waited = self.changed.wait_timeout_while(self.lock(), pause, |state| {
            !state.is_over && !state.segments.is_done()
        });
        drop(waited);
    }

    fn fetch_range(
        &self,
        worker: usize,
        holder: &Endpoint,
        range: &Range<u64>,
    ) -> Result<(), TransferError> {
        let stream = Arc::new(connect(&self.fetcher, holder)?);
        {
            let mut state = self.lock();
            if state.is_over {
                return Ok(());
            }
            state.connections.insert(worker, Arc::clone(&stream));
        }
        let begun = Instant::now();
        let outcome = self.receive(worker, holder, range, &stream);
        self.lock().connections.remove(&worker);
        let bytes = outcome?;
        self.fetcher.neighbours().transferred(holder, bytes, begun.elapsed());
        Ok(())
    }

    fn receive(
        &self,
        worker: usize,
        holder: &Endpoint,
        range: &Range<u64>,
        stream: &TcpStream,
    ) -> Result<u64, TransferError> {
        let wanted = Some(range.clone().into());
        let (head, _, receiver) = ask(stream, &self.document, holder, true, wanted)?;
        let found = head.digest.ok_or(TransferError::NoDigest)?;
        if found != self.digest {
            return Err(TransferError::OtherVersion { expected: self.digest, found });
        }
        let length = head.content_range.map(ContentRange::length).or(head.content_length);
        // Without a range all of the document follows, and the beginning is passed over.
        let mut place = head.content_range.map_or(0, ContentRange::first);
        if length != Some(self.pieces.length()) || place > range.start {
            return Err(TransferError::OtherPart);
        }
        if head.last_modified.is_some() {
            self.lock().last_modified = head.last_modified;
        }
        let address = stream.peer_addr().map_err(TransferError::Lost)?.ip();
        let mut floor = Floor::new(self.patience);
        let mut chunk = receiver.input().to_vec();
        let mut filled = chunk.len();
        chunk.resize(64 * 1024, 0);
        let mut written = 0;
        loop {
            let skipped = range.start.saturating_sub(place).min(filled as u64);
            let bytes = &chunk[usize::try_from(skipped).unwrap_or(filled)..filled];
            place += skipped;
            let (count, has_more) = self.write(worker, holder, bytes, place)?;
            written += count;
            if !has_more {
                return Ok(written);
            }
            place += bytes.len() as u64;
            let most = self.fetcher.bandwidth().take(address, false, chunk.len() as u64);
            let most = usize::try_from(most).unwrap_or(chunk.len());
            filled = floor.read(stream, &mut chunk[..most])?;
            if filled == 0 {
                let expected = self.lock().segments.end(worker).unwrap_or(place);
                return match place < expected {
                    true => Err(TransferError::Truncated { expected, found: place }),
                    false => Ok(written),
                };
            }
        }
    }

    /// Writes what belongs to this worker; returns how much that was, and whether there is more to
    /// do.
    fn write(
        &self,
        worker: usize,
        holder: &Endpoint,
        bytes: &[u8],
        place: u64,
    ) -> Result<(u64, bool), TransferError> {
        let count = {
            let mut state = self.lock();
            let Some(end) = state.segments.end(worker).filter(|_| !state.is_over) else {
                return Ok((0, false));
            };
            let count = end.saturating_sub(place).min(bytes.len() as u64);
            if bytes.is_empty() {
                return Ok((0, true));
            }
            state.writers += 1;
            count
        };
        let most = usize::try_from(count).unwrap_or(bytes.len());
        let outcome = self.pieces.write(&bytes[..most], place);
        let mut state = self.lock();
        state.writers -= 1;
        if state.is_over {
            self.changed.notify_all();
        }
        outcome.map_err(TransferError::File)?;
        state.segments.advance(worker, count, Instant::now());
        *state.brought.entry(holder.clone()).or_default() += count;
        let has_more = state.segments.end(worker).is_some();
        if !has_more {
            self.changed.notify_all();
        }
        Ok((count, has_more))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
