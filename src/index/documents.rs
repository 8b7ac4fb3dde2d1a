//! The documents that have records, in the order of a list, and the places of their entries
//! (protocol.md section 4.5).
//!
//! RFCs have a table of their own: most requests are for RFCs, and twenty RFC numbers take as much
//! memory as two file names.

use std::collections::BTreeMap;

use super::query::Position;
use crate::protocol::{Document, FileName, Listing, RfcNumber};

/// RFC numbers below this one are in a table. They suffice for a long time.
const LOW: usize = 1 << 16;

/// The place of each document's entry.
#[derive(Debug, Default)]
pub(super) struct Documents {
    rfcs: BTreeMap<RfcNumber, u32>,
    /// A copy of the RFCs below [`LOW`], indexed by number. A lookup reads memory once, instead of
    /// once for each level of a tree.
    low: Vec<Option<u32>>,
    files: BTreeMap<FileName, u32>,
}

impl Documents {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.rfcs.is_empty() && self.files.is_empty() && self.low.iter().all(Option::is_none)
    }

    pub(super) fn find(&self, document: &Document) -> Option<u32> {
        match document {
            Document::Rfc(number) if place_of(*number) < LOW => *self.low.get(place_of(*number))?,
            Document::Rfc(number) => self.rfcs.get(number).copied(),
            Document::File(name) => self.files.get(name).copied(),
        }
    }

    /// Inserts a document that has no entry yet.
    pub(super) fn insert(&mut self, document: Document, entry: u32) {
        match document {
            Document::Rfc(number) => {
                self.set_low(number, Some(entry));
                self.rfcs.insert(number, entry)
            }
            Document::File(name) => self.files.insert(name, entry),
        };
    }

    pub(super) fn remove(&mut self, document: &Document) {
        match document {
            Document::Rfc(number) => {
                self.set_low(*number, None);
                self.rfcs.remove(number)
            }
            Document::File(name) => self.files.remove(name),
        };
    }

    /// Bytes of the table of low numbers. The memory of the trees is counted with the entries.
    pub(super) fn bytes(&self) -> usize {
        self.low.capacity() * size_of::<Option<u32>>()
    }

    fn set_low(&mut self, number: RfcNumber, entry: Option<u32>) {
        let at = place_of(number);
        if at < LOW {
            if self.low.len() <= at {
                self.low.resize(at + 1, None);
            }
            if let Some(place) = self.low.get_mut(at) {
                *place = entry;
            }
        }
    }

    /// The entries of all documents of a kind, or of both kinds, in the order of a list, from the
    /// position of a reader.
    pub(super) fn of<'a>(
        &'a self,
        listing: Option<Listing>,
        position: &'a Position,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let reached = position.document();
        let rfcs = match (listing, reached) {
            (Some(Listing::Files), _) => None,
            (_, None) => Some(self.rfcs.range(..)),
            (_, Some(Document::Rfc(number))) => Some(self.rfcs.range(number..)),
            (_, Some(Document::File(_))) => None,
        };
        let files = match (listing, reached) {
            (Some(Listing::Rfcs), _) => None,
            (_, None | Some(Document::Rfc(_))) => Some(self.files.range(..)),
            (_, Some(Document::File(name))) => Some(self.files.range(name..)),
        };
        let rfcs = rfcs.into_iter().flatten().map(|(_, &entry)| entry);
        rfcs.chain(files.into_iter().flatten().map(|(_, &entry)| entry))
    }
}

fn place_of(number: RfcNumber) -> usize {
    usize::try_from(number.value()).unwrap_or(usize::MAX)
}
