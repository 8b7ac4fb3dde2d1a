//! Whether a record may be added: the limits on records and on memory (protocol.md section 7).

use super::{Full, Index, Owner, memory};

impl Index {
    pub(super) fn check_room(&self, owner: Owner, holder: Option<u32>) -> Result<(), Full> {
        if self.holders.records_of(owner, holder) >= self.max_records_of_owner {
            Err(Full::Owner(self.max_records_of_owner))
        } else if self.records >= self.max_records {
            Err(Full::Index(self.max_records))
        } else {
            Ok(())
        }
    }

    /// Makes sure that there is room for this number of bytes, and for the tables to grow.
    ///
    /// A title that waits for the search structure counts with the most that it may take there, and
    /// one that is to be removed with what it takes. If there is no room, some titles are entered
    /// or removed.
    pub(super) fn check_memory(&mut self, needed: usize) -> Result<(), Full> {
        /// Titles that are entered or removed for one record.
        const TITLES: usize = 16;
        // A record that replaces a much larger one takes the place that it leaves.
        if self.max_bytes == usize::MAX || needed == 0 {
            return Ok(());
        }
        if let Some(left) = self.allowance.checked_sub(needed) {
            self.allowance = left;
            return Ok(());
        }
        for _ in 0..TITLES {
            if self.has_memory(needed) || self.catch_up(1) == 0 {
                break;
            }
        }
        if !self.has_memory(needed) {
            return Err(Full::Memory(self.max_bytes));
        }
        self.allowance = self.new_allowance(needed);
        Ok(())
    }

    /// Bytes that may be added behind this number of them before all tables are looked at again, which
    /// takes a tenth of the time of an ADD. Up to a quarter of the limit the tables cannot exceed it,
    /// even if each of them doubles and both versions exist while it does.
    fn new_allowance(&self, needed: usize) -> usize {
        const MOST: usize = 256 * 1024;
        let taken = self.bytes().saturating_add(needed);
        (self.max_bytes / 4).saturating_sub(taken).min(MOST)
    }

    fn has_memory(&self, needed: usize) -> bool {
        let growth = self.entries.next_growth()
            + self.holders.next_growth()
            + self.titles.next_growth()
            + self.ranks.next_growth()
            + memory::hash_growth(&self.others);
        self.bytes().saturating_add(needed).saturating_add(growth) <= self.max_bytes
    }
}
