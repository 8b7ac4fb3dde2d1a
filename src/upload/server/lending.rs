//! Which reader has a document that is being handed over (protocol.md section 8.8).

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::limits;
use crate::net::Connection;
use crate::protocol::Document;

/// Bytes that a reader must take in `hand_over_stall`: more than its system takes for a
/// program that reads nothing, beyond what it takes immediately.
const STEP: u64 = 16 * 1024;

/// Documents that are being handed over.
#[derive(Debug, Default)]
pub(super) struct Lending {
    limits: limits::Uploads,
    leases: Mutex<HashMap<Document, Lease>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Lease {
    number: u64,
    /// When its reader has last taken something.
    progress: Instant,
    /// The file is being moved: it is too late for anybody else.
    is_moving: bool,
}

impl Lease {
    /// Whether nobody else may get the document. Progress may have been noticed late.
    fn is_held(&self, limits: &limits::Uploads) -> bool {
        let stall = limits.hand_over_stall.saturating_sub(limits::HAND_OVER_CHECK);
        self.is_moving || self.progress.elapsed() < stall
    }
}

/// A document that is being handed over, until it is dropped.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    lending: &'a Lending,
    document: Document,
    number: u64,
    /// Bytes that were acknowledged when the reader last made progress.
    acknowledged: Cell<u64>,
    /// When that was checked.
    checked: Cell<Instant>,
}

impl Lending {
    pub(super) fn new(limits: limits::Uploads) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether a document cannot be lent now.
    pub(super) fn is_lent(&self, document: &Document) -> bool {
        self.lock().get(document).is_some_and(|lease| lease.is_held(&self.limits))
    }

    /// Lends a document to one reader, to which it can be sent immediately; `None` if another has it,
    /// and has taken some of it in the last 2 s. A reader that has not loses it, and continues to read
    /// what it is sent.
    pub(super) fn lend(&self, document: &Document) -> Option<Lent<'_>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut leases = self.lock();
        if leases.get(document).is_some_and(|lease| lease.is_held(&self.limits)) {
            return None;
        }
        let now = Instant::now();
        leases.insert(document.clone(), Lease { number, progress: now, is_moving: false });
        let (document, acknowledged, checked) = (document.clone(), Cell::new(0), Cell::new(now));
        Some(Lent { lending: self, document, number, acknowledged, checked })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Document, Lease>> {
        // Each change is one insertion, removal or assignment.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    /// Checks how much of the `sent` bytes the reader's system has acknowledged, unless that was
    /// checked recently. What only fills this system's buffer is no progress.
    pub(super) fn check_progress(&self, stream: &Connection, sent: u64) {
        if self.checked.get().elapsed() < limits::HAND_OVER_CHECK / 2 {
            return;
        }
        self.checked.set(Instant::now());
        if let Ok(unacknowledged) = stream.unacknowledged() {
            self.has_left(sent, unacknowledged.unwrap_or(0));
        }
    }

    /// A reader that has acknowledged everything so far waits for this side, such as for its rate
    /// limit.
    pub(super) fn has_left(&self, sent: u64, unacknowledged: u64) {
        let acknowledged = sent.saturating_sub(unacknowledged);
        let is_step = acknowledged >= self.acknowledged.get().saturating_add(STEP);
        if unacknowledged == 0 || is_step {
            self.acknowledged.set(acknowledged);
            self.with(|lease| lease.progress = Instant::now());
        }
    }

    pub(super) fn limits(&self) -> &limits::Uploads {
        &self.lending.limits
    }

    /// The document.
    pub(super) fn document(&self) -> &Document {
        &self.document
    }

    /// Whether it is still lent to this reader; then nobody else gets it any more.
    pub(super) fn keep_for_moving(&self) -> bool {
        self.with(|lease| lease.is_moving = true)
    }

    fn with(&self, change: impl FnOnce(&mut Lease)) -> bool {
        let mut leases = self.lending.lock();
        let lease = leases.get_mut(&self.document).filter(|lease| lease.number == self.number);
        lease.map(change).is_some()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut leases = self.lending.lock();
        if leases.get(&self.document).is_some_and(|lease| lease.number == self.number) {
            leases.remove(&self.document);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_lent_to_one_reader_that_goes_on() {
        let lending = Lending::default();
        let document = Document::Rfc("1".parse().unwrap());
        let first = lending.lend(&document).unwrap();
        assert!(lending.lend(&document).is_none() && lending.is_lent(&document));
        let now = Instant::now();
        let long_ago = now.checked_sub(limits::Uploads::DEFAULT.hand_over_stall).unwrap_or(now);
        first.with(|lease| lease.progress = long_ago);
        let second = lending.lend(&document).unwrap();
        assert!(!first.keep_for_moving(), "it has lost the document");
        drop(first);
        assert!(lending.lend(&document).is_none(), "the second has it");
        assert!(second.keep_for_moving());
        second.with(|lease| lease.progress = long_ago);
        assert!(lending.lend(&document).is_none(), "it is being moved");
        drop(second);
        assert!(lending.lock().is_empty());
    }

    #[test]
    fn a_trickle_is_no_progress() {
        let lending = Lending::default();
        let document = Document::Rfc("1".parse().unwrap());
        let lent = lending.lend(&document).unwrap();
        let now = Instant::now();
        let long_ago = now.checked_sub(limits::Uploads::DEFAULT.hand_over_stall).unwrap_or(now);
        lent.with(|lease| lease.progress = long_ago);
        (0..STEP / 1024).for_each(|step| lent.has_left(1 << 20, (1 << 20) - step * 1024));
        assert_eq!(lending.lock()[&document].progress, long_ago);
        lent.has_left(1 << 20, (1 << 20) - STEP);
        assert!(lending.lock()[&document].progress > long_ago);
    }

    #[test]
    fn a_reader_that_waits_for_this_side_keeps_the_document() {
        let lending = Lending::default();
        let document = Document::Rfc("1".parse().unwrap());
        let lent = lending.lend(&document).unwrap();
        lent.has_left(1000, 0);
        let now = Instant::now();
        let long_ago = now.checked_sub(limits::Uploads::DEFAULT.hand_over_stall).unwrap_or(now);
        lent.with(|lease| lease.progress = long_ago);
        // Nothing more was sent since.
        lent.has_left(1000, 0);
        assert!(lending.is_lent(&document));
    }
}
