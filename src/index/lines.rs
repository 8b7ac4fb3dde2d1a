//! The lines of one document, oldest first (protocol.md section 4.5).
//!
//! An index of ten million records has ten million of these lines, so a line may take twenty bytes.
//! Lines are stored in pieces: a new line is appended to the newest piece, a removal moves the rest
//! of one piece, and a piece is short enough that this takes less than a microsecond.

use std::collections::BTreeMap;

use super::memory::{self, tree_element};

/// The sequence number of a line: a newer line has a higher number, and numbers never repeat.
///
/// Packed, so that a struct with a sequence number needs no padding.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(Rust, packed(4))]
pub(super) struct Seq(pub(super) u64);

impl Seq {
    /// Before the numbers of all lines.
    pub(super) const OLDEST: Self = Self(0);
}

/// A record of one owner: the places of its holder and of its description.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnerEntry {
    pub(super) holder: u32,
    pub(super) description: u32,
    /// Seconds since 1970, which suffices until 2106.
    pub(super) added: u32,
}

/// A line, and the owner entry that a list shows: the first one whose owner is still connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) seq: Seq,
    pub(super) first: OwnerEntry,
}

/// The owner entry of a holder in a line.
pub(super) fn owner_entry_of<'a>(
    holder: u32,
    line: Option<&'a mut Line>,
    others: Option<&'a mut Vec<OwnerEntry>>,
) -> Option<&'a mut OwnerEntry> {
    let mut entries =
        line.map(|line| &mut line.first).into_iter().chain(others.into_iter().flatten());
    entries.find(|entry| entry.holder == holder)
}

/// The largest number of lines in a piece.
const PIECE: usize = 128;

/// All lines of one document.
#[derive(Debug, Default)]
pub(super) struct Lines {
    newest: Vec<Line>,
    /// The pieces that were full once, each under a number that is not above the numbers of its
    /// lines.
    older: BTreeMap<Seq, Vec<Line>>,
    /// Bytes on the heap of the older pieces.
    older_bytes: usize,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_empty() && self.older.is_empty()
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        const IN_TREE: usize = tree_element::<Seq, Vec<Line>>();
        memory::list(&self.newest) + self.older_bytes + self.older.len() * IN_TREE
    }

    /// Adds a line that is newer than all others.
    pub(super) fn push(&mut self, line: Line) {
        if self.newest.len() == PIECE {
            let piece = std::mem::take(&mut self.newest);
            if let Some(oldest) = piece.first().map(|line| line.seq) {
                self.older_bytes += memory::list(&piece);
                self.older.insert(oldest, piece);
            }
        }
        if self.newest.capacity() == 0 {
            // Many documents have one line.
            self.newest.reserve_exact(1);
        }
        self.newest.push(line);
    }

    pub(super) fn get(&self, seq: Seq) -> Option<&Line> {
        let piece = if is_within(&self.newest, seq) {
            &self.newest
        } else {
            self.older.range(..=seq).next_back()?.1
        };
        piece.get(place(piece, seq)?)
    }

    pub(super) fn get_mut(&mut self, seq: Seq) -> Option<&mut Line> {
        let piece = if is_within(&self.newest, seq) {
            &mut self.newest
        } else {
            self.older.range_mut(..=seq).next_back()?.1
        };
        let at = place(piece, seq)?;
        piece.get_mut(at)
    }

    pub(super) fn remove(&mut self, seq: Seq) -> Option<Line> {
        if is_within(&self.newest, seq) {
            return place(&self.newest, seq).map(|at| take(&mut self.newest, at));
        }
        let (&key, piece) = self.older.range_mut(..=seq).next_back()?;
        let at = place(piece, seq)?;
        let before = memory::list(piece);
        let line = take(piece, at);
        self.older_bytes = (self.older_bytes + memory::list(piece)).saturating_sub(before);
        if piece.is_empty() {
            self.older.remove(&key);
        }
        Some(line)
    }

    /// The lines older than `seen`, or all lines, the newest piece first. Within a piece the newest
    /// line is the last.
    pub(super) fn pieces(&self, seen: Option<Seq>) -> impl Iterator<Item = &[Line]> {
        let end = seen.unwrap_or(Seq(u64::MAX));
        let before = move |piece: &'_ [Line]| {
            // Mostly all lines are older. A binary search would wait for memory at each step.
            let all = piece.last().is_none_or(|newest| newest.seq < end);
            if all { piece.len() } else { piece.partition_point(|line| line.seq < end) }
        };
        let older = self.older.range(..end).rev().map(|(_, piece)| &**piece);
        std::iter::once(&*self.newest)
            .chain(older)
            .map(move |piece| piece.get(..before(piece)).unwrap_or_default())
    }
}

fn is_within(newest: &[Line], seq: Seq) -> bool {
    newest.first().is_some_and(|first| first.seq <= seq)
}

fn place(piece: &[Line], seq: Seq) -> Option<usize> {
    piece.binary_search_by_key(&seq, |line| line.seq).ok()
}

/// Removes a line, and shrinks the piece if most of it is unused.
fn take(piece: &mut Vec<Line>, at: usize) -> Line {
    let line = piece.remove(at);
    memory::shrink_list(piece);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64) -> Line {
        Line { seq: Seq(seq), first: OwnerEntry { holder: 0, description: 0, added: 0 } }
    }

    fn seqs(lines: &Lines, seen: Option<u64>) -> Vec<u64> {
        let pieces = lines.pieces(seen.map(Seq));
        pieces.flat_map(|piece| piece.iter().rev()).map(|line| line.seq.0).collect()
    }

    #[test]
    fn a_line_takes_twenty_bytes() {
        assert_eq!(size_of::<Line>(), 20);
    }

    #[test]
    fn lines_are_found_and_removed_across_pieces() {
        let mut lines = Lines::default();
        let mut left: Vec<u64> = (0..1000).map(|number| number * 3).collect();
        left.iter().for_each(|&seq| lines.push(line(seq)));
        // A few at a time, from everywhere, until there are none.
        for step in [7, 3, 2, 1] {
            for seq in left.clone().into_iter().step_by(step) {
                assert!(lines.get(Seq(seq)).is_some() && lines.get_mut(Seq(seq)).is_some());
                assert!(lines.get(Seq(seq + 1)).is_none() && lines.remove(Seq(seq + 1)).is_none());
                assert_eq!(lines.remove(Seq(seq)).map(|line| line.seq), Some(Seq(seq)));
                assert!(lines.get(Seq(seq)).is_none());
                left.retain(|&other| other != seq);
            }
            let newest_first: Vec<u64> = left.iter().rev().copied().collect();
            assert_eq!(seqs(&lines, None), newest_first);
            for seen in [0, 1, 383, 384, 385, 1500, 2997, 5000] {
                let older: Vec<u64> =
                    newest_first.iter().copied().filter(|&seq| seq < seen).collect();
                assert_eq!(seqs(&lines, Some(seen)), older, "older than {seen}");
            }
        }
        assert!(lines.is_empty());
        lines.push(line(9000));
        assert_eq!(seqs(&lines, None), [9000]);
    }
}
