//! What the names of holders lead to, kept for a moment.
//!
//! Who fetches thousands of documents from one holder would ask the name server as often. Whether
//! an address may be connected to is not decided here.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::protocol::Endpoint;
use crate::{limits, net};

/// Addresses that were found lately.
#[derive(Debug, Default)]
pub(super) struct Addresses(Mutex<HashMap<Endpoint, Found>>);

#[derive(Debug)]
struct Found {
    at: Instant,
    addresses: Vec<SocketAddr>,
}

impl Addresses {
    /// Those of a holder.
    ///
    /// # Errors
    /// When its host has none.
    pub(super) fn of(&self, holder: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        if let Some(found) = self.lock().get(holder)
            && found.at.elapsed() < limits::ADDRESSES_KEPT
        {
            return Ok(found.addresses.clone());
        }
        let addresses = net::addresses_of(holder)?;
        let mut known = self.lock();
        if known.len() >= limits::NEIGHBOURS {
            known.clear();
        }
        known.insert(holder.clone(), Found { at: Instant::now(), addresses: addresses.clone() });
        Ok(addresses)
    }

    /// Nobody was there: the name may lead elsewhere by now.
    pub(super) fn forget(&self, holder: &Endpoint) {
        self.lock().remove(holder);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, Found>> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_looked_up_once_and_again_when_nobody_was_there() {
        let addresses = Addresses::default();
        let holder: Endpoint = "192.0.2.1:7735".parse().unwrap();
        let elsewhere: SocketAddr = "192.0.2.2:7735".parse().unwrap();
        assert_eq!(addresses.of(&holder).unwrap(), ["192.0.2.1:7735".parse().unwrap()]);
        addresses.lock().get_mut(&holder).unwrap().addresses = vec![elsewhere];
        assert_eq!(addresses.of(&holder).unwrap(), [elsewhere], "it is not looked up again");
        addresses.forget(&holder);
        assert_ne!(addresses.of(&holder).unwrap(), [elsewhere]);
    }
}
