//! What an index that knows attributes has accepted on the present connection: it is not told the
//! same of a document again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::Shared;
use super::announcing::announcement;
use crate::limits;
use crate::protocol::{Document, Endpoint, IndexRequest, Request};

/// The hash of the last accepted ADD of each document.
#[derive(Debug, Default)]
pub(super) struct Announced(HashMap<Document, u64>);

impl Announced {
    /// The index has accepted this ADD.
    pub(super) fn insert(&mut self, document: Document, request: u64) {
        self.0.insert(document, request);
    }

    /// The index is told something else of this document.
    pub(super) fn remove(&mut self, document: &Document) {
        self.0.remove(document);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A request as it is remembered.
pub(super) fn hash_of(request: &IndexRequest) -> u64 {
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    hasher.finish()
}

impl Shared {
    /// The documents of which the index has not accepted what the library says now, each with the
    /// hash of its ADD if it is shared.
    pub(super) fn news(
        &self,
        documents: &[Document],
        own: &Endpoint,
    ) -> Vec<(Document, Option<u64>)> {
        let request = |document: &Document| {
            let request = announcement(&self.library, document, true, own.clone());
            let is_add = matches!(request, IndexRequest::Add { .. });
            (document.clone(), is_add.then(|| hash_of(&request)))
        };
        let all: Vec<_> = documents.iter().map(request).collect();
        let announced = self.lock_announced();
        let is_news = |(document, request): &(Document, Option<u64>)| {
            request.is_none() || announced.0.get(document) != request.as_ref()
        };
        all.into_iter().filter(is_news).collect()
    }

    /// Waits for the digests of a small library, which are computed at this moment: so its documents
    /// are added once, with them.
    pub(super) fn wait_for_digests(&self) {
        let begun = Instant::now();
        while begun.elapsed() < limits::DIGESTS_WAIT
            && self.library.read().has_few_unknown_digests(limits::DIGESTS_WAITED_FOR)
            && !self.is_leaving()
        {
            thread::sleep(limits::DIGESTS_POLL);
        }
    }

    pub(super) fn lock_announced(&self) -> MutexGuard<'_, Announced> {
        // Each change is one insertion or removal.
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
