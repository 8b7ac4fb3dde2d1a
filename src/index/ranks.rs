//! By what the results of a search are ordered, in small tables by the places of entries.

use crate::protocol::Document;

/// The highest 32 bits are lower the more records the document has; below them is the beginning of the
/// order of documents. Different documents may have equal ones.
///
/// A document with more records comes first, then one that is before others in a list.
pub(super) type Rank = u128;

/// One record less.
const RECORD: Rank = 1 << 96;

/// The ranks of all documents.
#[derive(Debug, Default)]
pub(super) struct Ranks(Vec<Rank>);

impl Ranks {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Rank>()
    }

    /// Bytes by which the table grows with the next document.
    pub(super) fn next_growth(&self) -> usize {
        if self.0.len() < self.0.capacity() { 0 } else { self.bytes() }
    }

    /// A document takes the place of an entry, and has no record yet.
    pub(super) fn enter(&mut self, entry: u32, document: &Document) {
        let rank = u128::from(u32::MAX) << 96 | key(document);
        match self.0.get_mut(place(entry)) {
            Some(old) => *old = rank,
            None => self.0.push(rank),
        }
    }

    /// A list shows one more record of a document.
    pub(super) fn add(&mut self, entry: u32) {
        if let Some(rank) = self.0.get_mut(place(entry)) {
            *rank = rank.checked_sub(RECORD).unwrap_or(*rank);
        }
    }

    /// A list shows one record of a document less.
    pub(super) fn take(&mut self, entry: u32) {
        if let Some(rank) = self.0.get_mut(place(entry)) {
            *rank = rank.checked_add(RECORD).unwrap_or(*rank);
        }
    }

    pub(super) fn of(&self, entry: u32) -> Option<Rank> {
        self.0.get(place(entry)).copied()
    }
}

fn place(entry: u32) -> usize {
    usize::try_from(entry).unwrap_or(usize::MAX)
}

/// 96 bits: RFCs by number, then files by the first bytes of their names.
fn key(document: &Document) -> u128 {
    match document {
        Document::Rfc(number) => number.value().into(),
        Document::File(name) => {
            let mut first = [0; 16];
            let bytes = first.iter_mut().skip(4).zip(name.as_str().bytes());
            bytes.for_each(|(to, byte)| *to = byte);
            1 << 95 | u128::from_be_bytes(first) >> 1
        }
    }
}
