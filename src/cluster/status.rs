//! What operators see of a cluster.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A server of the cluster whose lease is valid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LiveServer {
    /// Its name.
    pub name: String,
    /// The addresses that clients use.
    pub addresses: Vec<String>,
}

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Changes of own connections that were written to the store.
    pub published: u64,
    /// Batches in which they were written.
    pub batches: u64,
    /// Changes that were applied without the store.
    pub local: u64,
    /// Changes of other servers that were applied.
    pub applied: u64,
    /// Records of other servers for which there is no room.
    pub refused: u64,
    /// Entries of the store that are illegal.
    pub illegal: u64,
    /// How often the store was lost.
    pub failures: u64,
    /// How often a late write was refused, or the store had lost changes.
    pub fenced: u64,
    /// Records of own connections that were published again.
    pub republished: u64,
    /// How often all records of other servers were read.
    pub resyncs: u64,
    /// Time from the submission of changes until they were applied here, in nanoseconds, and the number of
    /// batches.
    pub waited: (u64, u64),
}

/// The state that operators see.
#[derive(Debug, Default)]
pub(super) struct Status {
    pub(super) published: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) local: AtomicU64,
    pub(super) applied: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) illegal: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) fenced: AtomicU64,
    pub(super) republished: AtomicU64,
    pub(super) resyncs: AtomicU64,
    waited: AtomicU64,
    waits: AtomicU64,
    seen: Mutex<Seen>,
}

/// What was last seen of the cluster.
#[derive(Clone, Debug)]
struct Seen {
    /// When the store has last replied to the reader; at first the start of the server.
    contact: Instant,
    /// Why the publisher or the reader has no connection.
    failures: [Option<String>; 2],
    id: Option<String>,
    servers: Vec<LiveServer>,
    /// The addresses of the servers that were seen when the store could be used.
    addresses: Vec<String>,
}

impl Default for Seen {
    fn default() -> Self {
        let (contact, failures) = (Instant::now(), [None, None]);
        Self { contact, failures, id: None, servers: Vec::new(), addresses: Vec::new() }
    }
}

/// One of the two connections to the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Publisher = 0,
    Reader = 1,
}

pub(super) fn count(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}

impl Status {
    pub(super) fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            published: of(&self.published),
            batches: of(&self.batches),
            local: of(&self.local),
            applied: of(&self.applied),
            refused: of(&self.refused),
            illegal: of(&self.illegal),
            failures: of(&self.failures),
            fenced: of(&self.fenced),
            republished: of(&self.republished),
            resyncs: of(&self.resyncs),
            waited: (of(&self.waited), of(&self.waits)),
        }
    }

    pub(super) fn add_wait(&self, waited: Duration) {
        let nanoseconds = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(nanoseconds, Ordering::Relaxed);
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// The store has replied to the reader.
    pub(super) fn set_contact(&self) {
        self.lock().contact = Instant::now();
    }

    /// When the store has last replied to the reader; at first the start of the server.
    pub(super) fn contact(&self) -> Instant {
        self.lock().contact
    }

    /// A connection has failed, or works. Returns whether that is news.
    pub(super) fn set_failure(&self, side: Side, failure: Option<String>) -> bool {
        let mut seen = self.lock();
        let Some(slot) = seen.failures.get_mut(side as usize) else { return false };
        let is_news = slot.is_some() != failure.is_some();
        *slot = failure;
        is_news
    }

    /// Why the store cannot be used; `None` if it can.
    pub(super) fn failure(&self) -> Option<String> {
        self.lock().failures.iter().flatten().next().cloned()
    }

    pub(super) fn set_id(&self, id: &str) {
        self.lock().id = Some(id.into());
    }

    pub(super) fn id(&self) -> Option<String> {
        self.lock().id.clone()
    }

    /// Sets the servers whose leases are valid; none while the store cannot be used.
    pub(super) fn set_servers(&self, servers: Vec<LiveServer>) {
        let mut seen = self.lock();
        if !servers.is_empty() {
            let addresses = servers.iter().flat_map(|server| server.addresses.iter().cloned());
            seen.addresses = addresses.collect();
        }
        seen.servers = servers;
    }

    /// The addresses of the servers, the last known ones while the store cannot be used.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.lock().addresses.clone()
    }

    pub(super) fn servers(&self) -> Vec<LiveServer> {
        self.lock().servers.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Each change is an assignment.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
