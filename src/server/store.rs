//! Where the sessions of a server change records.
//!
//! Reads use the index directly: each server has all records in memory.

use crate::index::{Addition, Index, Owner};
use crate::protocol::{Document, Endpoint, Record};

/// Records that are added while the index is locked once: some microseconds.
const BATCH: usize = 8;

/// Where records are changed.
#[derive(Debug)]
pub(super) enum RecordStore {
    /// In the index of this process alone.
    Memory,
}

impl RecordStore {
    /// Pipelined additions of a session that are made together.
    pub(super) fn batch(&self) -> usize {
        match self {
            Self::Memory => BATCH,
        }
    }

    /// Adds records. Each addition then has its outcome.
    pub(super) fn add_all(&self, index: &Index, owner: Owner, additions: &mut Vec<Addition>) {
        match self {
            Self::Memory => index.add_all(owner, additions),
        }
    }

    /// Removes a record of an owner, and returns it. `None` if the owner has no such record.
    pub(super) fn remove(
        &self,
        index: &Index,
        owner: Owner,
        document: &Document,
        holder: &Endpoint,
    ) -> Option<Record> {
        match self {
            Self::Memory => index.remove(owner, document, holder),
        }
    }

    /// Removes all records of an owner, and returns their number.
    pub(super) fn remove_owner(&self, index: &Index, owner: Owner) -> usize {
        match self {
            Self::Memory => index.remove_owner(owner),
        }
    }
}
