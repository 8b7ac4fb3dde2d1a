//! Sets of title numbers that are intersected quickly (protocol.md section 4.10).

/// Numbers in a block: a bit for each in an integer.
pub(crate) const BLOCK: u32 = u64::BITS;

/// A set is never a bitmap below this size.
const SMALL: usize = 64;

/// A set of numbers: a sorted list if there are few numbers, else a bitmap.
///
/// A list with more numbers than a 32nd of the largest number takes more memory than a bitmap. So
/// no list is so long that an insertion moves much memory.
#[derive(Clone, Debug)]
pub(crate) enum IdSet {
    Sparse(Vec<u32>),
    Dense { blocks: Vec<u64>, count: usize },
}

impl IdSet {
    /// The set of two different numbers.
    pub(super) fn of_two(one: u32, other: u32) -> Self {
        Self::Sparse(vec![one.min(other), one.max(other)])
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Sparse(ids) => ids.len(),
            Self::Dense { count, .. } => *count,
        }
    }

    /// The lowest number.
    pub(super) fn first(&self) -> Option<u32> {
        let (block, bits) = self.next_block(0, &mut 0)?;
        ids_of(block, bits).next()
    }

    /// The only number, if there is one.
    pub(super) fn only(&self) -> Option<u32> {
        match self {
            Self::Sparse(ids) => match ids[..] {
                [id] => Some(id),
                _ => None,
            },
            Self::Dense { .. } => None,
        }
    }

    /// Bytes of memory that the numbers take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Sparse(ids) => ids.capacity() * size_of::<u32>(),
            Self::Dense { blocks, .. } => blocks.capacity() * size_of::<u64>(),
        }
    }

    /// The numbers of a block as bits.
    pub(crate) fn block(&self, block: u32) -> u64 {
        match self {
            Self::Sparse(ids) => {
                let first = ids.partition_point(|id| *id < block.saturating_mul(BLOCK));
                bits_of(ids.get(first..).unwrap_or_default(), block)
            }
            Self::Dense { blocks, .. } => {
                let at = usize::try_from(block).unwrap_or(usize::MAX);
                blocks.get(at).copied().unwrap_or_default()
            }
        }
    }

    pub(super) fn insert(&mut self, id: u32) {
        match self {
            Self::Sparse(ids) => {
                let at = match ids.last() {
                    Some(last) if *last >= id => match ids.binary_search(&id) {
                        Ok(_) => return,
                        Err(at) => at,
                    },
                    _ => ids.len(),
                };
                if ids.len() == ids.capacity() {
                    ids.reserve_exact(ids.len() / 4 + 2);
                }
                ids.insert(at, id);
                let last = ids.last().copied().unwrap_or_default();
                if ids.len() > SMALL && ids.len() > block_of(last) * 2 {
                    self.make_dense();
                }
            }
            Self::Dense { blocks, count } => {
                let at = block_of(id);
                if blocks.len() <= at {
                    blocks.reserve_exact(at + 1 - blocks.len() + blocks.len() / 8);
                    blocks.resize(at + 1, 0);
                }
                if let Some(block) = blocks.get_mut(at)
                    && *block & bit_of(id) == 0
                {
                    *block |= bit_of(id);
                    *count += 1;
                }
                self.shrink();
            }
        }
    }

    pub(super) fn remove(&mut self, id: u32) {
        match self {
            Self::Sparse(ids) => {
                let Ok(at) = ids.binary_search(&id) else { return };
                ids.remove(at);
                if ids.len() * 4 <= ids.capacity() {
                    ids.shrink_to(ids.len() * 2);
                }
            }
            Self::Dense { blocks, count } => {
                let Some(block) = blocks.get_mut(block_of(id)) else { return };
                if *block & bit_of(id) != 0 {
                    *block &= !bit_of(id);
                    *count -= 1;
                }
                self.shrink();
            }
        }
    }

    /// The first block from `from` on that has a number, and its numbers as bits. `hint` is where
    /// the last call for this set ended; calls ask for higher and higher blocks.
    pub(crate) fn next_block(&self, from: u32, hint: &mut usize) -> Option<(u32, u64)> {
        match self {
            Self::Sparse(ids) => {
                let rest = ids.get(*hint..)?;
                let first = gallop(rest, from.saturating_mul(BLOCK));
                let rest = rest.get(first..)?;
                let block = rest.first()? / BLOCK;
                *hint += first;
                Some((block, bits_of(rest, block)))
            }
            Self::Dense { blocks, .. } => {
                let rest = blocks.get(usize::try_from(from).ok()?..)?;
                let skipped = rest.iter().position(|block| *block != 0)?;
                Some((from + u32::try_from(skipped).ok()?, *rest.get(skipped)?))
            }
        }
    }

    /// The first block from `from` to `last` that has a number, and its numbers as bits.
    pub(super) fn find_block(&self, from: u32, last: u32) -> Option<(u32, u64)> {
        match self {
            Self::Sparse(ids) => {
                let mut hint = ids.partition_point(|id| *id < from.saturating_mul(BLOCK));
                self.next_block(from, &mut hint).filter(|(block, _)| *block <= last)
            }
            Self::Dense { blocks, .. } => {
                let end = blocks.len().min(usize::try_from(last).ok()?.saturating_add(1));
                let rest = blocks.get(usize::try_from(from).ok()?..end)?;
                let skipped = rest.iter().position(|block| *block != 0)?;
                Some((from + u32::try_from(skipped).ok()?, *rest.get(skipped)?))
            }
        }
    }

    fn make_dense(&mut self) {
        let Self::Sparse(ids) = self else { return };
        let mut blocks = vec![0; ids.last().map_or(0, |last| block_of(*last) + 1)];
        for id in &*ids {
            if let Some(block) = blocks.get_mut(block_of(*id)) {
                *block |= bit_of(*id);
            }
        }
        *self = Self::Dense { blocks, count: ids.len() };
    }

    /// Turns a bitmap into a list when the list is much smaller.
    fn shrink(&mut self) {
        let Self::Dense { blocks, count } = self else { return };
        if *count <= SMALL / 2 || *count < blocks.len() / 2 {
            let numbered = (0..).zip(&*blocks).filter(|(_, block)| **block != 0);
            let ids = numbered.flat_map(|(at, block)| ids_of(at, *block));
            *self = Self::Sparse(ids.collect());
        }
    }
}

/// The numbers of a block.
pub(crate) fn ids_of(block: u32, mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(block * BLOCK + bit)
    })
}

/// The leading numbers of a sorted list that belong to a block, as bits.
fn bits_of(ids: &[u32], block: u32) -> u64 {
    let within = ids.iter().take_while(|id| **id / BLOCK == block);
    within.fold(0, |bits, id| bits | bit_of(*id))
}

fn block_of(id: u32) -> usize {
    usize::try_from(id / BLOCK).unwrap_or(usize::MAX)
}

pub(crate) fn bit_of(id: u32) -> u64 {
    1 << (id % BLOCK)
}

/// The position of the first number in a sorted list that is not below `from`. It is expected to be
/// near.
fn gallop(ids: &[u32], from: u32) -> usize {
    let mut end = 1;
    while ids.get(end - 1).is_some_and(|id| *id < from) {
        end *= 2;
    }
    let begin = end / 2;
    let within = ids.get(begin..end.min(ids.len())).unwrap_or_default();
    begin + within.partition_point(|id| *id < from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ids(set: &IdSet, mut from: u32) -> Vec<u32> {
        let (mut found, mut hint) = (Vec::new(), 0);
        while let Some((block, bits)) = set.next_block(from, &mut hint) {
            found.extend(ids_of(block, bits));
            from = block + 1;
        }
        found
    }

    proptest! {
        #[test]
        fn a_set_equals_a_plain_one(
            changes in prop::collection::vec((any::<bool>(), 0..9000_u32, 1..300_u32), 1..40),
        ) {
            let (mut set, mut model) = (IdSet::of_two(1, 2), BTreeSet::from([1, 2]));
            for (is_insert, first, count) in changes {
                for id in first..first + count {
                    if is_insert {
                        set.insert(id);
                        model.insert(id);
                    } else {
                        set.remove(id);
                        model.remove(&id);
                    }
                }
                prop_assert_eq!(set.len(), model.len());
                for (from, last) in [(0, 0), (0, 9), (first / BLOCK, first / BLOCK + 3)] {
                    let expected = set.next_block(from, &mut 0).filter(|next| next.0 <= last);
                    prop_assert_eq!(set.find_block(from, last), expected);
                }
                let is_in = set.block(first / BLOCK) & bit_of(first) != 0;
                prop_assert!(is_in == model.contains(&first));
                for from in [0, 1, first / BLOCK] {
                    let expected: Vec<u32> = model.range(from * BLOCK..).copied().collect();
                    prop_assert_eq!(ids(&set, from), expected);
                }
                prop_assert!(set.bytes() <= 4096, "{} bytes", set.bytes());
            }
        }
    }
}
