//! The titles of some lines, in sixteen bytes (protocol.md section 4.10).

use std::ops::RangeInclusive;

/// A summary of the numbers of titles. It may include other numbers.
///
/// The titles of a document with very many titles have mostly ascending numbers, so their range
/// excludes other titles. The titles of a document with few titles have different kinds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::index) struct Summary {
    least: u32,
    most: u32,
    kinds: u64,
}

impl Default for Summary {
    fn default() -> Self {
        Self { least: u32::MAX, most: 0, kinds: 0 }
    }
}

impl Summary {
    pub(super) fn add(&mut self, title: u32) {
        self.least = self.least.min(title);
        self.most = self.most.max(title);
        self.kinds |= Self::kind(title);
    }

    /// Contains all titles.
    pub(in crate::index) fn range(&self) -> RangeInclusive<u32> {
        self.least..=self.most
    }

    /// The kinds of all titles, as bits.
    pub(in crate::index) fn kinds(&self) -> u64 {
        self.kinds
    }

    /// The kind of a title: one of 64, as a bit.
    pub(in crate::index) fn kind(title: u32) -> u64 {
        1 << (title % u64::BITS)
    }
}
