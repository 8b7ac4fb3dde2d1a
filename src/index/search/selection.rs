//! The best documents that match a search (protocol.md section 4.10).

use std::hash::{BuildHasher, RandomState};

use super::tables::Tables;
use crate::index::ranks::{Rank, Ranks};
use crate::index::titles::id_set::ids_of;
use crate::index::titles::matches::Matches;

/// Candidates that are collected before the best are selected, for each wanted document.
const CANDIDATES: usize = 4;
/// Recent candidates that are remembered, so that a document with very many titles is not compared
/// for each title.
const RECENT: usize = 2048;
/// Titles whose ranks are compared in the time of one step of an intersection.
const TITLES: usize = 4;

/// A document that matches, and its rank when it was visited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    rank: Rank,
    pub(super) entry: u32,
}

/// The best documents that were found so far.
#[derive(Debug)]
pub(super) struct Selection {
    /// Documents that are wanted.
    most: usize,
    pub(super) candidates: Vec<Candidate>,
    /// The last of the best candidates so far, if there are as many as wanted.
    worst: Option<Candidate>,
    /// Whether more documents match than are wanted.
    pub(super) has_more: bool,
    /// Candidates by a part of the hash of their entries.
    recent: Vec<u32>,
    /// The version of the ranks that the candidates have.
    version: u64,
    /// Chooses the sample, so that no peer can predict which titles are in it.
    random: RandomState,
    factor: u32,
}

impl Selection {
    pub(super) fn new(most: usize) -> Self {
        let random = RandomState::new();
        let [first, second, third, fourth, ..] = random.hash_one(u64::MAX).to_le_bytes();
        Self {
            most,
            candidates: Vec::new(),
            worst: None,
            has_more: false,
            recent: Vec::new(),
            version: 0,
            random,
            factor: u32::from_le_bytes([first, second, third, fourth]) | 1,
        }
    }

    /// Adds the documents of titles that match all words to the candidates: of all blocks, or of
    /// one block in `one_of`. The smallest set is first. Returns the block to continue with.
    pub(super) fn select(
        &mut self,
        tables: Tables<'_>,
        matches: &[Matches<'_>],
        mut block: u32,
        (done, end): (&mut usize, usize),
        one_of: u32,
    ) -> Option<u32> {
        self.update(tables.ranks);
        let mut sets: Vec<(Matches<'_>, usize)> = matches.iter().map(|set| (*set, 0)).collect();
        'blocks: while *done < end {
            let mut common = u64::MAX;
            for (at, (set, hint)) in sets.iter_mut().enumerate() {
                *done += 1;
                let (next, bits) = set.next_block(block, hint)?;
                common = if next == block { common & bits } else { bits };
                let is_same = next == block || at == 0;
                block = next;
                if !is_same {
                    // The sets before this one may have nothing there.
                    continue 'blocks;
                }
            }
            self.consider_block(tables, block, common);
            *done += common.count_ones() as usize / TITLES;
            block = block.checked_add(match one_of {
                1 => 1,
                _ => self.jump(block, one_of),
            })?;
        }
        Some(block)
    }

    /// Selects the best documents of the sample. All others are then compared with the last of
    /// these.
    pub(super) fn end_sample(&mut self) {
        self.rank();
        self.worst = self.last_wanted().or(self.worst);
        self.candidates.clear();
        self.recent.clear();
    }

    /// Sorts the candidates, and keeps the best.
    pub(super) fn rank(&mut self) {
        self.candidates.sort_unstable_by_key(|candidate| candidate.rank);
        self.candidates.dedup_by_key(|candidate| candidate.entry);
        if self.candidates.len() > self.most {
            self.has_more = true;
            self.candidates.truncate(self.most);
        }
    }

    /// A random number of blocks, with this average.
    fn jump(&self, block: u32, average: u32) -> u32 {
        let random = self.random.hash_one(block).to_le_bytes();
        1 + u32::from(u16::from_le_bytes([random[0], random[1]])) % (2 * average - 1)
    }

    /// Considers the titles of a block. If there are very many titles, nearly all belong to
    /// documents that are worse than the best so far.
    fn consider_block(&mut self, Tables { titles, ranks, .. }: Tables<'_>, block: u32, bits: u64) {
        let entries = titles.entries(block);
        let better = ranks.may_be_up_to(self.limit(), entries, bits);
        if !self.has_more {
            let mut worse = ids_of(0, bits & !better).filter_map(|at| entries.get(at as usize));
            self.has_more = worse.any(|entry| *entry != u32::MAX);
        }
        let mut last = u32::MAX;
        for at in ids_of(0, better) {
            let Some(&entry) = entries.get(at as usize).filter(|entry| **entry != last) else {
                continue;
            };
            last = entry;
            if self.is_recent(entry) {
                continue;
            }
            let Some(rank) = ranks.of(entry) else { continue };
            if rank <= self.limit() {
                self.add(Candidate { rank, entry });
            } else {
                self.has_more = true;
            }
        }
    }

    fn limit(&self) -> Rank {
        self.worst.map_or(Rank::LAST, |worst| worst.rank)
    }

    /// Whether the document is a recent candidate. If not, it is one from now on.
    fn is_recent(&mut self, entry: u32) -> bool {
        if self.recent.is_empty() {
            self.recent.resize(RECENT, u32::MAX);
        }
        let hash = entry.wrapping_mul(self.factor) >> (u32::BITS - RECENT.ilog2());
        let recent = self.recent.get_mut(hash as usize);
        recent.is_some_and(|recent| std::mem::replace(recent, entry) == entry)
    }

    fn add(&mut self, candidate: Candidate) {
        self.candidates.push(candidate);
        if self.candidates.len() >= self.most.max(64) * CANDIDATES {
            self.rank();
            self.worst = self.last_wanted();
        }
    }

    fn last_wanted(&self) -> Option<Candidate> {
        self.candidates.get(self.most.checked_sub(1)?).copied()
    }

    /// Updates the ranks of the candidates if they have changed because files were added or
    /// removed.
    fn update(&mut self, ranks: &Ranks) {
        if self.version == ranks.version() {
            return;
        }
        self.version = ranks.version();
        for candidate in self.candidates.iter_mut().chain(&mut self.worst) {
            candidate.rank = ranks.of(candidate.entry).unwrap_or(candidate.rank);
        }
    }
}
