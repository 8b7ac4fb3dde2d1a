//! Totals of the downloads of a process.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of downloads since the process started. A download that has begun is counted once as ended.
#[derive(Debug, Default)]
pub struct DownloadTotals {
    begun: AtomicU64,
    ended: AtomicU64,
    complete: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
}

impl DownloadTotals {
    /// Downloads have begun.
    pub fn add_begun(&self, count: usize) {
        self.begun.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Downloads have ended, whatever their result.
    pub fn add_ended(&self, count: usize) {
        self.ended.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// A document is complete.
    pub fn add_complete(&self) {
        self.complete.fetch_add(1, Ordering::Relaxed);
    }

    /// A document was given up.
    pub fn add_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes have arrived.
    pub fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    /// The number of downloads that have not ended.
    pub fn running(&self) -> u64 {
        let ended = self.ended.load(Ordering::Relaxed);
        self.begun.load(Ordering::Relaxed).saturating_sub(ended)
    }

    /// The number of complete documents.
    pub fn complete(&self) -> u64 {
        self.complete.load(Ordering::Relaxed)
    }

    /// The number of documents that were given up.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Bytes that have arrived.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
