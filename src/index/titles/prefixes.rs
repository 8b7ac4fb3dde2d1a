//! A radix tree from prefixes of words to the titles with such words (protocol.md section 4.10).
//!
//! A prefix that occurs in a single title is a leaf. A prefix that occurs in several titles is a
//! branch with the set of their numbers. A branch covers all longer prefixes that these words
//! share. Only where the words differ, there is an entry for each next character. So a word adds at
//! most two entries, and a query needs at most one lookup for each of its characters.
//!
//! The entries are in hash tables. The key is a hash of the prefix up to the first character that
//! the entry above does not cover.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};

use super::id_set::IdSet;
use super::keys::{Identity, Keys};
use super::matches::Matches;
use crate::index::memory::allocated;
use crate::protocol::Word;

/// Tables that grow independently, because growing a table with millions of entries takes long.
const SHARDS: usize = 256;

/// A branch of at most this number of titles is merged with the only entry below it if that has
/// the same titles. A larger one takes little memory for each title.
const MERGED: usize = 64;

/// The titles with words that have a certain prefix.
#[derive(Debug)]
enum Node {
    /// One title. Its words with the prefix have no further entries.
    One(u32),
    /// At least two titles.
    Many(Box<Branch>),
}

/// Titles that share a prefix.
#[derive(Debug)]
struct Branch {
    /// The longest prefix that all of these words share.
    shared: Word,
    /// The number of entries for prefixes that are one character longer than `shared`.
    children: u32,
    ids: IdSet,
}

type Shard = HashMap<u64, Node, BuildHasherDefault<Identity>>;

/// The prefixes of the words of all titles.
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

    /// The titles with a word that has this prefix.
    pub(super) fn find(&self, word: &Word) -> Option<Matches<'_>> {
        let keys = Keys::of(self.seed, word);
        let mut shared = 0;
        loop {
            match self.node(*keys.get(shared)?)? {
                Node::One(id) => return Some(Matches::One(*id)),
                Node::Many(branch) if branch.shared.starts_with(word) => {
                    return Some(Matches::Many(&branch.ids));
                }
                Node::Many(branch) if word.starts_with(&branch.shared) => {
                    shared = branch.shared.chars().len();
                }
                Node::Many(_) => return None,
            }
        }
    }

    /// Enters the words of a title. `words_of` returns the words of another title.
    pub(super) fn insert(&mut self, id: u32, words: &[Word], words_of: impl Fn(u32) -> Vec<Word>) {
        let mut others = Others::new(words_of);
        for word in words {
            self.insert_word(id, word, &mut others);
        }
    }

    fn insert_word(
        &mut self,
        id: u32,
        word: &Word,
        others: &mut Others<impl Fn(u32) -> Vec<Word>>,
    ) {
        let keys = Keys::of(self.seed, word);
        let (mut above, mut shared) = (None, 0);
        while let Some(&key) = keys.get(shared) {
            let common = match self.node_mut(key) {
                None => {
                    self.put(key, Node::One(id));
                    self.count_children(above, |children| children + 1);
                    return;
                }
                Some(Node::One(other)) if *other == id => return,
                Some(Node::One(other)) => {
                    let other = *other;
                    self.branch(
                        key,
                        word.beginning(shared + 1),
                        word,
                        others.words(other),
                        [id, other],
                    )
                }
                Some(Node::Many(branch)) => {
                    let common = branch.shared.common(word);
                    if common < branch.shared.chars().len() {
                        self.split(key, common);
                    }
                    self.change(key, |ids| ids.insert(id));
                    common
                }
            };
            above = Some(key);
            shared = common.max(shared + 1);
        }
    }

    /// Turns the leaf of `other` into a branch for a further title with this word. Returns the
    /// length of the longest prefix that the words of both titles with this beginning share.
    fn branch(
        &mut self,
        key: u64,
        beginning: Word,
        word: &Word,
        words: &[Word],
        ids: [u32; 2],
    ) -> usize {
        let [id, other] = ids;
        let same = || words.iter().filter(|word| word.starts_with(&beginning));
        let common = same().map(|other| word.common(other)).min();
        let common = common.unwrap_or_else(|| beginning.chars().len());
        let longer = same().filter_map(|word| Keys::of(self.seed, word).get(common).copied());
        let mut longer: Vec<u64> = longer.collect();
        longer.sort_unstable();
        longer.dedup();
        let children = u32::try_from(longer.len()).unwrap_or(u32::MAX);
        let (shared, ids) = (word.beginning(common), IdSet::of_two(id, other));
        self.put(key, Node::Many(Box::new(Branch { shared, children, ids })));
        longer.into_iter().for_each(|key| self.put(key, Node::One(other)));
        common
    }

    /// Divides a branch after some characters of its shared prefix.
    fn split(&mut self, key: u64, common: usize) {
        let Some(Node::Many(lower)) = self.take(key) else { return };
        let shared = lower.shared.beginning(common);
        let upper = Branch { shared, children: 1, ids: lower.ids.clone() };
        if let Some(&key) = Keys::of(self.seed, &lower.shared).get(common) {
            self.put(key, Node::Many(lower));
        }
        self.put(key, Node::Many(Box::new(upper)));
    }

    /// Removes the words of a title, all of which were entered.
    pub(super) fn remove(&mut self, id: u32, words: &[Word], words_of: impl Fn(u32) -> Vec<Word>) {
        for word in words {
            self.remove_word(id, word);
        }
        let mut others = Others::new(words_of);
        for word in words {
            self.contract(word, &mut others);
        }
    }

    fn remove_word(&mut self, id: u32, word: &Word) {
        let keys = Keys::of(self.seed, word);
        let (mut above, mut shared) = (None, 0);
        while let Some(&key) = keys.get(shared) {
            match self.node(key) {
                Some(Node::One(other)) if *other == id => {
                    self.take(key);
                    self.count_children(above, |children| children.saturating_sub(1));
                    return;
                }
                Some(Node::Many(branch)) if word.starts_with(&branch.shared) => {
                    shared = branch.shared.chars().len();
                    self.change(key, |ids| ids.remove(id));
                }
                _ => return,
            }
            above = Some(key);
        }
    }

    /// Removes branches on the path to a word that are no longer needed.
    fn contract(&mut self, word: &Word, others: &mut Others<impl Fn(u32) -> Vec<Word>>) {
        let keys = Keys::of(self.seed, word);
        let mut shared = 0;
        while let Some(&key) = keys.get(shared) {
            let Some(Node::Many(branch)) = self.node(key) else { return };
            let beginning = branch.shared;
            let Some(first) = branch.ids.first().filter(|_| word.starts_with(&beginning)) else {
                return;
            };
            let end = beginning.chars().len();
            let may_merge = branch.children == 1 && branch.ids.len() <= MERGED;
            if branch.ids.only().is_some() {
                self.put(key, Node::One(first));
                for other in others.words(first).iter().filter(|word| word.starts_with(&beginning))
                {
                    let below = Keys::of(self.seed, other);
                    below.iter().skip(end).for_each(|key| drop(self.take(*key)));
                }
                return;
            }
            // After a merge the same key has another branch.
            if !may_merge || !self.merge(key, others.words(first), &beginning) {
                shared = end;
            }
        }
    }

    /// Replaces a branch by the only entry below it if both have the same titles. `words` are the
    /// words of one of these titles.
    fn merge(&mut self, key: u64, words: &[Word], beginning: &Word) -> bool {
        let end = beginning.chars().len();
        let longer = |word: &&Word| word.starts_with(beginning) && word.chars().len() > end;
        let Some(word) = words.iter().find(longer) else { return false };
        let Some(&below) = Keys::of(self.seed, word).get(end) else { return false };
        let (Some(Node::Many(upper)), Some(Node::Many(lower))) = (self.node(key), self.node(below))
        else {
            return false;
        };
        if upper.ids.len() != lower.ids.len() {
            return false;
        }
        if let Some(lower) = self.take(below) {
            self.put(key, lower);
        }
        true
    }

    fn count_children(&mut self, key: Option<u64>, change: impl Fn(u32) -> u32) {
        if let Some(Node::Many(branch)) = key.and_then(|key| self.node_mut(key)) {
            branch.children = change(branch.children);
        }
    }

    fn change(&mut self, key: u64, change: impl Fn(&mut IdSet)) {
        let Some(Node::Many(branch)) = self.node_mut(key) else { return };
        let before = branch.bytes();
        change(&mut branch.ids);
        let after = branch.bytes();
        self.bytes = (self.bytes + after).saturating_sub(before);
    }

    fn node(&self, key: u64) -> Option<&Node> {
        self.shards.get(shard_of(key))?.get(&key)
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

    fn take(&mut self, key: u64) -> Option<Node> {
        let shard = self.shards.get_mut(shard_of(key))?;
        let node = shard.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(node.bytes());
        if shard.len() * 8 < shard.capacity() {
            let before = shard_bytes(shard);
            shard.shrink_to(shard.len() * 2);
            self.bytes = (self.bytes + shard_bytes(shard)).saturating_sub(before);
        }
        Some(node)
    }
}

/// The words of other titles. Several words of a title often lead to the same other title, so the
/// words of the last title are cached.
struct Others<F> {
    words_of: F,
    last: Option<(u32, Vec<Word>)>,
}

impl<F: Fn(u32) -> Vec<Word>> Others<F> {
    fn new(words_of: F) -> Self {
        Self { words_of, last: None }
    }

    fn words(&mut self, id: u32) -> &[Word] {
        let last = self.last.take().filter(|(known, _)| *known == id);
        let (_, words) = self.last.insert(last.unwrap_or_else(|| (id, (self.words_of)(id))));
        words
    }
}

impl Node {
    /// Bytes of memory outside its table.
    fn bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(branch) => branch.bytes(),
        }
    }
}

impl Branch {
    fn bytes(&self) -> usize {
        allocated(size_of::<Self>()) + allocated(self.ids.bytes())
    }
}

/// The approximate size of a table: it has a seventh more places than it can use, with a byte for
/// each.
fn shard_bytes(shard: &Shard) -> usize {
    shard.capacity() * 8 / 7 * (size_of::<(u64, Node)>() + 1)
}

fn shard_of(key: u64) -> usize {
    // The table itself uses the lowest and the highest bits.
    usize::from((key >> 40).to_le_bytes()[0])
}
