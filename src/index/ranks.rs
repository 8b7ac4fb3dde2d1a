//! The order of the results of a search, in small tables by the numbers of entries (protocol.md
//! section
//! 4.10).
//!
//! Documents with more records come first. Documents with equal numbers of records are in the order
//! of a list: RFCs by number, then files by name. The rank of a document is an integer, so a search
//! that visits a million titles compares no names.

mod file_order;

use super::titles::id_set::{bit_of, ids_of};
use crate::protocol::{Document, FileName};
use file_order::FileOrder;

/// The place of a document among the results of a search. Different documents have different ranks.
///
/// The highest 32 bits are lower the more records the document has. Below them is the number of an
/// RFC, or the position of a file in the order of names, which has the highest of those bits set.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Rank(u64);

impl Rank {
    /// No rank is after this one.
    pub(super) const LAST: Self = Self(u64::MAX);

    fn new(records: u32, position: u32) -> Self {
        Self(u64::from(!records) << 32 | u64::from(position))
    }

    /// The number of records, and the position.
    fn parts(self) -> (u32, u32) {
        let [.., a, b, c, d] = self.0.to_be_bytes();
        let [e, f, g, h, ..] = self.0.to_be_bytes();
        (!u32::from_be_bytes([e, f, g, h]), u32::from_be_bytes([a, b, c, d]))
    }
}

/// Marks the place of a file in the order of names. RFC numbers have at most 30 bits.
const FILE: u32 = 1 << 31;
/// A file that is not in the order of names yet. No search finds it before it is.
const NOT_ORDERED: u32 = u32::MAX;

/// The order of a document.
#[derive(Clone, Copy, Debug)]
struct Ranked {
    /// Records that a list shows.
    records: u32,
    /// The number of an RFC, or the place of a file.
    place: u32,
}

impl Ranked {
    /// The rank of the document, which has this position among documents with as many records.
    fn rank(self, position: u32) -> Rank {
        Rank::new(self.records, position)
    }
}

/// The ranks of all documents.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    documents: Vec<Ranked>,
    files: FileOrder,
}

impl Ranks {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.documents.capacity() * size_of::<Ranked>() + self.files.bytes()
    }

    /// Bytes by which the tables grow with the next document.
    pub(super) fn next_growth(&self) -> usize {
        let documents = match self.documents.len() < self.documents.capacity() {
            true => 0,
            false => self.documents.capacity() * size_of::<Ranked>(),
        };
        documents + self.files.next_growth()
    }

    /// A document gets an entry, and has no record yet.
    pub(super) fn enter(&mut self, entry: u32, document: &Document) {
        let place = match document {
            Document::Rfc(number) => number.value(),
            Document::File(_) => NOT_ORDERED,
        };
        let new = Ranked { records: 0, place };
        match self.documents.get_mut(index(entry)) {
            Some(old) => *old = new,
            None => self.documents.push(new),
        }
    }

    /// A document is removed. The number of its entry is free.
    pub(super) fn leave(&mut self, entry: u32) {
        let Self { documents, files } = self;
        let place = documents.get(index(entry)).map_or(0, |ranked| ranked.place);
        if place & FILE != 0 && place != NOT_ORDERED {
            files.remove(place & !FILE, |entry, place| set_place(documents, entry, place));
        }
    }

    /// Puts a file into the order of names, before a search can find it. `name_of` returns the
    /// name of a file.
    pub(super) fn order<'a>(&mut self, entry: u32, name_of: impl Fn(u32) -> Option<&'a FileName>) {
        let Self { documents, files } = self;
        if documents.get(index(entry)).is_some_and(|ranked| ranked.place == NOT_ORDERED) {
            files.insert(entry, name_of, |entry, place| set_place(documents, entry, place));
        }
    }

    /// A list shows one more record of a document.
    pub(super) fn add(&mut self, entry: u32) {
        if let Some(ranked) = self.documents.get_mut(index(entry)) {
            ranked.records = ranked.records.saturating_add(1);
        }
    }

    /// A list shows one record of a document less.
    pub(super) fn take(&mut self, entry: u32) {
        if let Some(ranked) = self.documents.get_mut(index(entry)) {
            ranked.records = ranked.records.saturating_sub(1);
        }
    }

    pub(super) fn of(&self, entry: u32) -> Option<Rank> {
        let ranked = self.documents.get(index(entry))?;
        Some(ranked.rank(self.position(ranked.place)))
    }

    /// Which of the documents that `bits` selects may have a rank up to `limit`, as bits. The
    /// ranks of some files must still be compared. `entries` has at most 64 documents.
    pub(super) fn may_be_up_to(&self, limit: Rank, entries: &[u32], bits: u64) -> u64 {
        let ranked = |entry: u32| self.documents.get(index(entry));
        let (records, position) = limit.parts();
        if position < FILE {
            // All files with as many records are after an RFC.
            return select(entries, bits, |entry| {
                ranked(entry).is_some_and(|one| one.rank(one.place) <= limit)
            });
        }
        let last = Rank::new(records, FileOrder::last_bucket(position & !FILE));
        select(entries, bits, |entry| {
            ranked(entry).is_some_and(|one| {
                let bucket =
                    if one.place < FILE { 0 } else { self.files.bucket(one.place & !FILE) };
                one.rank(bucket) <= last
            })
        })
    }

    fn position(&self, place: u32) -> u32 {
        match place {
            NOT_ORDERED => NOT_ORDERED,
            FILE.. => FILE | self.files.position(place & !FILE),
            number => number,
        }
    }

    /// A number that changes when ranks of files change because other files were added or removed.
    pub(super) fn version(&self) -> u64 {
        self.files.changes()
    }
}

fn set_place(documents: &mut [Ranked], entry: u32, place: u32) {
    if let Some(ranked) = documents.get_mut(index(entry)) {
        ranked.place = FILE | place;
    }
}

/// The selected documents for which `is_selected` is true, as bits.
#[inline]
fn select(entries: &[u32], bits: u64, is_selected: impl Fn(u32) -> bool) -> u64 {
    /// A loop over all documents takes less time if most of them are selected.
    const MANY: u32 = 16;
    if bits.count_ones() < MANY {
        let is_selected =
            |at: &u32| entries.get(index(*at)).is_some_and(|entry| is_selected(*entry));
        return ids_of(0, bits).filter(is_selected).fold(0, |found, at| found | bit_of(at));
    }
    let numbered = (0..u64::BITS).zip(entries);
    bits & numbered.fold(0, |found, (at, entry)| found | u64::from(is_selected(*entry)) << at)
}

fn index(entry: u32) -> usize {
    usize::try_from(entry).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Files that come and go keep the order of their names.
        #[test]
        fn ranks_of_files_are_in_the_order_of_names(
            changes in prop::collection::vec((any::<bool>(), 0..3000_u32, 1..900_u32, 0..3_u8), 1..12),
        ) {
            let name = |number: u32| -> FileName { format!("a-name-{number:05}").parse().unwrap() };
            let names: Vec<FileName> = (0..4000).map(name).collect();
            let name_of = |entry: u32| names.get(index(entry));
            let mut ranks = Ranks::default();
            (0..4000).for_each(|entry| ranks.enter(entry, &Document::File(name(entry))));
            let mut present = std::collections::BTreeSet::new();
            for (is_insert, first, count, order) in changes {
                let mut entries: Vec<u32> = (first..first + count).collect();
                match order {
                    0 => {}
                    1 => entries.reverse(),
                    _ => entries.sort_by_key(|entry| entry.wrapping_mul(0x9e37_79b9)),
                }
                for entry in entries {
                    if is_insert {
                        ranks.order(entry, name_of);
                        present.insert(entry);
                    } else if present.remove(&entry) {
                        ranks.leave(entry);
                        ranks.enter(entry, &Document::File(name(entry)));
                    }
                }
                let found: Vec<Rank> = present.iter().filter_map(|entry| ranks.of(*entry)).collect();
                prop_assert!(found.is_sorted_by(|one, other| one < other));
                prop_assert!(found.iter().all(|rank| *rank < Rank::LAST));
                let most = 20 * present.len() + 40_000 + 20 * 4000;
                prop_assert!(ranks.bytes() <= most, "{} of {most}", ranks.bytes());
            }
            present.iter().for_each(|entry| ranks.leave(*entry));
            prop_assert!(ranks.files.is_empty());
        }
    }

    #[test]
    fn more_records_then_the_order_of_a_list() {
        let mut ranks = Ranks::default();
        let documents = ["b", "a"].map(|name| Document::File(name.parse().unwrap()));
        let rfc = |number: &str| Document::Rfc(number.parse().unwrap());
        let documents = [&documents[..], &[rfc("999999999"), rfc("7")]].concat();
        for (entry, document) in (0..).zip(&documents) {
            ranks.enter(entry, document);
            ranks.add(entry);
        }
        let name_of = |entry: u32| match documents.get(index(entry)) {
            Some(Document::File(name)) => Some(name),
            _ => None,
        };
        (0..4).for_each(|entry| ranks.order(entry, name_of));
        let order = |ranks: &Ranks| {
            let mut order: Vec<u32> = (0..4).collect();
            order.sort_by_key(|entry| ranks.of(*entry));
            order
        };
        assert_eq!(order(&ranks), [3, 2, 1, 0]);
        ranks.add(0);
        assert_eq!(order(&ranks), [0, 3, 2, 1]);
        ranks.take(0);
        assert_eq!(order(&ranks), [3, 2, 1, 0]);
    }
}
