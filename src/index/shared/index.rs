//! The index as its users see it: a few operations, each of which locks the index by itself.
//!
//! No operation holds the lock for more than some ten microseconds. Long operations work in steps,
//! and let other threads have the lock between two steps.

use std::time::Duration;

use super::addition::Addition;
use super::cursor::{Cursor, Form, Page};
use super::lock::FairLock;
use super::wakeup::Wakeup;
use crate::index::records::Records;
use crate::index::{Announced, Attributes, Capacity, Charge, Full, Owner, RecordView};
use crate::protocol::{
    BorrowedRecord, Document, Endpoint, Record, RecordEncoder, encode_attribute,
};

/// Records of an owner that are removed while the index is locked once: some ten microseconds.
const REMOVED_TOGETHER: usize = 64;
/// The records of all connections.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) records: FairLock<Records>,
    pub(super) wakeup: Wakeup,
}

impl Index {
    /// An empty index with these limits.
    pub fn new(capacity: Capacity) -> Self {
        Self { records: FairLock::new(Records::new(capacity)), wakeup: Wakeup::default() }
    }

    /// Adds a record, or replaces the title and the content of the owner's record for the same
    /// document and endpoint. The time at which the record was first added stays.
    ///
    /// Returns the bytes that the replaced record was charged ([`Charge::bytes`]), or 0.
    ///
    /// # Errors
    /// When a limit is reached. Then the index has not changed.
    pub fn add(&self, owner: Owner, record: Record, attributes: Attributes) -> Result<usize, Full> {
        let charge = Charge::of(&record);
        let mut addition = Addition::new(record, charge, attributes);
        self.add_all(owner, [&mut addition]);
        addition.outcome()
    }

    /// Adds several records like [`Index::add`] while the index is locked once. A batch should have
    /// few records, because other threads wait for all of them.
    pub fn add_all<'a>(&self, owner: Owner, batch: impl IntoIterator<Item = &'a mut Addition>) {
        let mut records = self.records.write();
        batch.into_iter().for_each(|addition| addition.add_to(&mut records, owner));
        drop(records);
        self.wakeup.notify();
    }

    /// Removes the record of this owner for a document and an endpoint, and returns it. `None` if
    /// the owner has no such record, also if another owner has an equal one.
    pub fn remove(&self, owner: Owner, document: &Document, holder: &Endpoint) -> Option<Record> {
        let removed = self.records.write().remove(owner, document, holder)?;
        self.wakeup.notify();
        Some(removed)
    }

    /// Removes all records of an owner, and returns their number.
    pub fn remove_owner(&self, owner: Owner) -> usize {
        let mut count = 0;
        loop {
            let removed = self.records.write().remove_some(owner, REMOVED_TOGETHER);
            count += removed;
            if removed < REMOVED_TOGETHER {
                break;
            }
            self.records.yield_lock();
            self.remove_queued(removed);
        }
        self.wakeup.notify();
        count
    }

    /// Passes the next records of a query to `take`, in the order of protocol.md sections 4.5 and
    /// 4.10.
    ///
    /// `take` returns whether the page has room for another record. It runs while the index is
    /// locked for reading, so it must be quick and must not use the index. A page may end earlier,
    /// also without any record, so that the index is not locked for long.
    pub fn page(&self, cursor: &mut Cursor, take: impl FnMut(RecordView<'_>) -> bool) -> Page {
        self.update_before(cursor).unwrap_or_else(|| cursor.read(&self.records.read(), take))
    }

    /// Appends the next records of a query to a reply, like [`Index::page`]. The page ends when
    /// `output` has at least `size` bytes.
    pub fn encode_page(
        &self,
        cursor: &mut Cursor,
        form: Form,
        size: usize,
        output: &mut Vec<u8>,
    ) -> Page {
        if let Some(page) = self.update_before(cursor) {
            return page;
        }
        let records = self.records.read();
        let mut encoder = RecordEncoder::default();
        cursor.read(&records, |view| {
            let BorrowedRecord { document, title, .. } = view.record;
            encoder.encode(document, title, view.end, output);
            if form == Form::WithAttributes {
                view.attributes().iter().for_each(|one| encode_attribute(one, output));
            }
            output.len() < size
        })
    }

    /// Before a search begins: enters some queued titles, so that the search finds them. Each step
    /// is a page without records.
    fn update_before(&self, cursor: &mut Cursor) -> Option<Page> {
        let left = cursor.updates_left(|| self.queued())?;
        let done = self.update_step(left);
        Some(cursor.count_updates(done))
    }

    /// Lets threads that wait for the index have it. Readers of several pages call it between two
    /// pages.
    pub fn yield_lock(&self) {
        self.records.yield_lock();
    }

    /// Bytes that the record of an owner is charged; 0 if there is none.
    pub fn charge_of(&self, owner: Owner, document: &Document, holder: &Endpoint) -> usize {
        self.records.read().charge_of(owner, document, holder)
    }

    /// The number of records. Equal lines of several owners count for each owner.
    pub fn len(&self) -> usize {
        self.records.read().len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the index takes.
    pub fn bytes(&self) -> usize {
        self.records.read().bytes()
    }

    /// What an owner has added; `None` if it has no record.
    pub fn announced(&self, owner: Owner) -> Option<Announced> {
        self.records.read().holders.announced(owner)
    }

    /// How often a thread had to wait for the lock, and for how long in all.
    pub fn lock_waits(&self) -> (u64, Duration) {
        self.records.waits()
    }

    /// Bytes of memory of the search structure, which are part of [`Index::bytes`].
    pub fn search_bytes(&self) -> usize {
        self.records.read().search_bytes()
    }
}
