//! The lines of one document in the order of their ages (protocol.md section 4.5).
//!
//! An index of ten million records has ten million of these lines, and twenty bytes each have to
//! be enough. So they lie in pieces side by side: a new line goes behind the newest, whatever is
//! taken out moves the rest of one piece, and no piece is so long that this would take a
//! microsecond.

use std::collections::BTreeMap;

use super::memory::{self, tree_element};

/// When a line was added: counts up, never repeats.
///
/// Packed, so that what holds one needs no gap before it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(Rust, packed(4))]
pub(super) struct Age(pub(super) u64);

impl Age {
    /// No record is older.
    pub(super) const OLDEST: Self = Self(0);
}

/// The claim of one owner to a document, by the places of its holder and description.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) holder: u32,
    pub(super) description: u32,
    /// Seconds since 1970, which suffices until 2106.
    pub(super) added: u32,
}

/// A line, and the claim that is shown: that of the first who made it and has not left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) age: Age,
    pub(super) first: Claim,
}

/// A holder's claim of a line.
pub(super) fn claim_of<'a>(
    holder: u32,
    line: Option<&'a mut Line>,
    others: Option<&'a mut Vec<Claim>>,
) -> Option<&'a mut Claim> {
    let mut claims =
        line.map(|line| &mut line.first).into_iter().chain(others.into_iter().flatten());
    claims.find(|claim| claim.holder == holder)
}

/// Lines of a piece at most.
const PIECE: usize = 128;

/// All lines of one document.
#[derive(Debug, Default)]
pub(super) struct Lines {
    newest: Vec<Line>,
    /// The pieces that were full once, each under an age that none of its lines is below.
    older: BTreeMap<Age, Vec<Line>>,
    /// Bytes on the heap of the older pieces.
    older_bytes: usize,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_empty() && self.older.is_empty()
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        const IN_TREE: usize = tree_element::<Age, Vec<Line>>();
        memory::list(&self.newest) + self.older_bytes + self.older.len() * IN_TREE
    }

    /// Adds a line that is newer than all others.
    pub(super) fn push(&mut self, line: Line) {
        if self.newest.len() == PIECE {
            let piece = std::mem::take(&mut self.newest);
            if let Some(oldest) = piece.first().map(|line| line.age) {
                self.older_bytes += memory::list(&piece);
                self.older.insert(oldest, piece);
            }
        }
        if self.newest.capacity() == 0 {
            // Many documents have one holder.
            self.newest.reserve_exact(1);
        }
        self.newest.push(line);
    }

    pub(super) fn get(&self, age: Age) -> Option<&Line> {
        let piece = if is_within(&self.newest, age) {
            &self.newest
        } else {
            self.older.range(..=age).next_back()?.1
        };
        piece.get(place(piece, age)?)
    }

    pub(super) fn get_mut(&mut self, age: Age) -> Option<&mut Line> {
        let piece = if is_within(&self.newest, age) {
            &mut self.newest
        } else {
            self.older.range_mut(..=age).next_back()?.1
        };
        let at = place(piece, age)?;
        piece.get_mut(at)
    }

    pub(super) fn remove(&mut self, age: Age) -> Option<Line> {
        if is_within(&self.newest, age) {
            return place(&self.newest, age).map(|at| take(&mut self.newest, at));
        }
        let (&key, piece) = self.older.range_mut(..=age).next_back()?;
        let at = place(piece, age)?;
        let before = memory::list(piece);
        let line = take(piece, at);
        self.older_bytes = (self.older_bytes + memory::list(piece)).saturating_sub(before);
        if piece.is_empty() {
            self.older.remove(&key);
        }
        Some(line)
    }

    /// The lines older than `seen`, or all, the newest piece first. Within a piece the newest is
    /// the last.
    pub(super) fn pieces(&self, seen: Option<Age>) -> impl Iterator<Item = &[Line]> {
        let end = seen.unwrap_or(Age(u64::MAX));
        let before = move |piece: &'_ [Line]| {
            // Mostly all are. To search for the end would wait for the memory at each step.
            let all = piece.last().is_none_or(|newest| newest.age < end);
            if all { piece.len() } else { piece.partition_point(|line| line.age < end) }
        };
        let older = self.older.range(..end).rev().map(|(_, piece)| &**piece);
        std::iter::once(&*self.newest)
            .chain(older)
            .map(move |piece| piece.get(..before(piece)).unwrap_or_default())
    }
}

fn is_within(newest: &[Line], age: Age) -> bool {
    newest.first().is_some_and(|first| first.age <= age)
}

fn place(piece: &[Line], age: Age) -> Option<usize> {
    piece.binary_search_by_key(&age, |line| line.age).ok()
}

/// Takes a line out, and gives memory back where much was taken.
fn take(piece: &mut Vec<Line>, at: usize) -> Line {
    let line = piece.remove(at);
    memory::shrink_list(piece);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(age: u64) -> Line {
        Line { age: Age(age), first: Claim { holder: 0, description: 0, added: 0 } }
    }

    fn ages(lines: &Lines, seen: Option<u64>) -> Vec<u64> {
        let pieces = lines.pieces(seen.map(Age));
        pieces.flat_map(|piece| piece.iter().rev()).map(|line| line.age.0).collect()
    }

    #[test]
    fn a_line_takes_twenty_bytes() {
        assert_eq!(size_of::<Line>(), 20);
    }

    #[test]
    fn lines_are_found_and_taken_out_across_pieces() {
        let mut lines = Lines::default();
        let mut left: Vec<u64> = (0..1000).map(|number| number * 3).collect();
        left.iter().for_each(|&age| lines.push(line(age)));
        // A few at a time, from everywhere, until there are none.
        for step in [7, 3, 2, 1] {
            for age in left.clone().into_iter().step_by(step) {
                assert!(lines.get(Age(age)).is_some() && lines.get_mut(Age(age)).is_some());
                assert!(lines.get(Age(age + 1)).is_none() && lines.remove(Age(age + 1)).is_none());
                assert_eq!(lines.remove(Age(age)).map(|line| line.age), Some(Age(age)));
                assert!(lines.get(Age(age)).is_none());
                left.retain(|&other| other != age);
            }
            let newest_first: Vec<u64> = left.iter().rev().copied().collect();
            assert_eq!(ages(&lines, None), newest_first);
            for seen in [0, 1, 383, 384, 385, 1500, 2997, 5000] {
                let older: Vec<u64> =
                    newest_first.iter().copied().filter(|&age| age < seen).collect();
                assert_eq!(ages(&lines, Some(seen)), older, "older than {seen}");
            }
        }
        assert!(lines.is_empty());
        lines.push(line(9000));
        assert_eq!(ages(&lines, None), [9000]);
    }
}
