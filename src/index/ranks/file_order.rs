//! The order of the names of files, as integers (protocol.md section 4.5).
//!
//! The names are in buckets. The place of a file is the number of its bucket and its index there,
//! and the buckets have an order of their own. So a file that is added or removed changes the
//! places of the files after it in its bucket alone.

use crate::index::slots::Slots;
use crate::protocol::FileName;

/// Bits of an index in a bucket.
const BITS: u32 = 8;
/// Files of a bucket at most.
const MOST: usize = 1 << BITS;
/// A bucket with fewer files is merged with the one before or after it if both have few.
const FEW: usize = MOST / 4;
/// Bucket numbers have the other bits of a place, which has 31.
const BUCKETS: usize = (1 << (31 - BITS)) - 1;

/// After the positions of all buckets: the bits of a place without an index in a bucket.
const LAST_BUCKET: u32 = u32::MAX >> (BITS + 1);

/// Files in the order of their names.
#[derive(Debug, Default)]
pub(super) struct FileOrder {
    /// The entries of the files of each bucket.
    buckets: Slots<Vec<u32>>,
    /// The buckets in order.
    sequence: Vec<u32>,
    /// The index of each bucket in `sequence`.
    positions: Vec<u32>,
    /// Bytes of the buckets' lists.
    lists: usize,
    changes: u64,
}

impl FileOrder {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sequence.is_empty() && self.lists == 0
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let tables = self.sequence.capacity() + self.positions.capacity();
        self.buckets.bytes() + self.lists + tables * size_of::<u32>()
    }

    /// Bytes that the next file needs for tables that grow.
    pub(super) fn next_growth(&self) -> usize {
        let doubled = |list: &Vec<u32>| if list.len() < list.capacity() { 0 } else { list.len() };
        let tables = doubled(&self.sequence) + doubled(&self.positions);
        self.buckets.next_growth() + tables * size_of::<u32>()
    }

    /// How often places or positions have changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The position of a place in the order.
    pub(super) fn position(&self, place: u32) -> u32 {
        let bucket = self.positions.get(index(place >> BITS)).copied().unwrap_or_default();
        bucket << BITS | within(place)
    }

    /// The position of a bucket in the order; the last one of a file without a bucket.
    #[inline]
    pub(super) fn bucket(&self, place: u32) -> u32 {
        self.positions.get(index(place >> BITS)).copied().unwrap_or(LAST_BUCKET)
    }

    /// The position of the bucket of the last file up to a position.
    pub(super) fn last_bucket(position: u32) -> u32 {
        position >> BITS
    }

    /// Inserts a file. Calls `set_place` for it and for the files whose places change.
    pub(super) fn insert<'a>(
        &mut self,
        entry: u32,
        name_of: impl Fn(u32) -> Option<&'a FileName>,
        mut set_place: impl FnMut(u32, u32),
    ) {
        let Some(name) = name_of(entry) else { return };
        let is_before = |other: &u32| name_of(*other).is_some_and(|other| other < name);
        if self.sequence.len() >= BUCKETS {
            // Then the file remains after all others: there are more files than places.
            return;
        }
        self.changes += 1;
        let after = self
            .sequence
            .partition_point(|bucket| self.files(*bucket).first().is_some_and(is_before));
        let mut at = after.saturating_sub(1);
        if self.sequence.is_empty() {
            self.add_bucket(0, Vec::new());
        }
        let Some(&number) = self.sequence.get(at) else { return };
        let mut within = self.files(number).partition_point(is_before);
        if self.files(number).len() >= MOST {
            // Names that are added in ascending order fill the buckets.
            let cut = if within == MOST { MOST } else { MOST / 2 };
            let upper = self.change(number, |files| {
                let upper = files.split_off(cut);
                files.shrink_to_fit();
                upper
            });
            self.add_bucket(at + 1, upper);
            self.set_places(at + 1, 0, &mut set_place);
            if within > cut || within == MOST {
                at += 1;
                within -= cut;
            }
        }
        let Some(&number) = self.sequence.get(at) else { return };
        self.change(number, |files| files.insert(within.min(files.len()), entry));
        self.set_places(at, within, &mut set_place);
    }

    /// Removes the file in a place. Calls `set_place` for the files whose places change.
    pub(super) fn remove(&mut self, place: u32, mut set_place: impl FnMut(u32, u32)) {
        self.changes += 1;
        let (number, within) = (place >> BITS, index(within(place)));
        let Some(at) = self.positions.get(index(number)).map(|at| index(*at)) else { return };
        let left = self.change(number, |files| {
            if within < files.len() {
                files.remove(within);
            }
            files.len()
        });
        self.set_places(at, within, &mut set_place);
        if left == 0 {
            self.remove_bucket(at);
        } else if left < FEW && !self.merge(at, &mut set_place) && at > 0 {
            self.merge(at - 1, &mut set_place);
        }
    }

    /// Appends the next bucket to this one if both have few files.
    fn merge(&mut self, at: usize, set_place: &mut impl FnMut(u32, u32)) -> bool {
        let (Some(&number), Some(&next)) = (self.sequence.get(at), self.sequence.get(at + 1))
        else {
            return false;
        };
        let before = self.files(number).len();
        if before + self.files(next).len() > MOST / 2 {
            return false;
        }
        let mut moved = self.remove_bucket(at + 1);
        self.change(number, |files| {
            files.append(&mut moved);
            files.shrink_to_fit();
        });
        self.set_places(at, before, set_place);
        true
    }

    fn add_bucket(&mut self, at: usize, files: Vec<u32>) {
        self.lists += bytes(&files);
        let number = self.buckets.insert(files);
        if self.positions.len() <= index(number) {
            self.positions.resize(index(number) + 1, 0);
        }
        self.sequence.insert(at, number);
        self.set_positions(at);
    }

    fn remove_bucket(&mut self, at: usize) -> Vec<u32> {
        if at >= self.sequence.len() {
            return Vec::new();
        }
        let number = self.sequence.remove(at);
        self.set_positions(at);
        let files = self.buckets.remove(number).unwrap_or_default();
        self.lists = self.lists.saturating_sub(bytes(&files));
        if self.sequence.is_empty() {
            *self = Self { changes: self.changes, ..Self::default() };
        }
        files
    }

    /// Sets the positions of the buckets from this one on.
    fn set_positions(&mut self, from: usize) {
        let Self { sequence, positions, .. } = self;
        let moved = sequence.get(from..).unwrap_or_default();
        for (at, number) in (u32::try_from(from).unwrap_or(u32::MAX)..).zip(moved) {
            if let Some(position) = positions.get_mut(index(*number)) {
                *position = at;
            }
        }
    }

    /// Sets the places of the files of a bucket from this index on.
    fn set_places(&self, at: usize, within: usize, set_place: &mut impl FnMut(u32, u32)) {
        let Some(&number) = self.sequence.get(at) else { return };
        let moved = self.files(number).get(within..).unwrap_or_default();
        let first = number << BITS | u32::try_from(within).unwrap_or_default();
        (first..).zip(moved).for_each(|(place, entry)| set_place(*entry, place));
    }

    fn files(&self, bucket: u32) -> &[u32] {
        self.buckets.get(bucket).map(Vec::as_slice).unwrap_or_default()
    }

    /// Changes a bucket, and counts the memory that it takes.
    fn change<T: Default>(&mut self, bucket: u32, change: impl FnOnce(&mut Vec<u32>) -> T) -> T {
        let Some(files) = self.buckets.get_mut(bucket) else { return T::default() };
        let before = bytes(files);
        let changed = change(files);
        self.lists = (self.lists + bytes(files)).saturating_sub(before);
        changed
    }
}

/// The index of a place in its bucket.
fn within(place: u32) -> u32 {
    place & ((1 << BITS) - 1)
}

fn bytes(files: &Vec<u32>) -> usize {
    crate::index::memory::list(files)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
