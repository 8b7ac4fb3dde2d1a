//! A search that is under way: which documents are found, in which order, and what was taken
//! (protocol.md section 4.10).
//!
//! A search is done in steps, and the index may change between two of them. First the best documents
//! are selected: the sets of all words are intersected in blocks of 64 titles. Then the matching
//! records of each are taken. If there are more documents, they follow in the order of a list.
//!
//! Where very many titles match, the best documents of a random sample of the blocks are selected
//! before. Nearly all others are worse than the last of them, and are left out by one comparison,
//! whatever the order is in which peers have added them.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::documents::Documents;
use super::entry::Entry;
use super::lines::{Age, Line};
use super::query::Position;
use super::ranks::{Rank, Ranks};
use super::slots::Slots;
use super::titles::Titles;
use super::titles::id_set::ids_of;
use super::titles::prefixes::Matches;
use crate::limits;
use crate::protocol::{Title, Words};

/// Titles, or steps of an intersection, that are looked at in a row: some ten microseconds.
const AT_ONCE: usize = 4096;
/// A record takes as long as that many titles.
const RECORD: usize = 8;
/// Candidates among which the best are selected together, for each document that is wanted.
const CANDIDATES: usize = 4;
/// Titles that match a word, from which on the blocks are sampled.
const SAMPLED: usize = 256;
/// A sample has one of this number of blocks, on average. The first sample is small: in the worst
/// order each of its titles is better than all before.
const SAMPLES: [u32; 2] = [256, 16];
/// A line with another title takes as long as that many titles.
const OTHER_LINE: usize = 2;

/// A search, and how far it is.
#[derive(Debug)]
pub struct Search {
    words: Arc<Words>,
    /// Documents that are ranked.
    most: usize,
    stage: Stage,
    candidates: Vec<Candidate>,
    /// The last of the best candidates so far, when there are as many as wanted.
    worst: Option<Candidate>,
    /// Whether more documents match than are ranked.
    more: bool,
    ranked: HashSet<u32>,
    /// Titles that were looked at.
    done: usize,
    /// Chooses the sample, so that nobody knows which titles are in it.
    random: RandomState,
}

#[derive(Debug)]
enum Stage {
    /// The best documents of the sample with this number are selected; the blocks below this one are done.
    Sampling(usize, u32),
    /// Candidates are selected; the blocks of titles below this one are done.
    Selecting(u32),
    /// The records of the candidate in this place are taken, after this age.
    Ranked(usize, Option<Age>),
    /// Further documents follow in the order of a list.
    Rest(Position),
    Done,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    rank: Rank,
    entry: u32,
}

impl Candidate {
    /// The order of results.
    fn order(&self, other: &Self, entries: &Slots<Entry>) -> Ordering {
        let document = |entry| entries.get(entry).map(|entry| &entry.document);
        self.rank.cmp(&other.rank).then_with(|| match self.entry == other.entry {
            true => Ordering::Equal,
            // Names of files that begin with the same bytes.
            false => document(self.entry).cmp(&document(other.entry)),
        })
    }
}

/// The tables of an index that a search reads.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) titles: &'a Titles,
    pub(super) ranks: &'a Ranks,
    pub(super) entries: &'a Slots<Entry>,
    pub(super) documents: &'a Documents,
}

/// What a step of a search takes from an entry: a line, and whether there is room for another.
type Take<'t, 'a> = &'t mut dyn FnMut(&'a Entry, &'a Line) -> bool;

impl Search {
    /// A search for at most `most` records.
    pub fn new(words: Words, most: usize) -> Self {
        Self {
            words: Arc::new(words),
            most: most.clamp(1, limits::RANKED),
            stage: Stage::Sampling(0, 0),
            candidates: Vec::new(),
            worst: None,
            more: false,
            ranked: HashSet::new(),
            done: 0,
            random: RandomState::new(),
        }
    }

    /// What was done since this was asked for, as the number of records that could have been looked
    /// at in the same time.
    pub fn take_cost(&mut self) -> usize {
        std::mem::take(&mut self.done).div_ceil(RECORD)
    }

    /// Does the next step. Returns whether the search is finished.
    pub(super) fn step<'a>(&mut self, tables: Tables<'a>, take: Take<'_, 'a>) -> bool {
        let Some(matches) = tables.titles.find(&self.words) else {
            self.stage = Stage::Done;
            return true;
        };
        let matcher = Matcher { words: &Arc::clone(&self.words), matches };
        let end = self.done + AT_ONCE;
        while self.done < end {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Sampling(number, block) => {
                    let is_large = matcher.matches.iter().all(|set| set.len() >= SAMPLED);
                    let Some(&sample) = SAMPLES.get(number).filter(|_| is_large) else {
                        self.stage = Stage::Selecting(0);
                        continue;
                    };
                    let next = self.select(tables, &matcher.matches, block, end, sample);
                    self.stage = match next {
                        Some(block) => Stage::Sampling(number, block),
                        None => {
                            self.rank(tables.entries);
                            let worst = self.candidates.get(self.most - 1).copied();
                            self.worst = worst.or(self.worst);
                            self.candidates.clear();
                            Stage::Sampling(number + 1, 0)
                        }
                    };
                }
                Stage::Selecting(block) => {
                    self.stage = match self.select(tables, &matcher.matches, block, end, 1) {
                        Some(block) => Stage::Selecting(block),
                        None => {
                            self.rank(tables.entries);
                            // A document whose rank has changed meanwhile may be there twice.
                            let ranked = &mut self.ranked;
                            self.candidates.retain(|candidate| ranked.insert(candidate.entry));
                            Stage::Ranked(0, None)
                        }
                    };
                }
                Stage::Ranked(at, seen) => {
                    let Some(candidate) = self.candidates.get(at) else {
                        if !self.more {
                            return true;
                        }
                        self.stage = Stage::Rest(Position::default());
                        continue;
                    };
                    let place = candidate.entry;
                    let entry = tables.entries.get(place);
                    let last = entry
                        .and_then(|entry| matcher.take(entry, seen, &mut self.done, end, take));
                    match last {
                        None => self.stage = Stage::Ranked(at + 1, None),
                        Some(age) => {
                            self.stage = Stage::Ranked(at, Some(age));
                            return false;
                        }
                    }
                }
                Stage::Rest(reached) => {
                    for place in tables.documents.of(None, &reached) {
                        let Some(entry) = tables.entries.get(place) else { continue };
                        self.done += RECORD;
                        let mut last = None;
                        if !self.ranked.contains(&place) && matcher.may_match(entry) {
                            let seen = reached.seen(&entry.document);
                            last = matcher.take(entry, seen, &mut self.done, end, take);
                        }
                        if let Some(age) = last {
                            self.stage = Stage::Rest(Position::behind(&entry.document, age));
                            return false;
                        }
                        if self.done >= end {
                            let end = Age::OLDEST;
                            self.stage = Stage::Rest(Position::behind(&entry.document, end));
                            return false;
                        }
                    }
                    return true;
                }
                Stage::Done => return true,
            }
        }
        false
    }

    /// Adds the titles that match all words to the candidates: all of them, or those of one block of
    /// `one_of`. Returns the block to continue with.
    fn select(
        &mut self,
        tables: Tables<'_>,
        matches: &[Matches<'_>],
        mut block: u32,
        end: usize,
        one_of: u32,
    ) -> Option<u32> {
        let mut sets: Vec<(Matches<'_>, usize)> = matches.iter().map(|set| (*set, 0)).collect();
        sets.sort_by_key(|(set, _)| set.len());
        'blocks: while self.done < end {
            let mut common = u64::MAX;
            for (at, (set, hint)) in sets.iter_mut().enumerate() {
                self.done += 1;
                let (next, bits) = set.next_block(block, hint)?;
                common = if next == block { common & bits } else { bits };
                let is_same = next == block || at == 0;
                block = next;
                if !is_same {
                    // The sets before this one may have nothing there.
                    continue 'blocks;
                }
            }
            for id in ids_of(block, common) {
                self.done += 1;
                if let Some(entry) = tables.titles.entry(id) {
                    self.consider(tables, entry);
                }
            }
            block = block.checked_add(match one_of {
                1 => 1,
                _ => self.jump(block, one_of),
            })?;
        }
        Some(block)
    }

    /// A random number of blocks: as many as given on average.
    fn jump(&self, block: u32, average: u32) -> u32 {
        let random = self.random.hash_one(block).to_le_bytes();
        1 + u32::from(u16::from_le_bytes([random[0], random[1]])) % (2 * average - 1)
    }

    fn consider(&mut self, tables: Tables<'_>, entry: u32) {
        let Some(rank) = tables.ranks.of(entry) else { return };
        if let Some(worst) = self.worst {
            let candidate = Candidate { rank, entry };
            if rank > worst.rank
                || rank == worst.rank
                    && candidate.order(&worst, tables.entries) == Ordering::Greater
            {
                self.more = true;
                return;
            }
        }
        if self.candidates.last().is_some_and(|last| last.entry == entry) {
            return;
        }
        self.candidates.push(Candidate { rank, entry });
        if self.candidates.len() >= self.most.max(64) * CANDIDATES {
            self.rank(tables.entries);
            self.worst = self.candidates.get(self.most - 1).copied();
        }
    }

    /// Brings the candidates into their order, and leaves the best.
    fn rank(&mut self, entries: &Slots<Entry>) {
        self.candidates.sort_unstable_by(|one, other| one.order(other, entries));
        self.candidates.dedup_by_key(|candidate| candidate.entry);
        if self.candidates.len() > self.most {
            self.more = true;
            self.candidates.truncate(self.most);
        }
    }
}

/// The titles that match the words of a search.
struct Matcher<'s, 'a> {
    words: &'s Words,
    matches: Vec<Matches<'a>>,
}

impl Matcher<'_, '_> {
    /// Takes the matching records of a document after an age. Returns the age of the last record
    /// that was looked at if there may be more.
    fn take<'a>(
        &self,
        entry: &'a Entry,
        seen: Option<Age>,
        done: &mut usize,
        end: usize,
        take: Take<'_, 'a>,
    ) -> Option<Age> {
        let mut last = None;
        for piece in entry.lines.pieces(seen) {
            for line in piece.iter().rev() {
                let description = line.first.description;
                let is_match = match last {
                    Some((same, is_match)) if same == description => is_match,
                    _ => entry.description(description).is_some_and(|description| {
                        self.are_in(description.title_id, &description.title)
                    }),
                };
                last = Some((description, is_match));
                *done += if is_match { RECORD } else { OTHER_LINE };
                if (is_match && !take(entry, line)) || *done >= end {
                    return Some(line.age);
                }
            }
        }
        None
    }

    /// Whether a title of the document may match, as far as this is quickly known.
    fn may_match(&self, entry: &Entry) -> bool {
        entry.only_description().is_none_or(|only| self.has(only.title_id))
    }

    fn are_in(&self, id: u32, title: &Title) -> bool {
        // The sets know nothing of words longer than what tells titles apart.
        self.has(id) && self.words.are_in(title)
    }

    fn has(&self, id: u32) -> bool {
        self.matches.iter().all(|set| set.contains(id))
    }
}
