//! The documents of the last printed list: the shell completes them, and `%3` is the third one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits;
use crate::protocol::Document;

/// The documents of the last list with records, such as that of `list`, `lookup`, `search`, `browse` or `docs`.
/// Clones share them.
#[derive(Clone, Default)]
pub(in crate::cli) struct Listed(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    /// Whether the rows of tables have numbers, which only a shell understands.
    has_numbers: bool,
    documents: Vec<Document>,
}

impl Listed {
    /// The list of a shell.
    pub(in crate::cli) fn of_shell() -> Self {
        Self(Arc::new(Mutex::new(Rows { has_numbers: true, documents: Vec::new() })))
    }

    /// Whether the rows of tables have numbers.
    pub(in crate::cli) fn has_numbers(&self) -> bool {
        self.lock().has_numbers
    }

    /// Begins with the first document of another list.
    pub(in crate::cli) fn begin(&self, document: &Document) {
        self.lock().documents = vec![document.clone()];
    }

    /// Adds a document of the same list, if there is room.
    pub(in crate::cli) fn add(&self, document: &Document) {
        let mut rows = self.lock();
        if rows.documents.len() < limits::LISTED_ROWS {
            rows.documents.push(document.clone());
        }
    }

    /// Replaces the list, unless there are no documents.
    pub(in crate::cli) fn replace<'a>(&self, documents: impl Iterator<Item = &'a Document>) {
        let documents: Vec<Document> = documents.take(limits::LISTED_ROWS).cloned().collect();
        if !documents.is_empty() {
            self.lock().documents = documents;
        }
    }

    pub(in crate::cli) fn documents(&self) -> BTreeSet<Document> {
        self.lock().documents.iter().cloned().collect()
    }

    /// The document of a row, from 1.
    ///
    /// # Errors
    /// When the list has no such row; the message states what it has.
    pub(in crate::cli) fn row(&self, number: usize) -> Result<Document, String> {
        let rows = self.lock();
        let found = number.checked_sub(1).and_then(|at| rows.documents.get(at));
        found.cloned().ok_or_else(|| match rows.documents.len() {
            0 => format!(
                "expected a row of the last list, found `%{number}`: nothing was listed yet"
            ),
            1 => format!("expected a row of the last list, found `%{number}`: it has only `%1`"),
            last => {
                format!(
                    "expected a row of the last list, from `%1` to `%{last}`, found `%{number}`"
                )
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        // Each change is one assignment or insertion: a poisoned list is still consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
