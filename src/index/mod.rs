//! The records of an index server, their order, and their owners (protocol.md sections 4.5, 4.6, 4.10
//! and 4.11).
//!
//! Plain data: no socket, no lock, no clock. The server shares one [`Index`] between its sessions;
//! each change is complete when its method returns.
//!
//! Equal lines of several owners are one line of a list, which remains until its last owner leaves. Ages
//! order the lines of a document and never repeat, so a position in a list stays valid
//! while records are added and removed.
//!
//! An index may have ten million records, so the tables refer to each other by numbers, and values that
//! many records have are stored once: a record takes a line of twenty bytes in its document's
//! `Entry`, and twelve bytes with its holder.
//!
//! | file | subject |
//! |---|---|
//! | `documents`, `entry` | from a document to its entry; descriptions and lines of a document |
//! | `descriptions` | all descriptions of a document but the first |
//! | `lines`, `claims` | the lines of an entry; further owners of equal lines |
//! | `holders` | owners, their endpoints, and the lines of each |
//! | `attributes` | attributes of a record |
//! | `query` | LOOKUP, LIST and SEARCH in steps, between which the index may change |
//! | `titles`, `search`, `ranks` | finding titles; a running search; the order of its results |
//! | `searching` | steps of searches; titles that wait for the search structure |
//! | `slots` | tables whose places are numbers |
//! | `memory`, `room` | the bytes that all of this takes; whether a record may be added |

mod attributes;
mod claims;
mod descriptions;
mod documents;
mod entry;
mod holders;
mod lines;
mod memory;
mod query;
mod ranks;
mod room;
mod search;
mod searching;
mod slots;
mod titles;

use std::collections::HashMap;

use crate::limits;
use crate::protocol::{BorrowedRecord, Document, Endpoint, Record};
pub use attributes::Attributes;
use attributes::date;
use descriptions::Description;
use documents::Documents;
use entry::Entry;
use holders::Holders;
pub use holders::Owner;
use lines::{Age, Claim, Line};
pub use memory::Charge;
pub use query::{Position, Query, Shown};
use ranks::Ranks;
pub use search::Search;
use slots::Slots;
use titles::Titles;

/// A record was not added because a limit is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Full {
    /// This owner has as many records as one may have.
    #[error("expected at most {0} records from one connection, found one more")]
    Owner(usize),
    /// The index has as many records as it may have.
    #[error("expected at most {0} records in all, found one more")]
    Index(usize),
    /// The index takes as much memory as it may have.
    #[error("memory limit of the index ({0} bytes) reached")]
    Memory(usize),
}

/// The records of all connections.
#[derive(Debug)]
pub struct Index {
    documents: Documents,
    entries: Slots<Entry>,
    holders: Holders,
    titles: Titles,
    ranks: Ranks,
    /// Further claims of the line of this age, by owners that added an equal one.
    others: HashMap<Age, Vec<Claim>>,
    records: usize,
    next_age: u64,
    max_records: usize,
    max_records_of_owner: usize,
    /// Bytes of entries and of claims in `others`.
    heap: usize,
    max_bytes: usize,
    /// Bytes that may be added without a look at all tables.
    allowance: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_limits(limits::RECORDS, limits::RECORDS_PER_CONNECTION)
    }
}

impl Index {
    /// An empty index with these limits on the number of records in all and of one owner.
    pub fn with_limits(max_records: usize, max_records_of_owner: usize) -> Self {
        Self {
            documents: Documents::default(),
            entries: Slots::default(),
            holders: Holders::default(),
            titles: Titles::default(),
            ranks: Ranks::default(),
            others: HashMap::new(),
            records: 0,
            next_age: 0,
            max_records,
            max_records_of_owner,
            heap: 0,
            max_bytes: usize::MAX,
            allowance: 0,
        }
    }

    /// Limits the memory that the index may take, in bytes.
    pub fn limit_bytes(&mut self, most: usize) {
        self.max_bytes = most;
        self.allowance = 0;
    }

    /// How much memory the index takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.entries.bytes()
            + self.documents.bytes()
            + self.holders.bytes()
            + memory::hash_table(&self.others)
            + self.search_bytes()
            + self.heap
    }

    /// How many records there are; equal lines of several owners count for each.
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Adds a record, or replaces title and content of one's own for the same document and
    /// endpoint; that keeps the time at which it was added first.
    ///
    /// Returns the bytes that the replaced record was charged ([`Charge::bytes`]), else 0.
    ///
    /// # Errors
    /// When a limit is reached; then nothing has changed.
    pub fn add(
        &mut self,
        owner: Owner,
        record: Record,
        attributes: Attributes,
    ) -> Result<usize, Full> {
        let charge = Charge::of(&record);
        self.add_charged(owner, record, charge, attributes)
    }

    /// The same for a record whose charge was computed before the index was locked.
    ///
    /// # Errors
    /// When a limit is reached; then nothing has changed.
    pub fn add_charged(
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
            .and_then(|(entry, holder)| Some((entry, holder, self.holders.age(holder, entry)?)));
        if let Some((there, own, age)) = known {
            let before = self.title(there, age);
            if before == Some(&title) {
                self.renew(there, own, age, title, content);
                return Ok(charge.bytes);
            }
            replaced = before.map_or(0, |before| Charge::new(&document, before, &endpoint).bytes);
            self.check_memory(charge.with_search().saturating_sub(replaced))?;
            if let Some(before) = self.withdraw(there, own, age) {
                added = date(before.added);
            }
            // Either may have gone with the record.
            entry = self.documents.find(&document);
            holder = self.holders.find(owner, &endpoint);
        } else {
            self.check_room(owner, holder)?;
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
        self.join(entry, holder, title, content, added);
        self.catch_up_if_behind();
        Ok(replaced)
    }

    /// Removes the record of this owner for a document and an endpoint, and returns it. `None` if the owner
    /// has no such record, also if another owner has an equal one.
    pub fn remove(
        &mut self,
        owner: Owner,
        document: &Document,
        holder: &Endpoint,
    ) -> Option<Record> {
        let entry = self.documents.find(document)?;
        let place = self.holders.find(owner, holder)?;
        let age = self.holders.age(place, entry)?;
        let title = self.title(entry, age)?.clone();
        self.withdraw(entry, place, age)?;
        Some(Record { document: document.clone(), title, holder: holder.clone() })
    }

    /// The bytes that one's own record is charged; 0 if there is none.
    pub fn charge_of(&self, owner: Owner, document: &Document, holder: &Endpoint) -> usize {
        let title = self.documents.find(document).and_then(|entry| {
            let age = self.holders.age(self.holders.find(owner, holder)?, entry)?;
            self.title(entry, age)
        });
        title.map_or(0, |title| Charge::new(document, title, holder).bytes)
    }

    /// Removes at most `at_most` records of an owner that has left, and returns their number.
    ///
    /// Callers repeat it until it returns less than `at_most`, and unlock the index in between: the removal of
    /// many records does not make others wait.
    pub fn leave(&mut self, owner: Owner, at_most: usize) -> usize {
        let mut count = 0;
        while let Some((holder, lines)) = self.holders.last_lines(owner, at_most - count) {
            for &(entry, age) in &lines {
                self.unclaim(entry, holder, age);
            }
            self.holders.take_last(holder, lines.len());
            count += lines.len();
        }
        count
    }

    /// Hands the records of a query behind a position to `take`, in the order of a list
    /// (protocol.md section 4.5): by document, and for one document the newest first.
    ///
    /// `take` returns whether it wants more. Returns `true` when there are no more records, else
    /// the position is behind the last one taken. Between two visits the index may change: a
    /// record that stays is taken exactly once.
    pub fn visit<'a>(
        &'a self,
        query: &Query,
        position: &mut Position,
        mut take: impl FnMut(Shown<'a>) -> bool,
    ) -> bool {
        let reached = std::mem::take(position);
        let visit_entry = |entry| {
            let Some(entry) = self.entries.get(entry) else { return true };
            let seen = reached.seen(&entry.document);
            for piece in entry.lines.pieces(seen) {
                for line in piece.iter().rev() {
                    if self.shown(entry, line).is_some_and(|shown| !take(shown)) {
                        *position = Position::behind(&entry.document, line.age);
                        return false;
                    }
                }
            }
            true
        };
        let listing = match query {
            Query::Document(document) => {
                return self.documents.find(document).is_none_or(visit_entry);
            }
            Query::Listing(listing) => Some(*listing),
            Query::All => None,
        };
        self.documents.of(listing, &reached).all(visit_entry)
    }

    fn shown<'a>(&'a self, entry: &'a Entry, line: &Line) -> Option<Shown<'a>> {
        let Claim { holder, description, added } = line.first;
        let Description { title, content, .. } = entry.description(description)?;
        let (holder, end, address) = self.holders.shown(holder)?;
        let record = BorrowedRecord { document: &entry.document, title, holder };
        Some(Shown { record, end, content, added, address })
    }
}

#[cfg(test)]
mod tests;
