//! All descriptions of a document except the first one, by their places (protocol.md section 4.11).
//!
//! A document may have hundreds of thousands of titles, and a search then reads the title's number
//! of each line. So descriptions are stored in pieces like lines, and the numbers of their titles
//! are stored together.

use std::collections::BTreeMap;

use super::memory::{self, allocated, tree_element};
use crate::protocol::{Content, Title};

/// The largest number of descriptions in a piece.
const PIECE: usize = 64;

/// The description of a document by its holders. Holders that announce the same share a
/// description.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) title: Title,
    pub(super) content: Content,
    /// The number of the title in the search structure.
    pub(super) title_id: u32,
    /// Owner entries with this description.
    pub(super) uses: u32,
}

/// Descriptions in ascending order of their places. Each is added in the place after the last one,
/// as long as there is such a place.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    newest: Piece,
    /// The pieces that were full once, by the place of their first description at that time.
    older: BTreeMap<u32, Piece>,
    /// Bytes on the heap of the older pieces.
    older_bytes: usize,
}

#[derive(Debug, Default)]
struct Piece {
    numbers: Vec<Numbers>,
    descriptions: Vec<Description>,
}

#[derive(Clone, Copy, Debug)]
struct Numbers {
    place: u32,
    title_id: u32,
}

impl Piece {
    fn bytes(&self) -> usize {
        memory::list(&self.numbers) + memory::list(&self.descriptions)
    }

    fn find(&self, place: u32) -> Option<usize> {
        self.numbers.binary_search_by_key(&place, |numbers| numbers.place).ok()
    }

    fn insert(&mut self, at: usize, place: u32, description: Description) {
        if self.numbers.capacity() == 0 {
            // Most documents have one or two descriptions.
            self.numbers.reserve_exact(1);
            self.descriptions.reserve_exact(1);
        }
        self.numbers.insert(at, Numbers { place, title_id: description.title_id });
        self.descriptions.insert(at, description);
    }

    /// Splits off the upper half.
    fn split(&mut self) -> Self {
        let half = self.numbers.len() / 2;
        let numbers = self.numbers.split_off(half);
        Self { numbers, descriptions: self.descriptions.split_off(half) }
    }

    fn remove(&mut self, at: usize) {
        self.numbers.remove(at);
        self.descriptions.remove(at);
        memory::shrink_list(&mut self.numbers);
        memory::shrink_list(&mut self.descriptions);
    }
}

impl Descriptions {
    pub(super) fn is_empty(&self) -> bool {
        self.newest.numbers.is_empty() && self.older.is_empty()
    }

    /// Bytes of memory, without the text of titles.
    pub(super) fn bytes(&self) -> usize {
        const IN_TREE: usize = tree_element::<u32, Piece>();
        allocated(size_of::<Self>())
            + self.newest.bytes()
            + self.older_bytes
            + self.older.len() * IN_TREE
    }

    pub(super) fn get(&self, place: u32) -> Option<&Description> {
        let piece = self.piece(place)?;
        piece.descriptions.get(piece.find(place)?)
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Description> {
        let piece = if is_within(&self.newest, place) {
            &mut self.newest
        } else {
            self.older.range_mut(..=place).next_back()?.1
        };
        let at = piece.find(place)?;
        piece.descriptions.get_mut(at)
    }

    /// The last few descriptions, the last one first.
    pub(super) fn last(&self, few: usize) -> impl Iterator<Item = (u32, &Description)> {
        let older = self.older.values().rev();
        let pieces = std::iter::once(&self.newest).chain(older);
        let all = pieces.flat_map(|piece| piece.numbers.iter().zip(&piece.descriptions).rev());
        all.take(few).map(|(numbers, description)| (numbers.place, description))
    }

    /// Adds a description; returns its place.
    pub(super) fn push(&mut self, description: Description) -> u32 {
        let last = self.newest.numbers.last();
        let last = last.or_else(|| self.older.values().next_back()?.numbers.last());
        let Some(place) = last.map_or(Some(1), |last| last.place.checked_add(1)) else {
            return self.insert_before(description);
        };
        if self.newest.numbers.len() >= PIECE {
            self.store(|descriptions| std::mem::take(&mut descriptions.newest));
        }
        self.newest.insert(self.newest.numbers.len(), place, description);
        place
    }

    /// Adds a description in the first free place. Needed after four billion changes of a document
    /// that always had several descriptions.
    fn insert_before(&mut self, description: Description) -> u32 {
        let pieces = self.older.values().chain([&self.newest]);
        let used = pieces.flat_map(|piece| &piece.numbers);
        let free = (1..).zip(used).find(|(free, used)| *free != used.place);
        let place = free.map_or(1, |(free, _)| free);
        let is_newest = is_within(&self.newest, place);
        let before = match is_newest {
            true => None,
            false => self.older.range(..=place).next_back().map(|(&key, _)| key),
        };
        self.store(|descriptions| {
            let mut piece = match before {
                _ if is_newest => std::mem::take(&mut descriptions.newest),
                Some(key) => descriptions.older.remove(&key).unwrap_or_default(),
                None => Piece::default(),
            };
            descriptions.older_bytes -= if is_newest { 0 } else { piece.bytes() };
            let at = piece.numbers.partition_point(|numbers| numbers.place < place);
            piece.insert(at, place, description);
            if piece.numbers.len() > PIECE {
                let half = piece.split();
                descriptions.store(|_| half);
            }
            piece
        });
        place
    }

    /// Makes a piece one of the older pieces.
    fn store(&mut self, piece: impl FnOnce(&mut Self) -> Piece) {
        let piece = piece(self);
        if let Some(first) = piece.numbers.first() {
            self.older_bytes += piece.bytes();
            self.older.insert(first.place, piece);
        }
    }

    pub(super) fn remove(&mut self, place: u32) {
        if is_within(&self.newest, place) {
            if let Some(at) = self.newest.find(place) {
                self.newest.remove(at);
            }
            return;
        }
        let Some((&key, piece)) = self.older.range_mut(..=place).next_back() else { return };
        let Some(at) = piece.find(place) else { return };
        let before = piece.bytes();
        piece.remove(at);
        self.older_bytes = (self.older_bytes + piece.bytes()).saturating_sub(before);
        if piece.numbers.is_empty() {
            self.older.remove(&key);
        }
    }

    /// The numbers of titles by place, for places that are requested in about descending order.
    pub(super) fn title_ids(&self) -> TitleIds<'_> {
        TitleIds { descriptions: self, numbers: &[], next: 0 }
    }

    fn piece(&self, place: u32) -> Option<&Piece> {
        if is_within(&self.newest, place) {
            return Some(&self.newest);
        }
        self.older.range(..=place).next_back().map(|(_, piece)| piece)
    }
}

fn is_within(newest: &Piece, place: u32) -> bool {
    newest.numbers.first().is_some_and(|first| first.place <= place)
}

/// See [`Descriptions::title_ids`].
pub(super) struct TitleIds<'a> {
    descriptions: &'a Descriptions,
    /// The piece of the last place that was requested.
    numbers: &'a [Numbers],
    /// Where the next place is expected in it.
    next: usize,
}

impl TitleIds<'_> {
    pub(super) fn get(&mut self, place: u32) -> Option<u32> {
        match self.numbers.get(self.next) {
            Some(next) if next.place == place => {}
            _ => {
                self.numbers = &self.descriptions.piece(place)?.numbers;
                let at = self.numbers.binary_search_by_key(&place, |numbers| numbers.place);
                self.next = at.ok()?;
            }
        }
        let found = self.numbers.get(self.next)?.title_id;
        // Where there is no lower place the next one is in another piece.
        self.next = self.next.wrapping_sub(1);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(title_id: u32) -> Description {
        Description { title: "T".parse().unwrap(), content: Content::default(), title_id, uses: 1 }
    }

    fn places(descriptions: &Descriptions) -> Vec<u32> {
        let mut places: Vec<u32> = descriptions.last(usize::MAX).map(|(place, _)| place).collect();
        places.reverse();
        places
    }

    /// Checks that each description is found by its place in every way, and that the bytes of the
    /// pieces are counted.
    fn check(descriptions: &mut Descriptions, expected: &[u32]) {
        assert_eq!(places(descriptions), expected);
        for step in [1, 2, 63] {
            let mut ids = descriptions.title_ids();
            for place in expected.iter().rev().step_by(step) {
                assert_eq!(ids.get(*place), Some(place % 1000));
            }
        }
        for place in expected.iter().step_by(7) {
            assert_eq!(descriptions.get(*place).unwrap().title_id, place % 1000);
            assert_eq!(descriptions.get_mut(*place).unwrap().title_id, place % 1000);
        }
        let older: usize = descriptions.older.values().map(Piece::bytes).sum();
        assert_eq!(descriptions.older_bytes, older);
    }

    #[test]
    fn descriptions_are_found_and_removed_across_pieces() {
        let mut descriptions = Descriptions::default();
        assert!(descriptions.is_empty() && descriptions.get(1).is_none());
        let mut left: Vec<u32> = (1..=500).collect();
        left.iter().for_each(|place| assert_eq!(descriptions.push(description(*place)), *place));
        check(&mut descriptions, &left);
        for step in [5, 3, 2] {
            for place in left.clone().into_iter().step_by(step) {
                descriptions.remove(place);
                descriptions.remove(place);
                assert!(descriptions.get(place).is_none());
                left.retain(|other| *other != place);
            }
            check(&mut descriptions, &left);
        }
        left.iter().for_each(|place| descriptions.remove(*place));
        assert!(descriptions.is_empty());
        assert_eq!(descriptions.push(description(1)), 1);
    }

    #[test]
    fn after_the_last_place_the_free_ones_are_used() {
        let mut descriptions = Descriptions::default();
        descriptions.newest.insert(0, u32::MAX, description(u32::MAX % 1000));
        for place in 1..=300 {
            assert_eq!(descriptions.push(description(place)), place);
        }
        descriptions.remove(130);
        descriptions.remove(u32::MAX - 1);
        assert_eq!(descriptions.push(description(130)), 130);
        let expected: Vec<u32> = (1..=300).chain([u32::MAX]).collect();
        check(&mut descriptions, &expected);
        assert!(descriptions.older.values().all(|piece| piece.numbers.len() <= PIECE));
    }
}
