//! The memory that each connection and each network is charged for its records (protocol.md section
//! 7).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::budgets::Budgets;
use crate::network::Network;

/// The memory that the records of all networks are charged.
#[derive(Debug)]
pub(super) struct RecordMemory {
    budgets: Budgets,
    /// Bytes that accounts have reserved, by network and by IPv6 network of 48 bits.
    networks: Mutex<HashMap<Network, usize>>,
    sites: Mutex<HashMap<Network, usize>>,
}

/// A budget is exhausted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum NoMemory {
    #[error("expected at most {0} bytes of records from one connection, found one record more")]
    Connection(usize),
    #[error(
        "expected at most {0} bytes of records from one address or /64 network, found one record more"
    )]
    Network(usize),
    #[error("expected at most {0} bytes of records from one /48 network, found one record more")]
    Site(usize),
}

impl RecordMemory {
    pub(super) fn new(budgets: Budgets) -> Self {
        Self { budgets, networks: Mutex::default(), sites: Mutex::default() }
    }

    /// Bytes that the records of all networks may take.
    pub(super) fn most(&self) -> usize {
        self.budgets.records
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
            release(&mut lock(&self.networks), network, bytes);
            return Err(NoMemory::Site(of_site));
        }
        Ok(())
    }

    fn release(&self, network: Network, bytes: usize) {
        release(&mut lock(&self.networks), network, bytes);
        if let Some(site) = network.site() {
            release(&mut lock(&self.sites), site, bytes);
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

/// A network without reserved bytes is removed, so the table has at most an entry for each
/// connection.
fn release(used: &mut HashMap<Network, usize>, network: Network, bytes: usize) {
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

/// The memory that the records of one connection are charged. Dropping the account releases all of
/// it.
#[derive(Debug)]
pub(super) struct Account<'a> {
    memory: &'a RecordMemory,
    network: Network,
    charged: usize,
    /// Bytes that the network has reserved for this connection: never less than `charged`.
    reserved: usize,
}

impl<'a> Account<'a> {
    pub(super) fn new(memory: &'a RecordMemory, address: IpAddr) -> Self {
        Self { memory, network: Network::of(address), charged: 0, reserved: 0 }
    }

    /// Reserves memory for a record of this charge that replaces a record of the charge `replaced`.
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
        /// Bytes that stay reserved for records that are added next.
        const KEPT: usize = 1024 * 1024;
        self.charged = self.charged.saturating_sub(charge);
        let unused = self.reserved.saturating_sub(self.charged);
        if unused > KEPT {
            self.memory.release(self.network, unused);
            self.reserved -= unused;
        }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.memory.release(self.network, self.reserved);
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
}
