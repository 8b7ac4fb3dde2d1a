//! By what the results of a search are ordered, in small tables by the places of entries.

use std::cmp::Reverse;

use crate::protocol::Document;

/// A document with more records comes first, then one that is before others in a list.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Rank {
    records: Reverse<u32>,
    /// The beginning of the order of documents: for different documents it may be equal.
    key: u128,
}

/// The ranks of all documents.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    records: Vec<u32>,
    keys: Vec<u128>,
}

impl Ranks {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.records.capacity() * size_of::<u32>() + self.keys.capacity() * size_of::<u128>()
    }

    /// Bytes by which the tables grow with the next document.
    pub(super) fn next_growth(&self) -> usize {
        if self.records.len() < self.records.capacity() { 0 } else { self.bytes() }
    }

    /// A document takes the place of an entry, and has no record yet.
    pub(super) fn enter(&mut self, entry: u32, document: &Document) {
        let at = usize::try_from(entry).unwrap_or(usize::MAX);
        let key = key(document);
        if let (Some(records), Some(old)) = (self.records.get_mut(at), self.keys.get_mut(at)) {
            (*records, *old) = (0, key);
        } else {
            self.records.push(0);
            self.keys.push(key);
        }
    }

    /// A list shows one more record of a document.
    pub(super) fn add(&mut self, entry: u32) {
        if let Some(records) = self.records.get_mut(place(entry)) {
            *records += 1;
        }
    }

    /// A list shows one record of a document less.
    pub(super) fn take(&mut self, entry: u32) {
        if let Some(records) = self.records.get_mut(place(entry)) {
            *records = records.saturating_sub(1);
        }
    }

    pub(super) fn of(&self, entry: u32) -> Option<Rank> {
        let records = Reverse(*self.records.get(place(entry))?);
        Some(Rank { records, key: *self.keys.get(place(entry))? })
    }
}

fn place(entry: u32) -> usize {
    usize::try_from(entry).unwrap_or(usize::MAX)
}

/// RFCs by number, then files by the first bytes of their names.
fn key(document: &Document) -> u128 {
    match document {
        Document::Rfc(number) => number.value().into(),
        Document::File(name) => {
            let mut first = [0; 16];
            first.iter_mut().zip(name.as_str().bytes()).for_each(|(to, byte)| *to = byte);
            1 << 127 | u128::from_be_bytes(first) >> 1
        }
    }
}
