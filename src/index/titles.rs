//! The titles that SEARCH finds documents by (protocol.md section 4.10).
//!
//! Adding or removing a record only queues its title, because updating the structure takes as long
//! as the rest of an ADD. [`Titles::update`] does that later, in small steps. The structure grows
//! with the number of different titles, not of records.

pub(super) mod id_set;
mod keys;
pub(super) mod matches;
mod prefixes;

use std::collections::VecDeque;

use super::memory::{self, searched_most};
use super::slots::Slots;
use crate::limits;
use crate::protocol::{Title, Word, Words, title_words};
use id_set::BLOCK;
use matches::Matches;
use prefixes::Prefixes;

/// A title of a document.
#[derive(Debug)]
struct Known {
    title: Title,
    /// Descriptions with this title.
    uses: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Its words are to be entered.
    Queued,
    Entered,
    /// No description uses it, and its words are to be removed.
    Unused,
}

/// Titles by number, and the search structure over their words.
#[derive(Debug, Default)]
pub(super) struct Titles {
    known: Slots<Known>,
    /// The entry of the document of each title.
    entries: Vec<u32>,
    prefixes: Prefixes,
    /// Numbers of queued and unused titles, and perhaps of some that are neither.
    queue: VecDeque<u32>,
    /// Numbers from the queue of titles that were not entered because the memory limit was
    /// exceeded.
    held: VecDeque<u32>,
    /// The most bytes that the queued titles can take once they are entered, and the bytes of the
    /// text of unused titles.
    pending: usize,
}

impl Titles {
    /// Bytes of memory, without the text of titles in use. A queued title counts with the most
    /// bytes that it can take once it is entered.
    pub(super) fn bytes(&self) -> usize {
        self.bytes_in_use() + self.pending
    }

    /// The same without the bytes that are reserved for queued titles.
    pub(super) fn bytes_in_use(&self) -> usize {
        let fixed = self.entries.capacity() + self.queue.capacity() + self.held.capacity();
        fixed * size_of::<u32>() + self.known.bytes() + self.prefixes.bytes()
    }

    /// Bytes by which the tables grow with the next title.
    pub(super) fn next_growth(&self) -> usize {
        let doubled = |len: usize, capacity: usize| if len < capacity { 0 } else { capacity };
        let entries = doubled(self.entries.len(), self.entries.capacity());
        let queue = doubled(self.queue.len(), self.queue.capacity());
        self.known.next_growth() + (entries + queue) * size_of::<u32>()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.known.last(usize::MAX).next().is_none() && self.prefixes.len() == 0
    }

    /// Adds a title of the document with this entry. Returns the number of the title.
    pub(super) fn add(&mut self, title: Title, entry: u32) -> u32 {
        self.pending = self.pending.saturating_add(searched_most(&title));
        let id = self.known.insert(Known { title, uses: 1, state: State::Queued });
        match self.entries.get_mut(index(id)) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        self.queue.push_back(id);
        id
    }

    /// One more description has this title.
    pub(super) fn share(&mut self, id: u32) {
        if let Some(known) = self.known.get_mut(id) {
            known.uses += 1;
        }
    }

    /// One description less has this title.
    pub(super) fn release(&mut self, id: u32) {
        let Some(known) = self.known.get_mut(id) else { return };
        known.uses = known.uses.saturating_sub(1);
        if known.uses > 0 {
            return;
        }
        match known.state {
            State::Queued => {
                self.pending = self.pending.saturating_sub(searched_most(&known.title));
                self.known.remove(id);
                self.release_memory();
            }
            State::Entered => {
                known.state = State::Unused;
                self.pending = self.pending.saturating_add(memory::title(&known.title));
                self.queue.push_back(id);
                // From now on searches do not find it.
                if let Some(place) = self.entries.get_mut(index(id)) {
                    *place = u32::MAX;
                }
            }
            State::Unused => {}
        }
    }

    /// An upper bound of the titles that are to be entered or removed.
    pub(super) fn queued(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    /// Whether [`Titles::update`] can do anything with this limit, which is computed only if it matters.
    pub(super) fn has_updates(&self, limit: impl FnOnce() -> usize) -> bool {
        !self.queue.is_empty() || (!self.held.is_empty() && self.bytes_in_use() <= limit())
    }

    /// Whether the queue is longer than its limit: then each ADD enters titles of the queue itself.
    pub(super) fn is_queue_full(&self) -> bool {
        self.queued() > limits::PENDING_TITLES
    }

    /// Enters or removes some titles. Returns how many; less than `most` if nothing can be done.
    /// Calls `enter` for the entry of each title before the title can be found.
    ///
    /// While the memory in use exceeds `limit`, titles are held back instead of entered: dividing a
    /// branch copies its set, which can take more memory than is reserved for the title. So at most
    /// one title exceeds the limit, by one bit of each title of the index for each of its words.
    pub(super) fn update(
        &mut self,
        most: usize,
        limit: usize,
        mut enter: impl FnMut(u32),
    ) -> usize {
        for done in 0..most {
            let is_full = self.bytes_in_use() > limit;
            let held = if is_full { None } else { self.held.pop_front() };
            let Some(id) = held.or_else(|| self.queue.pop_front()) else { return done };
            let Some(known) = self.known.get_mut(id) else { continue };
            match known.state {
                State::Queued if is_full => self.held.push_back(id),
                State::Queued => {
                    known.state = State::Entered;
                    self.entries.get(index(id)).copied().into_iter().for_each(&mut enter);
                    self.pending = self.pending.saturating_sub(searched_most(&known.title));
                    let words: Vec<Word> = title_words(&known.title).collect();
                    self.prefixes.insert(id, &words, |other| words_of(&self.known, other));
                }
                State::Unused => {
                    self.pending = self.pending.saturating_sub(memory::title(&known.title));
                    let words: Vec<Word> = title_words(&known.title).collect();
                    self.prefixes.remove(id, &words, |other| words_of(&self.known, other));
                    self.known.remove(id);
                    self.release_memory();
                }
                State::Entered => {}
            }
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
        most
    }

    /// The titles that match each word of a query, the smallest set first; `None` if no title
    /// matches one of the words.
    pub(super) fn find(&self, words: &Words) -> Option<Vec<Matches<'_>>> {
        let mut found: Vec<_> =
            words.iter().map(|word| self.find_word(word)).collect::<Option<_>>()?;
        found.sort_by_key(Matches::len);
        Some(found)
    }

    fn find_word(&self, word: &Word) -> Option<Matches<'_>> {
        let found = self.prefixes.find(word)?;
        // The tree compares only as many characters as are needed to distinguish titles.
        let is_match = match found {
            Matches::One(id) => {
                words_of(&self.known, id).iter().any(|other| other.starts_with(word))
            }
            Matches::Many(_) => true,
        };
        is_match.then_some(found)
    }

    /// The entries of the documents with the titles of a block. The entry of an unused title does
    /// not exist.
    pub(super) fn entries(&self, block: u32) -> &[u32] {
        let first = index(block).saturating_mul(BLOCK as usize);
        let rest = self.entries.get(first..).unwrap_or_default();
        rest.get(..BLOCK as usize).unwrap_or(rest)
    }

    /// Releases the memory of the lists after the last title was removed.
    fn release_memory(&mut self) {
        if self.known.is_empty() {
            self.entries = Vec::new();
            self.queue = VecDeque::new();
            self.held = VecDeque::new();
        }
    }
}

fn words_of(known: &Slots<Known>, id: u32) -> Vec<Word> {
    known.get(id).map(|known| title_words(&known.title).collect()).unwrap_or_default()
}

fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
