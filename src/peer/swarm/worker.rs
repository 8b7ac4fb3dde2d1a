//! A worker of a swarm: it fetches from one holder what the plan gives it, and from the next one
//! when that holder fails.

use std::net::TcpStream;
use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{LOOK, Report, Swarm};
use crate::limits;
use crate::peer::neighbours::pause_after;
use crate::peer::question::{Question, ask_once, connect};
use crate::peer::transfer::Floor;
use crate::peer::transfer_error::TransferError;
use crate::protocol::{ContentRange, Endpoint};

impl Swarm {
    /// A worker: holder after holder, until all is there or there is none left.
    pub(super) fn work(&self, worker: usize) {
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
            if state.is_over || self.fetcher.cancel().is_cancelled() {
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
        let question =
            Question { holder, document: &self.document, want_digest: true, range: wanted };
        let (head, receiver) = ask_once(&self.fetcher, stream, &question)?;
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
            let waiting = Instant::now();
            let most = self.fetcher.bandwidth().take(address, false, chunk.len() as u64);
            floor.excuse(waiting.elapsed());
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
}
