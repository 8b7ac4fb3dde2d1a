//! How much memory records and connections may take (protocol.md section 7).
//!
//! Half of the memory is for records, the other half for connections, each of which takes a stack
//! and buffers. So records cannot keep new connections out. One network may fill a quarter of
//! the memory for records, so it cannot keep others from registering.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits;
use crate::network::Network;
use crate::system::{MemoryBound, memory_bounds};

/// Budgets in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budgets {
    /// Everything.
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
    /// Shares so much memory out.
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

    /// How many connections there is memory for.
    pub fn connections(&self) -> usize {
        (self.total - self.records) / limits::CONNECTION_MEMORY
    }
}

/// The memory that a server may take: what was asked for, else half of what the machine lets it
/// have. It is less where the process would be ended otherwise. Also returns everything that bounds
/// it, the tightest first.
pub fn memory_limit(most: Option<u64>) -> (Budgets, Vec<MemoryBound>) {
    let bounds = memory_bounds();
    let machine = bounds.first().map_or(limits::MEMORY_UNKNOWN, |bound| bound.bytes);
    let room = bounds.iter().filter_map(MemoryBound::room).min().unwrap_or(u64::MAX);
    let total = most.unwrap_or(machine / 2).min(room).max(limits::MEMORY_LEAST);
    (Budgets::of(usize::try_from(total).unwrap_or(usize::MAX)), bounds)
}

/// What the records of all networks are charged.
#[derive(Debug)]
pub(super) struct RecordMemory {
    budgets: Budgets,
    /// Bytes that accounts have reserved, by network and by IPv6 network of 48 bits.
    networks: Mutex<HashMap<Network, usize>>,
    sites: Mutex<HashMap<Network, usize>>,
}

/// A budget is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum NoMemory {
    #[error("memory limit of one connection ({0} bytes) reached")]
    Connection(usize),
    #[error("memory limit of one address or /64 network ({0} bytes) reached")]
    Network(usize),
    #[error("memory limit of one /48 network ({0} bytes) reached")]
    Site(usize),
}

impl RecordMemory {
    pub(super) fn new(budgets: Budgets) -> Self {
        Self { budgets, networks: Mutex::default(), sites: Mutex::default() }
    }

    /// Reserves bytes for a network.
    fn reserve(&self, network: Network, bytes: usize) -> Result<(), NoMemory> {
        let Budgets { network: of_network, site: of_site, .. } = self.budgets;
        if !take(&mut lock(&self.networks), network, bytes, of_network) {
            return Err(NoMemory::Network(of_network));
        }
        if let Some(site) = network.site()
            && !take(&mut lock(&self.sites), site, bytes, of_site)
        {
            give_back(&mut lock(&self.networks), network, bytes);
            return Err(NoMemory::Site(of_site));
        }
        Ok(())
    }

    fn free(&self, network: Network, bytes: usize) {
        give_back(&mut lock(&self.networks), network, bytes);
        if let Some(site) = network.site() {
            give_back(&mut lock(&self.sites), site, bytes);
        }
    }
}

fn take(used: &mut HashMap<Network, usize>, network: Network, bytes: usize, most: usize) -> bool {
    let before = used.get(&network).copied().unwrap_or(0);
    let after = before.saturating_add(bytes);
    if after > most {
        return false;
    }
    used.insert(network, after);
    true
}

/// A network without reserved bytes is forgotten, so the table is no larger than the number of
/// connections.
fn give_back(used: &mut HashMap<Network, usize>, network: Network, bytes: usize) {
    if let Entry::Occupied(mut entry) = used.entry(network) {
        *entry.get_mut() = entry.get().saturating_sub(bytes);
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

fn lock(used: &Mutex<HashMap<Network, usize>>) -> MutexGuard<'_, HashMap<Network, usize>> {
    // Each change is one insertion, assignment or removal.
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the records of one connection are charged. Dropping it gives everything back.
#[derive(Debug)]
pub(super) struct Account<'a> {
    memory: &'a RecordMemory,
    network: Network,
    charged: usize,
    /// What the network has reserved for this connection: never less than `charged`.
    reserved: usize,
}

impl<'a> Account<'a> {
    pub(super) fn new(memory: &'a RecordMemory, address: IpAddr) -> Self {
        Self { memory, network: Network::of(address), charged: 0, reserved: 0 }
    }

    /// Makes room for a record of this charge that replaces one of the charge `replaced`.
    pub(super) fn reserve(&mut self, charge: usize, replaced: usize) -> Result<(), NoMemory> {
        /// Reserved in one step, so that most records need no lock.
        const STEP: usize = 64 * 1024;
        let needed = self.charged.saturating_add(charge).saturating_sub(replaced);
        let most = self.memory.budgets.connection;
        if needed > most {
            return Err(NoMemory::Connection(most));
        }
        let Some(more) = needed.checked_sub(self.reserved).filter(|more| *more > 0) else {
            return Ok(());
        };
        let step = more.max(STEP);
        if self.memory.reserve(self.network, step).is_ok() {
            self.reserved += step;
            return Ok(());
        }
        self.memory.reserve(self.network, more)?;
        self.reserved += more;
        Ok(())
    }

    /// A record was added and replaced another one.
    pub(super) fn add(&mut self, charge: usize, replaced: usize) {
        self.charged = self.charged.saturating_add(charge).saturating_sub(replaced);
    }

    /// A record was removed.
    pub(super) fn remove(&mut self, charge: usize) {
        /// Kept for what is added next.
        const KEPT: usize = 1024 * 1024;
        self.charged = self.charged.saturating_sub(charge);
        let unused = self.reserved.saturating_sub(self.charged);
        if unused > KEPT {
            self.memory.free(self.network, unused);
            self.reserved -= unused;
        }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.memory.free(self.network, self.reserved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(account: &mut Account<'_>, charge: usize) -> Result<(), NoMemory> {
        account.reserve(charge, 0)?;
        account.add(charge, 0);
        Ok(())
    }

    #[test]
    fn budgets_of_connections_networks_and_sites() {
        let budgets = Budgets::of(64 << 20);
        assert_eq!(
            (budgets.records, budgets.network, budgets.connection),
            (32 << 20, 8 << 20, 4 << 20)
        );
        let memory = RecordMemory::new(budgets);
        let account = |address: &str| Account::new(&memory, address.parse().unwrap());
        let mut accounts = Vec::new();
        // Two connections fill a network, two networks a site.
        for address in ["2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:2::1", "2001:db8:1:2::1"]
        {
            let mut one = account(address);
            let mut count = 0;
            let refused = loop {
                match add(&mut one, 1000) {
                    Ok(()) => count += 1,
                    Err(refused) => break refused,
                }
            };
            assert_eq!(refused, NoMemory::Connection(4 << 20));
            assert_eq!(count, (4 << 20) / 1000);
            // Replacing a record by one of the same size is still possible.
            assert_eq!(one.reserve(1000, 1000), Ok(()));
            accounts.push(one);
        }
        let mut third = account("2001:db8:1:1::3");
        assert!(matches!(add(&mut third, 100_000), Err(NoMemory::Network(_))));
        let mut third_network = account("2001:db8:1:3::1");
        assert!(matches!(add(&mut third_network, 100_000), Err(NoMemory::Site(_))));
        assert!(add(&mut account("192.0.2.1"), 1000).is_ok(), "others have memory");
        drop(accounts);
        drop((third, third_network));
        assert!(lock(&memory.networks).is_empty() && lock(&memory.sites).is_empty());
    }

    #[test]
    fn removed_records_leave_room_for_others_of_the_network() {
        let memory = RecordMemory::new(Budgets::of(64 << 20));
        let account = || Account::new(&memory, [127, 0, 0, 1].into());
        let (mut one, mut other, mut third) = (account(), account(), account());
        (0..4000).for_each(|_| add(&mut one, 1000).unwrap());
        (0..4000).for_each(|_| add(&mut other, 1000).unwrap());
        assert!(add(&mut third, 1_000_000).is_err());
        (0..4000).for_each(|_| one.remove(1000));
        assert!(add(&mut third, 1_000_000).is_ok());
    }

    #[test]
    fn a_limit_that_was_asked_for_counts_and_has_a_lower_bound() {
        assert_eq!(memory_limit(Some(1 << 30)).0.total, 1 << 30);
        assert_eq!(memory_limit(Some(1)).0.total, usize::try_from(limits::MEMORY_LEAST).unwrap());
        assert!(memory_limit(Some(1)).0.connections() > 8);
        let half = memory_limit(None);
        assert_eq!(half.0.total as u64, half.1[0].bytes / 2);
    }
}
