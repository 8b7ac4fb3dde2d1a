//! Who has added what: owners, and the endpoints that they name.

use std::collections::HashMap;

use super::Owner;
use super::lines::Age;
use super::slots::Slots;
use crate::protocol::{Endpoint, RecordEnd};

/// All owners and endpoints with a record.
#[derive(Debug, Default)]
pub(super) struct Holders {
    holders: Slots<Holder>,
    /// The holders that are this endpoint: one, unless several connections say to be.
    endpoints: HashMap<Endpoint, Vec<u32>>,
    owners: HashMap<Owner, Holdings>,
}

/// What one owner has added.
#[derive(Debug, Default)]
struct Holdings {
    /// One, for most owners name one endpoint.
    holders: Vec<u32>,
    records: usize,
}

/// An owner and an endpoint that it names, and where its lines are.
#[derive(Debug)]
struct Holder {
    owner: Owner,
    endpoint: Endpoint,
    end: RecordEnd,
    /// The places of entries, in order, and the age of the line there.
    lines: Vec<(u32, Age)>,
}

impl Holder {
    fn place(&self, entry: u32) -> Result<usize, usize> {
        self.lines.binary_search_by_key(&entry, |line| line.0)
    }

    fn age(&self, entry: u32) -> Option<Age> {
        self.place(entry).ok().map(|at| self.lines[at].1)
    }
}

impl Holders {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
            && self.owners.is_empty()
            && self.holders.last(99).next().is_none()
    }

    /// The place of an owner and an endpoint that it has named.
    pub(super) fn find(&self, owner: Owner, endpoint: &Endpoint) -> Option<u32> {
        let is_own = |place: &&u32| self.holders.get(**place).is_some_and(|h| h.owner == owner);
        self.endpoints.get(endpoint)?.iter().find(is_own).copied()
    }

    /// A place for an owner and an endpoint that has none. It has to be given a line.
    pub(super) fn enter(&mut self, owner: Owner, endpoint: Endpoint) -> u32 {
        let end = RecordEnd::of(&endpoint);
        let holder = Holder { owner, endpoint: endpoint.clone(), end, lines: Vec::new() };
        let place = self.holders.insert(holder);
        self.endpoints.entry(endpoint).or_default().push(place);
        self.owners.entry(owner).or_default().holders.push(place);
        place
    }

    /// What a holder's records show of it, and as what.
    pub(super) fn shown(&self, holder: u32) -> Option<(&Endpoint, &RecordEnd)> {
        let Holder { endpoint, end, .. } = self.holders.get(holder)?;
        Some((endpoint, end))
    }

    /// How many records an owner has.
    pub(super) fn records_of(&self, owner: Owner) -> usize {
        self.owners.get(&owner).map_or(0, |holdings| holdings.records)
    }

    /// The age of the line that a holder has of an entry.
    pub(super) fn age(&self, holder: u32, entry: u32) -> Option<Age> {
        self.holders.get(holder)?.age(entry)
    }

    /// The ages of the lines of an entry that others have who say to be the same endpoint.
    ///
    /// They are looked through one by one: there are no more of them than connections from one
    /// address, unless the host policy believes everybody.
    pub(super) fn ages_of_same(&self, holder: u32, entry: u32) -> impl Iterator<Item = Age> {
        let endpoint = self.holders.get(holder).map(|holder| &holder.endpoint);
        let same = endpoint.and_then(|endpoint| self.endpoints.get(endpoint));
        let others = same.into_iter().flatten().filter(move |other| **other != holder);
        others.filter_map(move |&other| self.age(other, entry))
    }

    /// Some lines of one holder of an owner, and their entries: those that are taken out fastest.
    /// `None` when none are left, or none are wanted.
    pub(super) fn last_lines(&self, owner: Owner, most: usize) -> Option<(u32, Vec<(u32, Age)>)> {
        let holder = *self.owners.get(&owner)?.holders.last()?;
        let lines = &self.holders.get(holder)?.lines;
        let last = &lines[lines.len().saturating_sub(most)..];
        (!last.is_empty()).then(|| (holder, last.to_vec()))
    }

    /// Gives a holder a line of an entry of which it has none.
    pub(super) fn give(&mut self, holder: u32, entry: u32, age: Age) {
        let Some(Holder { owner, lines, .. }) = self.holders.get_mut(holder) else { return };
        if lines.len() == lines.capacity() {
            // Doubling would leave as much unused as is used.
            lines.reserve_exact(lines.len() / 8 + 4);
        }
        lines.insert(lines.partition_point(|line| line.0 < entry), (entry, age));
        self.owners.entry(*owner).or_default().records += 1;
    }

    /// Takes the line of an entry from a holder, which is forgotten with its last one.
    pub(super) fn take(&mut self, holder: u32, entry: u32) {
        let Some(from) = self.holders.get_mut(holder) else { return };
        let Ok(at) = from.place(entry) else { return };
        from.lines.remove(at);
        if let Some(holdings) = self.owners.get_mut(&from.owner) {
            holdings.records -= 1;
        }
        if from.lines.is_empty() {
            self.forget(holder);
        }
    }

    /// Takes the last few lines from a holder, which is forgotten with its last one.
    pub(super) fn take_last(&mut self, holder: u32, few: usize) {
        let Some(from) = self.holders.get_mut(holder) else { return };
        let left = from.lines.len().saturating_sub(few);
        if let Some(holdings) = self.owners.get_mut(&from.owner) {
            holdings.records -= from.lines.len() - left;
        }
        from.lines.truncate(left);
        if left == 0 {
            self.forget(holder);
        }
    }

    fn forget(&mut self, holder: u32) {
        let Some(Holder { owner, endpoint, .. }) = self.holders.remove(holder) else { return };
        if let Some(Holdings { holders, .. }) = self.owners.get_mut(&owner) {
            // From the end, where leaving takes from: an owner may name any number of endpoints.
            if let Some(at) = holders.iter().rposition(|&other| other == holder) {
                holders.remove(at);
            }
            if holders.is_empty() {
                self.owners.remove(&owner);
            }
        }
        if let Some(same) = self.endpoints.get_mut(&endpoint) {
            same.retain(|&other| other != holder);
            if same.is_empty() {
                self.endpoints.remove(&endpoint);
            }
        }
    }
}
