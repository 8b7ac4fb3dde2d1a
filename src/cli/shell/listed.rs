//! The documents of the last printed list, which the shell completes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits;
use crate::protocol::Document;

/// The first documents of the last `list`, `lookup`, `search` or `browse` with records. Clones share
/// them.
#[derive(Clone, Default)]
pub(in crate::cli) struct Listed(Arc<Mutex<BTreeSet<Document>>>);

impl Listed {
    /// Begins with the first document of another list.
    pub(in crate::cli) fn begin(&self, document: &Document) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = BTreeSet::from([document.clone()]);
    }

    /// Adds a document of the same list, if there is room.
    pub(in crate::cli) fn add(&self, document: &Document) {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if documents.len() < limits::COMPLETED_DOCUMENTS {
            documents.insert(document.clone());
        }
    }

    pub(in crate::cli) fn documents(&self) -> BTreeSet<Document> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
