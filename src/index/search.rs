//! A running search: the documents that it has found, their order, and the records that were
//! returned (protocol.md section 4.10).
//!
//! A search is done in steps, and the index may change between two of them. First the best
//! documents are selected: the sets of all words are intersected in blocks of 64 titles. Then the
//! matching records of each are taken. If there are more documents, they follow in the order of a
//! list.
//!
//! If very many titles match, the best documents of a random sample of the blocks are selected
//! first. Nearly all other documents are worse than the last of these, and one comparison excludes
//! each of them. The order in which peers have added records does not matter.

mod matcher;
mod selection;
pub(super) mod tables;

use std::collections::HashSet;

use super::lines::Seq;
use super::query::Position;
use crate::limits;
use crate::protocol::Words;
use matcher::Matcher;
use selection::Selection;
use tables::{RECORD, Tables, Take};

/// Titles, or steps of an intersection, in one step: some ten microseconds.
const STEP: usize = 4096;
/// The blocks are sampled if each word matches at least this number of titles.
const SAMPLED: usize = 256;
/// A sample has one block of this number, on average. The first sample is small, because in the
/// worst order each of its titles is better than all titles before.
const SAMPLES: [u32; 2] = [256, 16];

/// A search and its progress.
#[derive(Debug)]
pub(super) struct Search {
    words: Words,
    stage: Stage,
    selection: Selection,
    ranked: HashSet<u32>,
    /// Titles that were visited.
    done: usize,
}

#[derive(Debug)]
enum Stage {
    /// The best documents of the sample with this number are selected; the blocks below this one
    /// are done.
    Sampling(usize, u32),
    /// Candidates are selected; the blocks of titles below this one are done.
    Selecting(u32),
    /// The records of the candidate in this place are returned, after this line.
    Ranked(usize, Option<Seq>),
    /// Further documents follow in the order of a list.
    Rest(Position),
    Done,
}

impl Search {
    /// A search for at most `most` records.
    pub(super) fn new(words: Words, most: usize) -> Self {
        Self {
            words,
            stage: Stage::Sampling(0, 0),
            selection: Selection::new(most.clamp(1, limits::RANKED)),
            ranked: HashSet::new(),
            done: 0,
        }
    }

    /// The work since the last call, as the number of records that could have been visited in the
    /// same time.
    pub(super) fn take_cost(&mut self) -> usize {
        std::mem::take(&mut self.done).div_ceil(RECORD)
    }

    /// Does the next step. Returns whether the search is finished.
    pub(super) fn step<'a>(&mut self, tables: Tables<'a>, take: Take<'_, 'a>) -> bool {
        let Some(matches) = tables.titles.find(&self.words) else {
            self.stage = Stage::Done;
            return true;
        };
        let mut matcher = Matcher::new(tables.titles, matches);
        let end = self.done + STEP;
        while self.done < end {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Sampling(number, block) => {
                    let is_large = matcher.matches.iter().all(|set| set.len() >= SAMPLED);
                    let Some(&sample) = SAMPLES.get(number).filter(|_| is_large) else {
                        self.stage = Stage::Selecting(0);
                        continue;
                    };
                    let work = (&mut self.done, end);
                    let next = self.selection.select(tables, &matcher.matches, block, work, sample);
                    self.stage = match next {
                        Some(block) => Stage::Sampling(number, block),
                        None => {
                            self.selection.end_sample();
                            Stage::Sampling(number + 1, 0)
                        }
                    };
                }
                Stage::Selecting(block) => {
                    let work = (&mut self.done, end);
                    let next = self.selection.select(tables, &matcher.matches, block, work, 1);
                    self.stage = match next {
                        Some(block) => Stage::Selecting(block),
                        None => {
                            self.selection.rank();
                            // A document whose rank has changed meanwhile may be there twice.
                            let ranked = &mut self.ranked;
                            self.selection
                                .candidates
                                .retain(|candidate| ranked.insert(candidate.entry));
                            Stage::Ranked(0, None)
                        }
                    };
                }
                Stage::Ranked(at, seen) => {
                    let Some(candidate) = self.selection.candidates.get(at) else {
                        if !self.selection.has_more {
                            return true;
                        }
                        self.stage = Stage::Rest(Position::default());
                        continue;
                    };
                    let place = candidate.entry;
                    let entry = tables.entries.get(place);
                    let last = entry.and_then(|entry| {
                        matcher.take((place, entry), seen, &mut self.done, end, take)
                    });
                    match last {
                        None => self.stage = Stage::Ranked(at + 1, None),
                        Some(seq) => {
                            self.stage = Stage::Ranked(at, Some(seq));
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
                            last = matcher.take((place, entry), seen, &mut self.done, end, take);
                        }
                        if let Some(seq) = last {
                            self.stage = Stage::Rest(Position::after(&entry.document, seq));
                            return false;
                        }
                        if self.done >= end {
                            let end = Seq::OLDEST;
                            self.stage = Stage::Rest(Position::after(&entry.document, end));
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
}
