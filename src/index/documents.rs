//! The documents that somebody has, in the order of a list, and where their entries are.
//!
//! RFCs have a table of their own: they are what an index is asked for most, and twenty numbers
//! lie where two file names would.

use std::collections::BTreeMap;

use super::{Position, Query};
use crate::protocol::{Document, FileName, Listing, RfcNumber};

/// The place of each document's entry.
#[derive(Debug, Default)]
pub(super) struct Documents {
    rfcs: BTreeMap<RfcNumber, u32>,
    files: BTreeMap<FileName, u32>,
}

impl Documents {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.rfcs.is_empty() && self.files.is_empty()
    }

    pub(super) fn find(&self, document: &Document) -> Option<u32> {
        match document {
            Document::Rfc(number) => self.rfcs.get(number),
            Document::File(name) => self.files.get(name),
        }
        .copied()
    }

    /// Enters a document that is not there.
    pub(super) fn insert(&mut self, document: Document, entry: u32) {
        match document {
            Document::Rfc(number) => self.rfcs.insert(number, entry),
            Document::File(name) => self.files.insert(name, entry),
        };
    }

    pub(super) fn remove(&mut self, document: &Document) {
        match document {
            Document::Rfc(number) => self.rfcs.remove(number),
            Document::File(name) => self.files.remove(name),
        };
    }

    /// The entries of a query's documents, in the order of a list, from where a reader has come to.
    pub(super) fn of<'a>(
        &'a self,
        query: &Query,
        position: &'a Position,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let reached = position.document();
        let one = match query {
            Query::Document(document) => self.find(document),
            Query::Listing(_) | Query::All => None,
        };
        let rfcs = match (query, reached) {
            (Query::Document(_) | Query::Listing(Listing::Files), _) => None,
            (_, None) => Some(self.rfcs.range(..)),
            (_, Some(Document::Rfc(number))) => Some(self.rfcs.range(number..)),
            (_, Some(Document::File(_))) => None,
        };
        let files = match (query, reached) {
            (Query::Document(_) | Query::Listing(Listing::Rfcs), _) => None,
            (_, None | Some(Document::Rfc(_))) => Some(self.files.range(..)),
            (_, Some(Document::File(name))) => Some(self.files.range(name..)),
        };
        let listed = rfcs.into_iter().flatten().map(|(_, &entry)| entry);
        one.into_iter().chain(listed).chain(files.into_iter().flatten().map(|(_, &entry)| entry))
    }
}
