//! The tables of the index together: adding and removing a record (protocol.md sections 4.1, 4.2
//! and 4.6).
//!
//! Plain data: each change is complete when its method returns.

use std::collections::HashMap;

use super::attributes::{Attributes, date};
use super::capacity::{Capacity, Full};
use super::documents::Documents;
use super::entry::Entry;
use super::holders::{Holders, Owner};
use super::lines::{OwnerEntry, Seq};
use super::memory::{self, Charge};
use super::ranks::Ranks;
use super::slots::Slots;
use super::titles::Titles;
use crate::protocol::{Document, Endpoint, Record};

/// The records of all connections.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) documents: Documents,
    pub(super) entries: Slots<Entry>,
    pub(super) holders: Holders,
    pub(super) titles: Titles,
    pub(super) ranks: Ranks,
    /// Further entries of the line with this sequence number, of owners that added an equal line.
    pub(super) others: HashMap<Seq, Vec<OwnerEntry>>,
    /// The number of records. Equal lines of several owners count for each owner.
    pub(super) count: usize,
    pub(super) next_seq: u64,
    pub(super) capacity: Capacity,
    /// Bytes of entries and of `others`.
    pub(super) heap: usize,
    /// Bytes that may be added before the sizes of all tables are computed again.
    pub(super) allowance: usize,
}

impl Default for Records {
    fn default() -> Self {
        Self::new(Capacity::default())
    }
}

impl Records {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self {
            documents: Documents::default(),
            entries: Slots::default(),
            holders: Holders::default(),
            titles: Titles::default(),
            ranks: Ranks::default(),
            others: HashMap::new(),
            count: 0,
            next_seq: 0,
            capacity,
            heap: 0,
            allowance: 0,
        }
    }

    /// Bytes of memory of the index.
    pub(super) fn bytes(&self) -> usize {
        self.entries.bytes()
            + self.documents.bytes()
            + self.holders.bytes()
            + memory::hash_table(&self.others)
            + self.search_bytes()
            + self.heap
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// See [`crate::index::Index::add`].
    #[cfg(test)]
    pub(super) fn add(
        &mut self,
        owner: Owner,
        record: Record,
        attributes: Attributes,
    ) -> Result<usize, Full> {
        let charge = Charge::of(&record);
        self.add_charged(owner, record, charge, attributes)
    }

    /// Adds a record whose charge was computed before the index was locked. See
    /// [`crate::index::Index::add`].
    pub(super) fn add_charged(
        &mut self,
        owner: Owner,
        record: Record,
        charge: Charge,
        attributes: Attributes,
    ) -> Result<usize, Full> {
        let Record { document, title, holder: endpoint } = record;
        let Attributes { content, mut added, address } = attributes;
        let mut replaced = 0;
        let mut entry = self.documents.find(&document);
        let mut holder = self.holders.find(owner, &endpoint);
        let known = entry
            .zip(holder)
            .and_then(|(entry, holder)| Some((entry, holder, self.holders.seq(holder, entry)?)));
        if let Some((entry_of_known, own, seq)) = known {
            let before = self.title(entry_of_known, seq);
            if before == Some(&title) {
                self.replace_content(entry_of_known, own, seq, title, content);
                return Ok(charge.bytes);
            }
            replaced = before.map_or(0, |before| Charge::new(&document, before, &endpoint).bytes);
            self.check_memory(charge.with_search().saturating_sub(replaced))?;
            if let Some(before) = self.detach(entry_of_known, own, seq) {
                added = date(before.added);
            }
            // The entry and the holder may have been removed with their last record.
            entry = self.documents.find(&document);
            holder = self.holders.find(owner, &endpoint);
        } else {
            self.check_count(owner, holder)?;
            self.check_memory(charge.with_search())?;
        }

        let entry = entry.unwrap_or_else(|| {
            let new = Entry::new(document.clone());
            self.heap += new.bytes();
            let entry = self.entries.insert(new);
            self.ranks.enter(entry, &document);
            self.documents.insert(document, entry);
            entry
        });
        let holder = holder.unwrap_or_else(|| self.holders.enter(owner, endpoint, address));
        self.attach(entry, holder, title, content, added);
        self.shorten_queue();
        Ok(replaced)
    }

    /// See [`crate::index::Index::remove`].
    pub(super) fn remove(
        &mut self,
        owner: Owner,
        document: &Document,
        endpoint: &Endpoint,
    ) -> Option<Record> {
        let entry = self.documents.find(document)?;
        let holder = self.holders.find(owner, endpoint)?;
        let seq = self.holders.seq(holder, entry)?;
        let title = self.title(entry, seq)?.clone();
        self.detach(entry, holder, seq)?;
        Some(Record { document: document.clone(), title, holder: endpoint.clone() })
    }

    /// See [`crate::index::Index::charge_of`].
    pub(super) fn charge_of(&self, owner: Owner, document: &Document, holder: &Endpoint) -> usize {
        let title = self.documents.find(document).and_then(|entry| {
            let seq = self.holders.seq(self.holders.find(owner, holder)?, entry)?;
            self.title(entry, seq)
        });
        title.map_or(0, |title| Charge::new(document, title, holder).bytes)
    }

    /// Removes at most `at_most` records of an owner, and returns their number. Callers repeat it
    /// until it returns less than `at_most`, and unlock the index in between.
    pub(super) fn remove_some(&mut self, owner: Owner, at_most: usize) -> usize {
        let mut count = 0;
        while let Some((holder, lines)) = self.holders.last_lines(owner, at_most - count) {
            for &(entry, seq) in &lines {
                self.detach_from_entry(entry, holder, seq);
            }
            self.holders.remove_last_lines(holder, lines.len());
            count += lines.len();
        }
        count
    }
}
