//! From the beginnings of words to the titles that have such words.
//!
//! A beginning that a single title has is a leaf. One that several titles share has the set of
//! their numbers, and an entry for each beginning that is one character longer. So the beginnings
//! of a rare word take little memory, and a query needs a lookup for each of its characters,
//! however many words begin like it.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use super::id_set::{BLOCK, IdSet};
use crate::protocol::Word;

/// Tables that grow on their own: to grow one takes long when it has millions of entries.
const SHARDS: usize = 256;

/// The titles that have a word with a certain beginning.
#[derive(Debug)]
enum Node {
    One(u32),
    /// At least two.
    Many(Box<IdSet>),
}

/// What a word of a query leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Matches<'a> {
    /// At most this title has a word that begins so.
    One(u32),
    /// These titles have.
    Many(&'a IdSet),
}

impl Matches<'_> {
    /// How many titles it leads to.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(ids) => ids.len(),
        }
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        match self {
            Self::One(only) => *only == id,
            Self::Many(ids) => ids.contains(id),
        }
    }

    /// See [`IdSet::next_block`].
    pub(crate) fn next_block(&self, from: u32, hint: &mut usize) -> Option<(u32, u64)> {
        match self {
            Self::One(id) => (id / BLOCK >= from).then_some((id / BLOCK, 1 << (id % BLOCK))),
            Self::Many(ids) => ids.next_block(from, hint),
        }
    }
}

type Shard = HashMap<u64, Node, BuildHasherDefault<Identity>>;

/// The beginnings of the words of all titles.
#[derive(Debug)]
pub(super) struct Prefixes {
    seed: u64,
    shards: Box<[Shard]>,
    bytes: usize,
}

impl Default for Prefixes {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { seed: RandomState::new().hash_one(0), shards, bytes: 0 }
    }
}

impl Prefixes {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + SHARDS * size_of::<Shard>()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashMap::len).sum()
    }

    /// The titles with a word that begins with this one.
    pub(super) fn find(&self, word: &Word) -> Option<Matches<'_>> {
        let mut found = None;
        for key in self.keys(word) {
            match self.shard(key)?.get(&key)? {
                Node::One(id) => return Some(Matches::One(*id)),
                Node::Many(ids) => found = Some(Matches::Many(ids)),
            }
        }
        found
    }

    /// Enters the words of a title; `words_of` are those of other titles.
    pub(super) fn insert(&mut self, id: u32, words: &[Word], words_of: impl Fn(u32) -> Vec<Word>) {
        for word in words {
            let mut shared = 0;
            for key in self.keys(word) {
                shared += 1;
                match self.node_mut(key) {
                    None => {
                        self.put(key, Node::One(id));
                        break;
                    }
                    Some(Node::One(other)) if *other == id => break,
                    Some(Node::One(other)) => {
                        let other = *other;
                        self.put(key, Node::Many(Box::new(IdSet::of_two(id, other))));
                        // The other title's words are told apart by one more character now.
                        for longer in self.longer(words_of(other), word, shared) {
                            self.put(longer, Node::One(other));
                        }
                    }
                    Some(Node::Many(ids)) => {
                        let before = ids.bytes();
                        ids.insert(id);
                        let after = ids.bytes();
                        self.bytes = (self.bytes + after).saturating_sub(before);
                    }
                }
            }
        }
    }

    /// Removes the words of a title, all of which were entered.
    pub(super) fn remove(&mut self, id: u32, words: &[Word], words_of: impl Fn(u32) -> Vec<Word>) {
        for word in words {
            for key in self.keys(word) {
                match self.node_mut(key) {
                    None => break,
                    Some(Node::One(other)) => {
                        if *other == id {
                            self.take(key);
                        }
                        break;
                    }
                    Some(Node::Many(ids)) => {
                        let before = ids.bytes();
                        ids.remove(id);
                        let after = ids.bytes();
                        self.bytes = (self.bytes + after).saturating_sub(before);
                    }
                }
            }
        }
        for word in words {
            let mut shared = 0;
            for key in self.keys(word) {
                shared += 1;
                let Some(Node::Many(ids)) = self.node_mut(key) else { break };
                let Some(other) = ids.only() else { continue };
                self.put(key, Node::One(other));
                let words = words_of(other);
                let begin = word.chars().get(..shared).unwrap_or_default();
                for word in words.iter().filter(|word| word.chars().starts_with(begin)) {
                    let longer: Vec<u64> = self.keys(word).skip(shared).collect();
                    longer.into_iter().for_each(|key| self.take(key));
                }
                break;
            }
        }
    }

    /// The keys of those beginnings of some words that are one character longer than what they
    /// share with a word.
    fn longer(&self, words: Vec<Word>, word: &Word, shared: usize) -> Vec<u64> {
        let begin = word.chars().get(..shared).unwrap_or_default();
        let mut same = words;
        same.retain(|other| other.chars().starts_with(begin));
        same.iter().filter_map(|other| self.keys(other).nth(shared)).collect()
    }

    /// The keys of all beginnings of a word, the shortest first.
    fn keys(&self, word: &Word) -> impl Iterator<Item = u64> + use<> {
        let (word, mut state, mut at) = (*word, self.seed, 0);
        std::iter::from_fn(move || {
            let character = *word.chars().get(at)?;
            at += 1;
            state = mix(state ^ u64::from(u32::from(character)));
            Some(state)
        })
    }

    fn shard(&self, key: u64) -> Option<&Shard> {
        self.shards.get(shard_of(key))
    }

    fn node_mut(&mut self, key: u64) -> Option<&mut Node> {
        self.shards.get_mut(shard_of(key))?.get_mut(&key)
    }

    fn put(&mut self, key: u64, node: Node) {
        let Some(shard) = self.shards.get_mut(shard_of(key)) else { return };
        let before = shard_bytes(shard);
        self.bytes += node.bytes();
        let replaced = shard.insert(key, node);
        self.bytes += shard_bytes(shard) - before;
        self.bytes = self.bytes.saturating_sub(replaced.map_or(0, |node| node.bytes()));
    }

    fn take(&mut self, key: u64) {
        let Some(shard) = self.shards.get_mut(shard_of(key)) else { return };
        let Some(node) = shard.remove(&key) else { return };
        self.bytes = self.bytes.saturating_sub(node.bytes());
        if shard.len() * 8 < shard.capacity() {
            let before = shard_bytes(shard);
            shard.shrink_to(shard.len() * 2);
            self.bytes = (self.bytes + shard_bytes(shard)).saturating_sub(before);
        }
    }
}

impl Node {
    /// Bytes of memory outside its table.
    fn bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(ids) => size_of::<IdSet>() + ids.bytes(),
        }
    }
}

/// About what a table takes: it has a seventh more places than it can use, with a byte for each.
fn shard_bytes(shard: &Shard) -> usize {
    shard.capacity() * 8 / 7 * (size_of::<(u64, Node)>() + 1)
}

fn shard_of(key: u64) -> usize {
    // The table itself uses the lowest and the highest bits.
    usize::from((key >> 40).to_le_bytes()[0])
}

/// Both halves of a product, in which each bit of the factors changes many others.
#[expect(clippy::cast_possible_truncation, reason = "the halves of the product are wanted")]
fn mix(state: u64) -> u64 {
    let product = u128::from(state) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}

/// The keys are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
