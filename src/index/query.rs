//! Queries for lists of records, and how far a reader is in their results (protocol.md sections 4.3
//! and
//! 4.4).

use super::lines::Seq;
use crate::protocol::{Document, Listing};

/// The records of a list.
#[derive(Clone, Debug)]
pub(super) enum Query {
    /// The records of one document.
    Document(Document),
    /// All records of a kind.
    Listing(Listing),
    /// All records.
    All,
}

/// How far a reader is in the records of a [`Query`].
#[derive(Clone, Debug, Default)]
pub(super) struct Position(Option<(Document, Seq)>);

impl Position {
    /// The position after a line of a document.
    pub(super) fn after(document: &Document, seq: Seq) -> Self {
        Self(Some((document.clone(), seq)))
    }

    /// The document of the last line that was read. It may have more lines.
    pub(super) fn document(&self) -> Option<&Document> {
        self.0.as_ref().map(|(document, _)| document)
    }

    /// The last line of this document that was read.
    pub(super) fn seen(&self, document: &Document) -> Option<Seq> {
        self.0.as_ref().filter(|(seen, _)| seen == document).map(|(_, seq)| *seq)
    }
}
