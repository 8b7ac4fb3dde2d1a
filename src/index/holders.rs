//! The owners of records, and the endpoints in their records (protocol.md section 4.6).

use std::collections::HashMap;
use std::net::IpAddr;

use super::lines::Seq;
use super::memory;
use super::slots::Slots;
use crate::protocol::{Endpoint, RecordEnd};

/// A connection. The records that it adds belong to it alone.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Owner(pub u64);

/// The owners of a record that becomes the newest of its document: they may be the same.
#[derive(Clone, Copy, Debug)]
pub struct Renewal {
    /// Has the record before.
    pub from: Owner,
    /// Has it afterwards.
    pub to: Owner,
}

/// What one owner has added.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Announced {
    /// The endpoint of its first records.
    pub endpoint: Endpoint,
    /// The number of its endpoints.
    pub endpoints: usize,
    /// The number of its records.
    pub records: usize,
}

/// All owners and endpoints with a record.
///
/// A holder refers to the other tables by places, because finding an owner or an endpoint in a
/// table takes as long as the rest of the work for a record.
#[derive(Debug, Default)]
pub(super) struct Holders {
    holders: Slots<Holder>,
    holdings: Slots<Holdings>,
    /// The holders with the same endpoint: one, unless several connections announce the endpoint.
    namesakes: Slots<Vec<u32>>,
    /// The place of the holdings of an owner.
    owners: HashMap<Owner, u32>,
    /// The place of the holders with this endpoint.
    endpoints: HashMap<Endpoint, u32>,
    /// Bytes on the heap of all holders, and of the lists that refer to them.
    heap: usize,
}

/// The records that one owner has added.
#[derive(Debug, Default)]
struct Holdings {
    /// The places of the holders. Most owners announce one endpoint.
    holders: Vec<u32>,
    records: usize,
}

/// An owner, an endpoint that it announces, and its lines.
#[derive(Debug)]
struct Holder {
    owner: Owner,
    holdings: u32,
    namesakes: u32,
    endpoint: Endpoint,
    /// The address for which its host was verified.
    address: Option<IpAddr>,
    end: RecordEnd,
    /// The places of entries in ascending order, and the sequence number of the line in each.
    lines: Vec<(u32, Seq)>,
}

impl Holder {
    /// The position of the line of an entry, or the position at which it would be inserted.
    fn place(&self, entry: u32) -> Result<usize, usize> {
        // A holder that adds a series mostly adds at the end.
        if self.lines.last().is_none_or(|last| last.0 < entry) {
            return Err(self.lines.len());
        }
        self.lines.binary_search_by_key(&entry, |line| line.0)
    }

    fn seq(&self, entry: u32) -> Option<Seq> {
        self.place(entry).ok().and_then(|at| Some(self.lines.get(at)?.1))
    }

    /// Bytes on the heap.
    fn bytes(&self) -> usize {
        memory::endpoint(&self.endpoint) + memory::list(&self.lines)
    }

    /// Releases memory after most lines were removed.
    fn shrink(&mut self) {
        memory::shrink_list(&mut self.lines);
    }
}

impl Holders {
    #[cfg(test)]
    pub(super) fn heap(&self) -> usize {
        self.heap
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
            && self.owners.is_empty()
            && self.namesakes.last(99).next().is_none()
            && self.holdings.last(99).next().is_none()
            && self.holders.last(99).next().is_none()
    }

    /// Bytes of all tables and of the values that they refer to.
    pub(super) fn bytes(&self) -> usize {
        self.holders.bytes()
            + self.holdings.bytes()
            + self.namesakes.bytes()
            + memory::hash_table(&self.owners)
            + memory::hash_table(&self.endpoints)
            + self.heap
    }

    /// Bytes that a new holder may add to [`Holders::bytes`], in addition to its heap.
    pub(super) fn next_growth(&self) -> usize {
        self.holders.next_growth()
            + self.holdings.next_growth()
            + self.namesakes.next_growth()
            + memory::hash_growth(&self.owners)
            + memory::hash_growth(&self.endpoints)
    }

    /// The holder with this owner and endpoint.
    pub(super) fn find(&self, owner: Owner, endpoint: &Endpoint) -> Option<u32> {
        let is_own = |place: &&u32| self.holders.get(**place).is_some_and(|h| h.owner == owner);
        let namesakes = self.namesakes.get(*self.endpoints.get(endpoint)?)?;
        namesakes.iter().find(is_own).copied()
    }

    /// Inserts a holder. The caller adds a line to it.
    pub(super) fn enter(
        &mut self,
        owner: Owner,
        endpoint: Endpoint,
        address: Option<IpAddr>,
    ) -> u32 {
        let new_holdings = || self.holdings.insert(Holdings::default());
        let holdings = *self.owners.entry(owner).or_insert_with(new_holdings);
        let new_namesakes = || self.namesakes.insert(Vec::new());
        let namesakes = *self.endpoints.entry(endpoint.clone()).or_insert_with(new_namesakes);
        let end = RecordEnd::of(&endpoint);
        let holder =
            Holder { owner, holdings, namesakes, endpoint, address, end, lines: Vec::new() };
        self.heap += holder.bytes();
        let place = self.holders.insert(holder);
        if let Some(holdings) = self.holdings.get_mut(holdings) {
            self.heap += push(&mut holdings.holders, place);
        }
        if let Some(namesakes) = self.namesakes.get_mut(namesakes) {
            self.heap += push(namesakes, place);
        }
        place
    }

    /// The endpoint of a holder, the end of its record lines, and the address for which its host
    /// was verified.
    pub(super) fn identity(&self, holder: u32) -> Option<(&Endpoint, &RecordEnd, Option<IpAddr>)> {
        let Holder { endpoint, end, address, .. } = self.holders.get(holder)?;
        Some((endpoint, end, *address))
    }

    /// The number of records of an owner. It is found faster by a holder of the owner.
    pub(super) fn records_of(&self, owner: Owner, holder: Option<u32>) -> usize {
        let holdings = match holder {
            Some(holder) => self.holders.get(holder).map(|holder| holder.holdings),
            None => self.owners.get(&owner).copied(),
        };
        let holdings = holdings.and_then(|holdings| self.holdings.get(holdings));
        holdings.map_or(0, |holdings| holdings.records)
    }

    /// What an owner has added; `None` if it has no record.
    pub(super) fn announced(&self, owner: Owner) -> Option<Announced> {
        let holdings = self.holdings.get(*self.owners.get(&owner)?)?;
        let first = self.holders.get(*holdings.holders.first()?)?;
        let (endpoint, endpoints) = (first.endpoint.clone(), holdings.holders.len());
        Some(Announced { endpoint, endpoints, records: holdings.records })
    }

    /// The sequence number of the line of a holder in an entry.
    pub(super) fn seq(&self, holder: u32, entry: u32) -> Option<Seq> {
        self.holders.get(holder)?.seq(entry)
    }

    /// The sequence numbers of the lines of an entry that other holders with the same endpoint
    /// have.
    ///
    /// All of these holders are read. There are at most as many as connections from one address,
    /// unless the host policy is `literal`.
    pub(super) fn seqs_of_same(&self, holder: u32, entry: u32) -> impl Iterator<Item = Seq> {
        let namesakes = self.holders.get(holder).map(|holder| holder.namesakes);
        let same = namesakes.and_then(|namesakes| self.namesakes.get(namesakes));
        let others = same.into_iter().flatten().filter(move |other| **other != holder);
        others.filter_map(move |&other| self.seq(other, entry))
    }

    /// The sequence numbers of the lines of an entry that holders with this endpoint have.
    pub(super) fn seqs_at(&self, endpoint: &Endpoint, entry: u32) -> impl Iterator<Item = Seq> {
        let namesakes = self.endpoints.get(endpoint).and_then(|&at| self.namesakes.get(at));
        namesakes.into_iter().flatten().filter_map(move |&holder| self.seq(holder, entry))
    }

    /// The owner of a holder.
    pub(super) fn owner(&self, holder: u32) -> Option<Owner> {
        self.holders.get(holder).map(|holder| holder.owner)
    }

    /// Some lines of a holder of an owner, and their entries: the lines whose removal is fastest.
    /// `None` when no line is left, or `most` is 0.
    pub(super) fn last_lines(&self, owner: Owner, most: usize) -> Option<(u32, Vec<(u32, Seq)>)> {
        let holder = *self.holdings.get(*self.owners.get(&owner)?)?.holders.last()?;
        let lines = &self.holders.get(holder)?.lines;
        let last = lines.get(lines.len().saturating_sub(most)..).unwrap_or_default();
        (!last.is_empty()).then(|| (holder, last.to_vec()))
    }

    /// All owners.
    pub(super) fn owners(&self) -> Vec<Owner> {
        self.owners.keys().copied().collect()
    }

    /// Whether a holder belongs to this owner.
    pub(super) fn belongs_to(&self, holder: u32, owner: Owner) -> bool {
        self.holders.get(holder).is_some_and(|holder| holder.owner == owner)
    }

    /// All lines of an owner: the holder, the entry, and the sequence number of each.
    pub(super) fn lines_of(&self, owner: Owner) -> Vec<(u32, u32, Seq)> {
        let holdings = self.owners.get(&owner).and_then(|at| self.holdings.get(*at));
        let holders = holdings.into_iter().flat_map(|holdings| &holdings.holders);
        let lines = holders.filter_map(|&at| Some((at, &self.holders.get(at)?.lines)));
        lines.flat_map(|(at, lines)| lines.iter().map(move |line| (at, line.0, line.1))).collect()
    }

    /// Adds a line of an entry to a holder that has no line of this entry.
    pub(super) fn add_line(&mut self, holder: u32, entry: u32, seq: Seq) {
        let Some(to) = self.holders.get_mut(holder) else { return };
        let Err(at) = to.place(entry) else { return };
        if to.lines.len() == to.lines.capacity() {
            // Doubling could leave half of the memory unused.
            let before = to.bytes();
            to.lines.reserve_exact(to.lines.len() / 8 + 4);
            self.heap = (self.heap + to.bytes()).saturating_sub(before);
        }
        to.lines.insert(at, (entry, seq));
        if let Some(holdings) = self.holdings.get_mut(to.holdings) {
            holdings.records += 1;
        }
    }

    /// Removes the line of an entry from a holder. A holder is removed with its last line.
    pub(super) fn remove_line(&mut self, holder: u32, entry: u32) {
        let Some(from) = self.holders.get_mut(holder) else { return };
        let Ok(at) = from.place(entry) else { return };
        let before = from.bytes();
        from.lines.remove(at);
        from.shrink();
        self.heap = (self.heap + from.bytes()).saturating_sub(before);
        if let Some(holdings) = self.holdings.get_mut(from.holdings) {
            holdings.records = holdings.records.saturating_sub(1);
        }
        if from.lines.is_empty() {
            self.remove_holder(holder);
        }
    }

    /// Removes the last few lines of a holder. A holder is removed with its last line.
    pub(super) fn remove_last_lines(&mut self, holder: u32, few: usize) {
        let Some(from) = self.holders.get_mut(holder) else { return };
        let left = from.lines.len().saturating_sub(few);
        if let Some(holdings) = self.holdings.get_mut(from.holdings) {
            let taken = from.lines.len() - left;
            holdings.records = holdings.records.saturating_sub(taken);
        }
        let before = from.bytes();
        from.lines.truncate(left);
        from.shrink();
        self.heap = (self.heap + from.bytes()).saturating_sub(before);
        if left == 0 {
            self.remove_holder(holder);
        }
    }

    fn remove_holder(&mut self, place: u32) {
        let Some(holder) = self.holders.remove(place) else { return };
        self.heap = self.heap.saturating_sub(holder.bytes());
        if let Some(Holdings { holders, .. }) = self.holdings.get_mut(holder.holdings) {
            self.heap = self.heap.saturating_sub(take(holders, place));
            if holders.is_empty() {
                self.holdings.remove(holder.holdings);
                self.owners.remove(&holder.owner);
                memory::shrink(&mut self.owners);
            }
        }
        if let Some(same) = self.namesakes.get_mut(holder.namesakes) {
            self.heap = self.heap.saturating_sub(take(same, place));
            if same.is_empty() {
                self.namesakes.remove(holder.namesakes);
                self.endpoints.remove(&holder.endpoint);
                memory::shrink(&mut self.endpoints);
            }
        }
    }
}

/// Adds a place to a list. Returns the bytes by which the list has grown.
fn push(list: &mut Vec<u32>, place: u32) -> usize {
    let before = memory::list(list);
    if list.is_empty() {
        // Most lists have one place.
        list.reserve_exact(1);
    }
    list.push(place);
    memory::list(list).saturating_sub(before)
}

/// Removes a place from a list. Returns the bytes that are released.
fn take(list: &mut Vec<u32>, place: u32) -> usize {
    let before = memory::list(list);
    // From the end, where an owner that leaves removes: an owner may announce any number of
    // endpoints.
    if let Some(at) = list.iter().rposition(|&other| other == place) {
        list.remove(at);
    }
    memory::shrink_list(list);
    before.saturating_sub(memory::list(list))
}
