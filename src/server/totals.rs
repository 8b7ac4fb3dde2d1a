//! Totals of a server since it started, for its last line in the log.

use crate::counted::counted;
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of all sessions that have ended. A session adds its counts when it ends, so that sessions
/// do not write to the same memory while they reply.
#[derive(Debug, Default)]
pub struct Totals {
    connections: AtomicU64,
    requests: AtomicU64,
    faults: AtomicU64,
}

impl Totals {
    pub(super) fn add_session(&self, requests: u64, faults: u64) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(requests, Ordering::Relaxed);
        self.faults.fetch_add(faults, Ordering::Relaxed);
    }
}

impl Display for Totals {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = |count: &AtomicU64, what| {
            counted(usize::try_from(count.load(Ordering::Relaxed)).unwrap_or(usize::MAX), what)
        };
        let connections = count(&self.connections, "connection");
        let (requests, faults) = (count(&self.requests, "request"), count(&self.faults, "fault"));
        write!(f, "{connections}, {requests}, {faults}")
    }
}
