//! The lines of a document that match the words of a search (protocol.md section 4.10).

use super::tables::{RECORD, Take};
use crate::index::entry::Entry;
use crate::index::lines::{Seq, Summary};
use crate::index::titles::Titles;
use crate::index::titles::id_set::{BLOCK, bit_of, ids_of};
use crate::index::titles::matches::Matches;

/// The titles of a document with at most this number of descriptions are of few kinds.
const FEW: usize = 64;
/// Blocks in the widest range of titles that is searched before the lines are visited.
const WIDEST: u32 = 2048;
/// Blocks of a range that are compared before the lines are visited.
const COMPARED: u32 = 64;

/// The titles that match the words of a search.
pub(super) struct Matcher<'a> {
    titles: &'a Titles,
    /// The titles that match each word, the smallest set first.
    pub(super) matches: Vec<Matches<'a>>,
    /// A block of title numbers, and the matching numbers of the block as bits. The numbers of the
    /// titles of a document are mostly near each other.
    known: Option<(u32, u64)>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(titles: &'a Titles, matches: Vec<Matches<'a>>) -> Self {
        Self { titles, matches, known: None }
    }

    /// Passes the matching records of a document, whose entry has a number, after a sequence number to `take`. Returns the
    /// sequence number of the last record that was visited if there may be more.
    pub(super) fn take<'e>(
        &mut self,
        (number, entry): (u32, &'e Entry),
        seen: Option<Seq>,
        done: &mut usize,
        end: usize,
        take: Take<'_, 'e>,
    ) -> Option<Seq> {
        let mut title_id = entry.title_ids();
        let mut last = None;
        let mut kinds = None;
        for (piece, summary) in entry.lines.summarized(seen) {
            if let (Some(summary), Some(oldest)) = (summary, piece.first()) {
                let kinds = *kinds.get_or_insert_with(|| self.kinds(entry, done));
                if !self.may_have(number, summary, kinds, done) {
                    if *done >= end {
                        return Some(oldest.seq);
                    }
                    continue;
                }
            }
            for line in piece.iter().rev() {
                let place = line.first.description;
                let is_match = match last {
                    Some((same, is_match)) if same == place => is_match,
                    _ => title_id(place).is_some_and(|id| self.has(id)),
                };
                last = Some((place, is_match));
                *done += if is_match { RECORD } else { 1 };
                if (is_match && !take(entry, line)) || *done >= end {
                    return Some(line.seq);
                }
            }
        }
        None
    }

    /// Whether a title of the document may match. A quick check, for documents with one
    /// description.
    pub(super) fn may_match(&mut self, entry: &Entry) -> bool {
        entry.only_description().is_none_or(|only| self.has(only.title_id))
    }

    /// The kinds of the titles of a document that match, as bits; all kinds if it has many titles.
    fn kinds(&mut self, entry: &Entry, done: &mut usize) -> u64 {
        let mut kinds = 0;
        for (at, id) in entry.all_title_ids().enumerate() {
            if at == FEW {
                return u64::MAX;
            }
            *done += 1;
            if self.has(id) {
                kinds |= Summary::kind(id);
            }
        }
        kinds
    }

    /// Whether a line of a piece of this document may match.
    fn may_have(&self, number: u32, summary: &Summary, kinds: u64, done: &mut usize) -> bool {
        *done += RECORD;
        if kinds != u64::MAX {
            return summary.kinds() & kinds != 0;
        }
        let range = summary.range();
        let (mut block, last) = (range.start() / BLOCK, range.end() / BLOCK);
        let mut left = if last.saturating_sub(block) > WIDEST { 0 } else { COMPARED };
        'blocks: while left > 0 {
            let mut common = u64::MAX;
            for (at, set) in self.matches.iter().enumerate() {
                *done += RECORD;
                let Some((next, bits)) = set.find_block(block, last) else { return false };
                let is_same = next == block || at == 0;
                block = next;
                if !is_same {
                    // The sets before this one may have nothing there.
                    left -= 1;
                    continue 'blocks;
                }
                common &= bits;
            }
            let entries = self.titles.entries(block);
            let mut of_titles = ids_of(0, common).map(|at| entries.get(at as usize));
            if of_titles.any(|entry| entry == Some(&number)) {
                return true;
            }
            left = left.saturating_sub(1 + common.count_ones() / 4);
            block += 1;
        }
        true
    }

    fn has(&mut self, id: u32) -> bool {
        let block = id / BLOCK;
        let bits = match self.known {
            Some((known, bits)) if known == block => bits,
            _ => {
                let bits = self.matches.iter().fold(u64::MAX, |bits, set| bits & set.block(block));
                self.known = Some((block, bits));
                bits
            }
        };
        bits & bit_of(id) != 0
    }
}
