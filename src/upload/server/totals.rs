//! Totals of an upload server since it started, for its last line in the log.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};

/// Totals of an upload server.
#[derive(Debug, Default)]
pub struct UploadTotals {
    documents: AtomicU64,
    bytes: AtomicU64,
}

impl UploadTotals {
    pub(super) fn add(&self, bytes: u64) {
        self.documents.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Display for UploadTotals {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (documents, bytes) =
            (self.documents.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        let uploads = if documents == 1 { "upload" } else { "uploads" };
        let unit = if bytes == 1 { "byte" } else { "bytes" };
        write!(f, "{documents} {uploads}, {bytes} {unit}")
    }
}
