//! Whether a record may be added: the limits on records and on memory (protocol.md section 7).

use super::capacity::{Capacity, Full};
use super::holders::Owner;
use super::memory;
use super::records::Records;

impl Records {
    /// Checks the limits on the number of records, for one more record.
    pub(super) fn check_count(&self, owner: Owner, holder: Option<u32>) -> Result<(), Full> {
        let Capacity { records, records_of_owner, .. } = self.capacity;
        if self.holders.records_of(owner, holder) >= records_of_owner {
            Err(Full::Owner(records_of_owner))
        } else if self.count >= records {
            Err(Full::Index(records))
        } else {
            Ok(())
        }
    }

    /// Checks that there is memory for this number of bytes, and for the tables to grow.
    ///
    /// A title that waits for the search structure counts with the most memory that it may take
    /// there, and a title that is to be removed counts with the memory that it takes. If there is
    /// not enough memory, some titles are entered or removed first.
    pub(super) fn check_memory(&mut self, needed: usize) -> Result<(), Full> {
        /// Titles that are entered or removed for one record.
        const TITLES: usize = 16;
        // A record that replaces a much larger one needs no more memory.
        if self.capacity.bytes == usize::MAX || needed == 0 {
            return Ok(());
        }
        if let Some(left) = self.allowance.checked_sub(needed) {
            self.allowance = left;
            return Ok(());
        }
        for _ in 0..TITLES {
            if self.has_memory(needed) || self.update_search(1) == 0 {
                break;
            }
        }
        if !self.has_memory(needed) {
            return Err(Full::Memory(self.capacity.bytes));
        }
        self.allowance = self.new_allowance(needed);
        Ok(())
    }

    /// Bytes that may be added after `needed` bytes before the sizes of all tables are computed
    /// again, which takes a tenth of the time of an ADD. Up to a quarter of the limit the tables
    /// cannot exceed it, even if each of them doubles and both versions exist meanwhile.
    fn new_allowance(&self, needed: usize) -> usize {
        const MOST: usize = 256 * 1024;
        let taken = self.bytes().saturating_add(needed);
        (self.capacity.bytes / 4).saturating_sub(taken).min(MOST)
    }

    fn has_memory(&self, needed: usize) -> bool {
        let growth = self.entries.next_growth()
            + self.holders.next_growth()
            + self.titles.next_growth()
            + self.ranks.next_growth()
            + memory::hash_growth(&self.others);
        self.bytes().saturating_add(needed).saturating_add(growth) <= self.capacity.bytes
    }
}
