//! What an operator sees of a server while it runs.

use std::sync::Arc;
use std::time::Duration;

use super::methods::INDEX_METHODS;
use super::shared::Shared;
use crate::counters::{Cause, LiveRequests, RequestTotals};
use crate::index::{Announced, Cursor, Owner};
use crate::net::{AccessPolicy, Stop};
use crate::protocol::{BorrowedRecord, Record, Words};

/// Observes a server. Clones observe the same one, also after it has ended.
#[derive(Clone, Debug)]
pub struct Monitor(pub(super) Arc<Shared>);

/// The state of a server at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// Connections.
    pub peers: usize,
    /// The largest number of connections.
    pub most_peers: usize,
    /// Records of all peers.
    pub records: usize,
    /// The largest number of records.
    pub most_records: usize,
    /// Bytes of memory that the index takes, with its search structure.
    pub index_bytes: usize,
    /// The largest number of them.
    pub most_index_bytes: usize,
    /// Bytes of memory of the search structure.
    pub search_bytes: usize,
    /// Titles that a search cannot find yet.
    pub queued_titles: usize,
    /// How often a thread had to wait for the lock of the index, and for how long.
    pub lock_waits: (u64, Duration),
    /// Requests since the start.
    pub requests: RequestTotals<{ INDEX_METHODS.len() }>,
}

impl Monitor {
    /// Whether the server accepts connections.
    pub fn is_accepting(&self) -> bool {
        !self.0.stop.is_stopping() && !self.0.stop.is_draining()
    }

    /// Its connections, and its end.
    pub fn stop(&self) -> &Stop {
        &self.0.stop
    }

    /// The addresses that may connect.
    pub fn access(&self) -> &AccessPolicy {
        &self.0.access
    }

    /// What a connection has registered; `None` if that is nothing.
    pub fn announced(&self, connection: u64) -> Option<Announced> {
        self.0.index.announced(Owner(connection))
    }

    /// The best records for the words of a title, as SEARCH finds them.
    pub fn search(&self, words: Words, most: usize) -> Vec<Record> {
        let index = &self.0.index;
        let mut cursor = Cursor::search(words, most);
        let mut found = Vec::new();
        loop {
            let page = index.page(&mut cursor, |view| {
                let BorrowedRecord { document, title, holder } = view.record;
                let (document, title) = (document.clone(), title.clone());
                found.push(Record { document, title, holder: holder.clone() });
                true
            });
            if page.is_last {
                return found;
            }
            index.yield_lock();
        }
    }

    /// The cluster that the server belongs to, if any, and the index that it shares.
    #[cfg(feature = "cluster")]
    pub fn cluster(&self) -> Option<(&crate::cluster::Cluster, &crate::index::Index)> {
        Some((self.0.store.cluster()?, &self.0.index))
    }

    /// Requests as they are answered.
    pub fn live(&self) -> &LiveRequests {
        &self.0.live
    }

    /// Waits for the lock of the index: returns if the server works.
    pub fn check(&self) {
        self.0.index.len();
    }

    /// The present state.
    pub fn observe(&self) -> Observation {
        let Shared { index, permits, counters, limits, memory, .. } = &*self.0;
        Observation {
            peers: permits.taken(),
            most_peers: permits.most(),
            records: index.len(),
            most_records: limits.records,
            index_bytes: index.bytes(),
            most_index_bytes: memory.most(),
            search_bytes: index.search_bytes(),
            queued_titles: index.queued(),
            lock_waits: index.lock_waits(),
            requests: counters.totals(),
        }
    }

    /// How many connections and requests were refused for this cause.
    pub fn refused(&self, cause: Cause) -> u64 {
        self.0.permits.refusals().of(cause)
    }
}
