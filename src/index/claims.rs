//! Which owners claim a line, and what a line shows while several owners claim it (protocol.md
//! section 4.6).

use super::attributes::seconds;
use super::lines::{Age, Claim, Line, claim_of};
use super::ranks::Ranks;
use super::{Index, memory};
use crate::protocol::{Content, Date, Title};

impl Index {
    /// Gives a record of an entry to a holder: the equal line that is there, else a new one.
    pub(super) fn join(
        &mut self,
        entry: u32,
        holder: u32,
        title: Title,
        content: Content,
        added: Date,
    ) {
        let mut same = self.holders.ages_of_same(holder, entry);
        let equal = same.find(|&age| self.title(entry, age) == Some(&title));
        drop(same);
        let Some(there) = self.entries.get_mut(entry) else { return };
        let before = there.bytes();
        let description = there.describe((title, content), None, entry, &mut self.titles);
        let claim = Claim { holder, description, added: seconds(added) };
        let age = match equal {
            Some(age) => {
                let others = self.others.entry(age).or_default();
                let before = memory::list(others);
                if others.is_empty() {
                    // Most have one.
                    others.reserve_exact(1);
                }
                others.push(claim);
                self.heap = (self.heap + memory::list(others)).saturating_sub(before);
                age
            }
            None => {
                let age = Age(self.next_age);
                self.next_age += 1;
                there.lines.push(Line { age, first: claim });
                self.ranks.add(entry);
                age
            }
        };
        self.heap = (self.heap + there.bytes()).saturating_sub(before);
        self.holders.give(holder, entry, age);
        self.records += 1;
    }

    pub(super) fn title(&self, entry: u32, age: Age) -> Option<&Title> {
        let entry = self.entries.get(entry)?;
        Some(&entry.description(entry.lines.get(age)?.first.description)?.title)
    }

    /// Takes what a holder says now of the bytes that it has.
    pub(super) fn renew(
        &mut self,
        entry: u32,
        holder: u32,
        age: Age,
        title: Title,
        content: Content,
    ) {
        let Self { entries, others, titles, .. } = self;
        let Some(there) = entries.get_mut(entry) else { return };
        let bytes = there.bytes();
        let mut others = others.get_mut(&age);
        let claim = claim_of(holder, there.lines.get_mut(age), others.as_deref_mut());
        let Some(before) = claim.map(|claim| claim.description) else { return };
        let new = there.describe((title, content), Some(before), entry, titles);
        if let Some(claim) = claim_of(holder, there.lines.get_mut(age), others) {
            claim.description = new;
        }
        there.release(before, titles);
        self.heap = (self.heap + there.bytes()).saturating_sub(bytes);
    }

    /// Takes a line from a holder; the last one takes the line along. Returns what it claimed.
    pub(super) fn withdraw(&mut self, entry: u32, holder: u32, age: Age) -> Option<Claim> {
        let claim = self.unclaim(entry, holder, age)?;
        self.holders.take(holder, entry);
        Some(claim)
    }

    /// The part of it that is not with the holder.
    pub(super) fn unclaim(&mut self, entry: u32, holder: u32, age: Age) -> Option<Claim> {
        let before = self.entries.get(entry)?.bytes();
        let claim = self.take_claim(entry, holder, age)?;
        let there = self.entries.get_mut(entry)?;
        there.release(claim.description, &mut self.titles);
        if there.lines.is_empty() {
            self.documents.remove(&there.document);
            self.entries.remove(entry);
            self.ranks.leave(entry);
            if self.entries.is_empty() {
                self.ranks = Ranks::default();
            }
            self.heap = self.heap.saturating_sub(before);
        } else {
            self.heap = (self.heap + there.bytes()).saturating_sub(before);
        }
        self.records = self.records.saturating_sub(1);
        Some(claim)
    }

    /// Takes a holder's claim of a line, which the next one then shows, if there is any.
    fn take_claim(&mut self, entry: u32, holder: u32, age: Age) -> Option<Claim> {
        let lines = &mut self.entries.get_mut(entry)?.lines;
        let Some(others) = self.others.get_mut(&age) else {
            let line = lines.remove(age)?;
            self.ranks.take(entry);
            return Some(line.first);
        };
        let before = memory::list(others);
        let first = &mut lines.get_mut(age)?.first;
        let claim = match others.iter().position(|other| other.holder == holder) {
            Some(at) => others.remove(at),
            None => std::mem::replace(first, others.remove(0)),
        };
        memory::shrink_list(others);
        self.heap = (self.heap + memory::list(others)).saturating_sub(before);
        if others.is_empty() {
            self.others.remove(&age);
            memory::shrink(&mut self.others);
        }
        Some(claim)
    }
}
