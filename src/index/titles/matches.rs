//! The matches of a word of a query in the radix tree: one title, or a set of titles (protocol.md
//! section 4.10).

use super::id_set::{BLOCK, IdSet, bit_of};

/// The titles that a word of a query matches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Matches<'a> {
    /// Only this title has a matching word.
    One(u32),
    /// These titles have a matching word.
    Many(&'a IdSet),
}

impl Matches<'_> {
    /// The number of titles.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(ids) => ids.len(),
        }
    }

    /// See [`IdSet::block`].
    pub(crate) fn block(&self, block: u32) -> u64 {
        match self {
            Self::One(id) if id / BLOCK == block => bit_of(*id),
            Self::One(_) => 0,
            Self::Many(ids) => ids.block(block),
        }
    }

    /// The first block from `from` to `last` that has a number, and its numbers as bits.
    pub(crate) fn find_block(&self, from: u32, last: u32) -> Option<(u32, u64)> {
        match self {
            Self::One(_) => self.next_block(from, &mut 0).filter(|(block, _)| *block <= last),
            Self::Many(ids) => ids.find_block(from, last),
        }
    }

    /// See [`IdSet::next_block`].
    pub(crate) fn next_block(&self, from: u32, hint: &mut usize) -> Option<(u32, u64)> {
        match self {
            Self::One(id) => (id / BLOCK >= from).then_some((id / BLOCK, bit_of(*id))),
            Self::Many(ids) => ids.next_block(from, hint),
        }
    }
}
