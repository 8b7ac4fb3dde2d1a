//! The lines of a document that match the words of a search (protocol.md section 4.10).

use super::tables::{RECORD, Take};
use crate::index::entry::Entry;
use crate::index::lines::Seq;
use crate::index::titles::id_set::{BLOCK, bit_of};
use crate::index::titles::matches::Matches;
use crate::protocol::{Title, Words};

/// The titles that match the words of a search.
pub(super) struct Matcher<'s, 'a> {
    words: &'s Words,
    pub(super) matches: Vec<Matches<'a>>,
    /// A block of title numbers, and the matching numbers of the block as bits. The numbers of the
    /// titles of a document are mostly near each other.
    known: Option<(u32, u64)>,
}

impl<'s, 'a> Matcher<'s, 'a> {
    pub(super) fn new(words: &'s Words, matches: Vec<Matches<'a>>) -> Self {
        Self { words, matches, known: None }
    }

    /// Passes the matching records of a document after a sequence number to `take`. Returns the
    /// sequence number of the last record that was visited if there may be more.
    pub(super) fn take<'e>(
        &mut self,
        entry: &'e Entry,
        seen: Option<Seq>,
        done: &mut usize,
        end: usize,
        take: Take<'_, 'e>,
    ) -> Option<Seq> {
        let mut title_id = entry.title_ids();
        let mut last = None;
        for piece in entry.lines.pieces(seen) {
            for line in piece.iter().rev() {
                let place = line.first.description;
                let is_match = match last {
                    Some((same, is_match)) if same == place => is_match,
                    _ => {
                        title_id(place).is_some_and(|id| self.has(id))
                            && entry.description(place).is_some_and(|it| self.is_match(&it.title))
                    }
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

    /// Whether the whole words match. The sets compare only as many characters as are needed to
    /// distinguish titles.
    fn is_match(&self, title: &Title) -> bool {
        self.words.are_in(title)
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
