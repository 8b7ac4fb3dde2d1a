//! How many connections at once, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections. Cloning it shares the count.
#[derive(Clone, Debug)]
pub struct Permits {
    counts: Arc<Mutex<Counts>>,
    most: usize,
    most_per_address: usize,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// Only addresses with a connection, so that it cannot grow beyond `all`.
    per_address: HashMap<IpAddr, usize>,
}

impl Permits {
    /// Permits for at most so many connections. Loopback is exempt from the limit per address:
    /// there, every peer of a classroom exercise has the same.
    pub fn new(most: usize, most_per_address: usize) -> Self {
        Self { counts: Arc::default(), most, most_per_address }
    }

    /// A permit, as long as there is one; it is given back when it is dropped.
    ///
    /// # Errors
    /// When all are taken, or all that one address may have.
    pub fn take(&self, address: IpAddr) -> Result<Permit, NoPermit> {
        let address = address.to_canonical();
        let mut counts = self.lock();
        let from_here = counts.per_address.get(&address).copied().unwrap_or(0);
        if counts.all >= self.most {
            return Err(NoPermit::InAll(self.most));
        }
        if from_here >= self.most_per_address && !address.is_loopback() {
            return Err(NoPermit::FromAddress(self.most_per_address));
        }
        counts.all += 1;
        counts.per_address.insert(address, from_here + 1);
        Ok(Permit { permits: self.clone(), address })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Each change is two assignments that cannot panic: a poisoned count is still right.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoPermit {
    /// All connections are in use.
    #[error("expected at most {0} connections in all, found one more")]
    InAll(usize),
    /// One address has as many as it may have.
    #[error("expected at most {0} connections from one address, found one more")]
    FromAddress(usize),
}

/// The right to one connection.
#[derive(Debug)]
pub struct Permit {
    permits: Permits,
    address: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.permits.lock();
        counts.all -= 1;
        if let Some(count) = counts.per_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.per_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_counted_in_all_and_per_address() {
        let permits = Permits::new(3, 2);
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let there: IpAddr = "192.0.2.2".parse().unwrap();
        let first = permits.take(here);
        let second = permits.take(mapped);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(permits.take(here).err(), Some(NoPermit::FromAddress(2)));
        let third = permits.take(there);
        assert!(third.is_ok());
        assert_eq!(permits.take("192.0.2.3".parse().unwrap()).err(), Some(NoPermit::InAll(3)));
        drop(first);
        assert!(permits.take(here).is_ok());
        drop((second, third));
        assert_eq!(permits.taken(), 0);
        assert!(permits.lock().per_address.is_empty());
    }

    #[test]
    fn loopback_has_no_limit_per_address() {
        let permits = Permits::new(3, 1);
        let taken: Vec<_> = (0..3).map(|_| permits.take("127.0.0.1".parse().unwrap())).collect();
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(permits.take("::1".parse().unwrap()).err(), Some(NoPermit::InAll(3)));
    }
}
