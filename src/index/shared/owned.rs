//! The records of one owner, for a server that publishes them again.

use super::index::Index;
use crate::index::{Attributes, Full, Owner, Renewal};
use crate::limits;
use crate::protocol::{BorrowedRecord, Document, Endpoint, Record};

/// Records whose equal ones are looked for while the index is locked once: some ten microseconds.
const COMPARED_TOGETHER: usize = 64;

impl Index {
    /// All owners that have a record.
    pub fn owners(&self) -> Vec<Owner> {
        self.records.read().holders.owners()
    }

    /// The number of records of some owners. The index is locked in steps.
    pub fn records_of_owners(&self, owners: &[Owner]) -> usize {
        let counts = owners.chunks(limits::VISITS).map(|step| {
            let records = self.records.read();
            step.iter().map(|&owner| records.holders.records_of(owner, None)).sum::<usize>()
        });
        counts.sum()
    }

    /// The records of an owner, the oldest first. The index is locked in steps: a record that is
    /// removed or replaced meanwhile may be missing.
    pub fn records_of(&self, owner: Owner) -> Vec<(Record, Attributes)> {
        let lines = self.records.read().owned_lines(owner);
        let mut found = Vec::with_capacity(lines.len());
        for step in lines.chunks(limits::VISITS) {
            let records = self.records.read();
            found.extend(step.iter().filter_map(|&line| records.owned(owner, line)));
            drop(records);
            self.yield_lock();
        }
        found
    }

    /// The record of an owner for a document and an endpoint.
    pub fn record_of(
        &self,
        owner: Owner,
        document: &Document,
        endpoint: &Endpoint,
    ) -> Option<(Record, Attributes)> {
        self.records.read().record_of(owner, document, endpoint)
    }

    /// Some other owners of equal records, for each of these records. The index is locked in steps.
    pub fn owners_of_equal(&self, owner: Owner, batch: &[BorrowedRecord<'_>]) -> Vec<Vec<Owner>> {
        let steps = batch.chunks(COMPARED_TOGETHER).map(|step| {
            let records = self.records.read();
            step.iter().map(|&record| records.owners_of_equal(owner, record)).collect::<Vec<_>>()
        });
        steps.flatten().collect()
    }

    /// Makes a record the newest of its document, and changes its owner. Readers see it before or after, and never
    /// miss it.
    ///
    /// # Errors
    /// When a limit is reached. Then neither owner has the record.
    pub fn renew(
        &self,
        renewal: Renewal,
        record: Record,
        attributes: Attributes,
    ) -> Result<(), Full> {
        self.records.write().renew(renewal, record, attributes)?;
        self.wakeup.notify();
        Ok(())
    }
}
