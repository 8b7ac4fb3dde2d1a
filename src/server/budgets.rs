//! How much memory records and connections may take (protocol.md section 7).
//!
//! Half of the memory is for records, the other half for connections, each of which takes a stack
//! and buffers. So records cannot keep new connections out. One network may fill a quarter of
//! the memory for records, so it cannot keep others from registering.

use crate::limits;
use crate::system::{MemoryBound, memory_bounds};

/// Budgets in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budgets {
    /// Records and connections together.
    pub total: usize,
    /// All records.
    pub records: usize,
    /// The records of one IPv6 network of 48 bits.
    pub site: usize,
    /// The records of one network.
    pub network: usize,
    /// The records of one connection.
    pub connection: usize,
}

impl Budgets {
    /// Divides this number of bytes.
    pub fn of(total: usize) -> Self {
        let records = total / 2;
        Self {
            total,
            records,
            site: records / 2,
            network: records / 4,
            connection: (records / 8).min(limits::CONNECTION_RECORDS_MEMORY),
        }
    }

    /// The number of connections for which there is memory, if each takes this.
    pub fn connections(&self, each: usize) -> usize {
        (self.total - self.records) / each
    }
}

/// The memory that a server may take: `most`, or half of what the machine allows. It is less if the
/// system would end the process otherwise. Also returns all bounds, the lowest first.
pub fn memory_limit(most: Option<u64>) -> (Budgets, Vec<MemoryBound>) {
    let bounds = memory_bounds();
    let machine = bounds.first().map_or(limits::MEMORY_UNKNOWN, |bound| bound.bytes);
    let room = bounds.iter().filter_map(MemoryBound::room).min().unwrap_or(u64::MAX);
    let total = most.unwrap_or(machine / 2).min(room).max(limits::MEMORY_LEAST);
    (Budgets::of(usize::try_from(total).unwrap_or(usize::MAX)), bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requested_limit_applies_and_has_a_lower_bound() {
        assert_eq!(memory_limit(Some(1 << 30)).0.total, 1 << 30);
        assert_eq!(memory_limit(Some(1)).0.total, usize::try_from(limits::MEMORY_LEAST).unwrap());
        assert!(memory_limit(Some(1)).0.connections(limits::CONNECTION_MEMORY) > 8);
        let half = memory_limit(None);
        assert_eq!(half.0.total as u64, half.1[0].bytes / 2);
    }
}
