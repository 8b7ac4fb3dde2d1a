//! What an index that knows attributes has accepted on the present connection: it is not told the
//! same of a document again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use crate::protocol::{Document, IndexRequest, Request};

/// The hash of the last accepted ADD of each document.
#[derive(Debug, Default)]
pub(super) struct Announced(HashMap<Document, u64>);

impl Announced {
    /// The index has accepted this ADD.
    pub(super) fn insert(&mut self, document: Document, request: u64) {
        self.0.insert(document, request);
    }

    /// Whether the last ADD that the index has accepted was another one.
    pub(super) fn is_news(&self, document: &Document, request: u64) -> bool {
        self.0.get(document) != Some(&request)
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
