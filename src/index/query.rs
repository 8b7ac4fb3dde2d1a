//! Queries of readers, their progress, and the records that they are shown (protocol.md sections 4.3 and
//! 4.10).

use std::net::IpAddr;

use super::attributes::{Attributes, date};
use super::lines::Age;
use crate::protocol::{BorrowedRecord, Content, Document, Listing, RecordEnd};

/// What a reader asks for.
#[derive(Clone, Debug)]
pub enum Query {
    /// The records of one document.
    Document(Document),
    /// All records of a kind.
    Listing(Listing),
    /// All records.
    All,
}

/// How far a reader has come in the records of a [`Query`].
#[derive(Clone, Debug, Default)]
pub struct Position(Option<(Document, Age)>);

impl Position {
    pub(super) fn behind(document: &Document, age: Age) -> Self {
        Self(Some((document.clone(), age)))
    }

    /// The document of which a line was seen last; there may be more of it.
    pub(super) fn document(&self) -> Option<&Document> {
        self.0.as_ref().map(|(document, _)| document)
    }

    /// The last line of a document that was seen.
    pub(super) fn seen(&self, document: &Document) -> Option<Age> {
        self.0.as_ref().filter(|(seen, _)| seen == document).map(|(_, age)| *age)
    }
}

/// A record that a reader is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The record.
    pub record: BorrowedRecord<'a>,
    /// The end of its line.
    pub end: &'a RecordEnd,
    pub(super) content: &'a Content,
    pub(super) added: u32,
    pub(super) address: Option<IpAddr>,
}

impl Shown<'_> {
    /// What is known of it beside its line.
    pub fn attributes(&self) -> Attributes {
        Attributes { content: *self.content, added: date(self.added), address: self.address }
    }
}
