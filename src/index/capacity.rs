//! How many records an index may have, and how much memory (protocol.md section 7).

use crate::limits;

/// Limits of an index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capacity {
    /// Records in all.
    pub records: usize,
    /// Records of one owner.
    pub records_of_owner: usize,
    /// Bytes of memory.
    pub bytes: usize,
}

impl Default for Capacity {
    /// The numbers of records in protocol.md section 7, and no limit on memory.
    fn default() -> Self {
        Self {
            records: limits::Server::DEFAULT.records,
            records_of_owner: limits::Server::DEFAULT.records_per_connection,
            bytes: usize::MAX,
        }
    }
}

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
    #[error("expected at most {0} bytes of records in the index, found one record more")]
    Memory(usize),
}
