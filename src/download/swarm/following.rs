//! The calling thread of a segmented download: progress, digest, and the end (protocol.md section 5.6).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::mem;
use std::time::{Duration, Instant};

use super::hash::hash;
use super::progress::{Steady, is_slow};
use super::{POLL, Progress, Report, SegmentedResult, Swarm, SwarmError};
use crate::download::model::TransferError;
use crate::library::{ChunkedPart, Hasher};
use crate::protocol::Endpoint;

impl Swarm {
    /// Reports progress, computes the digest, and waits for the end. Runs on the calling thread.
    pub(super) fn follow(
        &self,
        part: &ChunkedPart,
        before: u64,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<SegmentedResult, SwarmError> {
        let length = self.length;
        let begun = Instant::now();
        watch(Progress::Bytes(before, length));
        let mut hasher = Hasher::default();
        let mut hashed = 0;
        let mut failures: HashMap<Endpoint, TransferError> = HashMap::new();
        let mut has_alternative = self.has_others;
        let slow_rate = self.accounting.slow_rate();
        let limits = &self.dialer.limits;
        let mut steady = Steady::new(limits, before, begun, slow_rate);
        loop {
            let (complete_until, done, is_idle) = {
                let mut state = self.lock();
                let reports = mem::take(&mut state.reports);
                let done = length.saturating_sub(state.segments.left());
                let complete_until = state.segments.complete_until(length);
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
                (complete_until, done, is_idle)
            };
            if self.dialer.cancel.is_cancelled() {
                self.end();
                return Err(SwarmError::Cancelled);
            }
            watch(Progress::Bytes(done, length));
            let has_stopped = steady.has_stopped(done, Instant::now());
            let received = done.saturating_sub(before);
            let is_slow = || is_slow(limits, received, begun.elapsed(), slow_rate);
            if has_alternative && (has_stopped || is_slow()) {
                if has_stopped {
                    self.note_stopped();
                }
                self.end();
                return Err(SwarmError::Holders(self.with_slow(failures, begun.elapsed())));
            }
            let kept = hash(part, &mut hasher, &mut hashed, complete_until)
                .map_err(SwarmError::Unreadable)
                .and_then(|()| part.check_place().map_err(SwarmError::File));
            if let Err(error) = kept {
                self.end();
                return Err(error);
            }
            if hashed == length {
                break;
            }
            if complete_until > hashed {
                continue;
            }
            if is_idle {
                self.end();
                return Err(match self.lock().file_error.take() {
                    Some(error) => SwarmError::File(error),
                    None => SwarmError::Holders(failures),
                });
            }
            let waited = self.changed.wait_timeout(self.lock(), POLL);
            drop(waited);
        }
        self.end();
        let mut state = self.lock();
        let mut holders: Vec<(Endpoint, u64)> = state.delivered.drain().collect();
        holders.sort_by_key(|(_, bytes)| Reverse(*bytes));
        Ok(SegmentedResult {
            digest: hasher.finish(),
            holders: holders.into_iter().map(|(holder, _)| holder).collect(),
            last_modified: state.last_modified,
        })
    }

    /// Notes the holders that have stopped: those from which a worker is receiving. Holders that have
    /// delivered their segments, and holders that were asked recently, are not among them.
    fn note_stopped(&self) {
        let state = self.lock();
        let receiving: Vec<_> = state
            .receiving
            .values()
            .filter(|receiving| receiving.since.elapsed() >= self.dialer.limits.stopped_after)
            .map(|receiving| (receiving.holder.clone(), receiving.since))
            .collect();
        drop(state);
        for (holder, since) in receiving {
            self.admission.stats.stopped(&holder, since);
        }
    }

    /// Adds the holders that have delivered bytes, but too slowly.
    fn with_slow(
        &self,
        mut failures: HashMap<Endpoint, TransferError>,
        time: Duration,
    ) -> HashMap<Endpoint, TransferError> {
        for holder in self.lock().delivered.keys() {
            failures.insert(holder.clone(), TransferError::Deferred(time));
        }
        failures
    }
}
