//! Totals of an upload server since it started, for its last line in the log.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::counted::counted;
use crate::counters::{RequestCounters, RequestTotals, Tally};
use crate::protocol::Status;

/// The names of the methods as they are counted. Faults count as the last one.
pub const UPLOAD_METHODS: [&str; 4] = ["GET", "LIST", "LOOKUP", "other"];
/// The position of GET.
pub(super) const GET: usize = 0;
/// The position of LIST.
pub(super) const LIST: usize = 1;
/// The position of LOOKUP.
pub(super) const LOOKUP: usize = 2;
/// The position of faults.
pub(super) const OTHER: usize = 3;

/// Totals of an upload server.
#[derive(Debug, Default)]
pub struct UploadTotals {
    documents: AtomicU64,
    bytes: AtomicU64,
    /// Those of incomplete uploads included.
    sent: AtomicU64,
    requests: RequestCounters<{ UPLOAD_METHODS.len() }>,
}

impl UploadTotals {
    /// Counts a request, at the moment when its reply is ready.
    pub(super) fn add_request(
        &self,
        thread: u64,
        method: usize,
        status: Status,
        latency: Duration,
    ) {
        let mut tally = Tally::default();
        tally.count(method, status.code());
        self.requests.add(thread, &mut tally, latency);
    }

    /// Counts bytes of a document.
    pub(super) fn add_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The number of documents that were uploaded.
    pub fn documents(&self) -> u64 {
        self.documents.load(Ordering::Relaxed)
    }

    /// Bytes of documents that were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Requests by method ([`UPLOAD_METHODS`]) and status.
    pub fn requests(&self) -> RequestTotals<{ UPLOAD_METHODS.len() }> {
        self.requests.totals()
    }

    pub(super) fn add(&self, bytes: u64) {
        self.documents.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Display for UploadTotals {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (documents, bytes) =
            (self.documents.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        write!(f, "{}, {}", counted(documents, "upload"), counted(bytes, "byte"))?;
        match self.sent().saturating_sub(bytes) {
            0 => Ok(()),
            rest => write!(f, "; incomplete uploads: {}", counted(rest, "byte")),
        }
    }
}
