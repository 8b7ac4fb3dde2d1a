//! The lines of one document, oldest first (protocol.md section 4.5).
//!
//! An index of ten million records has ten million of these lines, so a line may take twenty bytes.
//! Lines are stored in pieces: a new line is appended to the newest piece, a removal moves the rest
//! of one piece, and a piece is short enough that this takes less than a microsecond. Each piece has
//! a summary of the titles of its lines, so that a search skips pieces without a matching title.

mod summary;

use std::collections::BTreeMap;

use super::memory::{self, tree_element};
pub(super) use summary::Summary;

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
    older: BTreeMap<Seq, Piece>,
    /// Bytes on the heap of the older pieces.
    older_bytes: usize,
}

/// A piece that was full once, and the titles that its lines have had since.
#[derive(Debug)]
struct Piece {
    lines: Vec<Line>,
    titles: Summary,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_empty() && self.older.is_empty()
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        const IN_TREE: usize = tree_element::<Seq, Piece>();
        memory::list(&self.newest) + self.older_bytes + self.older.len() * IN_TREE
    }

    /// Adds a line that is newer than all others. `title_of` returns the number of the title of a
    /// description.
    pub(super) fn push(&mut self, line: Line, title_of: impl Fn(u32) -> Option<u32>) {
        if self.newest.len() == PIECE {
            let lines = std::mem::take(&mut self.newest);
            if let Some(oldest) = lines.first().map(|line| line.seq) {
                self.older_bytes += memory::list(&lines);
                let mut titles = Summary::default();
                let descriptions = lines.iter().map(|line| line.first.description);
                descriptions.filter_map(title_of).for_each(|title| titles.add(title));
                self.older.insert(oldest, Piece { lines, titles });
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
            &self.older.range(..=seq).next_back()?.1.lines
        };
        piece.get(place(piece, seq)?)
    }

    /// A line that will have the same title.
    pub(super) fn get_mut(&mut self, seq: Seq) -> Option<&mut Line> {
        let piece = if is_within(&self.newest, seq) {
            &mut self.newest
        } else {
            &mut self.older.range_mut(..=seq).next_back()?.1.lines
        };
        let at = place(piece, seq)?;
        piece.get_mut(at)
    }

    /// A line has a description whose title has this number. An equal title of the same document
    /// can have another number.
    pub(super) fn set_title(&mut self, seq: Seq, title: u32) {
        if is_within(&self.newest, seq) {
            return;
        }
        if let Some((_, piece)) = self.older.range_mut(..=seq).next_back() {
            piece.titles.add(title);
        }
    }

    pub(super) fn remove(&mut self, seq: Seq) -> Option<Line> {
        if is_within(&self.newest, seq) {
            return place(&self.newest, seq).map(|at| take(&mut self.newest, at));
        }
        let (&key, piece) = self.older.range_mut(..=seq).next_back()?;
        let at = place(&piece.lines, seq)?;
        let before = memory::list(&piece.lines);
        let line = take(&mut piece.lines, at);
        self.older_bytes = (self.older_bytes + memory::list(&piece.lines)).saturating_sub(before);
        if piece.lines.is_empty() {
            self.older.remove(&key);
        }
        Some(line)
    }

    /// The lines older than `seen`, or all lines, the newest piece first. Within a piece the newest
    /// line is the last.
    pub(super) fn pieces(&self, seen: Option<Seq>) -> impl Iterator<Item = &[Line]> {
        self.summarized(seen).map(|(lines, _)| lines)
    }

    /// The same with the titles of each piece. The newest piece has no summary.
    pub(super) fn summarized(
        &self,
        seen: Option<Seq>,
    ) -> impl Iterator<Item = (&[Line], Option<&Summary>)> {
        let end = seen.unwrap_or(Seq(u64::MAX));
        let before = move |piece: &'_ [Line]| {
            // Mostly all lines are older. A binary search would wait for memory at each step.
            let all = piece.last().is_none_or(|newest| newest.seq < end);
            if all { piece.len() } else { piece.partition_point(|line| line.seq < end) }
        };
        let older = self.older.range(..end).rev();
        let older = older.map(|(_, piece)| (&*piece.lines, Some(&piece.titles)));
        std::iter::once((&*self.newest, None))
            .chain(older)
            .map(move |(piece, titles)| (piece.get(..before(piece)).unwrap_or_default(), titles))
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
        left.iter().for_each(|&seq| lines.push(line(seq), Some));
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
        lines.push(line(9000), Some);
        assert_eq!(seqs(&lines, None), [9000]);
    }
}
