//! The recently resolved addresses of host names (protocol.md section 7).
//!
//! A peer that downloads thousands of documents from one holder would ask the name service as often.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::limits;

/// A host name and a port.
type Name = (Box<str>, u16);

/// The names, for the time of the limits.
#[derive(Debug, Default)]
pub(super) struct ResolvedNames {
    limits: limits::Connecting,
    names: Mutex<HashMap<Name, Resolved>>,
}

#[derive(Debug)]
struct Resolved {
    at: Instant,
    addresses: Vec<SocketAddr>,
}

impl ResolvedNames {
    /// No names.
    pub(super) fn new(limits: limits::Connecting) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The addresses of a name that was resolved recently.
    pub(super) fn get(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let names = self.lock();
        let resolved = names.get(&(host.into(), port))?;
        (resolved.at.elapsed() < self.limits.addresses_kept).then(|| resolved.addresses.clone())
    }

    /// Remembers the addresses of a name.
    pub(super) fn insert(&self, host: &str, port: u16, addresses: &[SocketAddr]) {
        let mut names = self.lock();
        if names.len() >= limits::PEERS_KNOWN {
            names.clear();
        }
        let addresses = addresses.iter().copied().take(self.limits.addresses).collect();
        names.insert((host.into(), port), Resolved { at: Instant::now(), addresses });
    }

    /// Forgets a name.
    pub(super) fn remove(&self, host: &str, port: u16) {
        self.lock().remove(&(host.into(), port));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Resolved>> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolved_name_is_known_until_it_is_removed() {
        let names = ResolvedNames::default();
        let address = "192.0.2.1:7735".parse().unwrap();
        assert_eq!(names.get("name", 7735), None);
        names.insert("name", 7735, &[address]);
        assert_eq!(names.get("name", 7735), Some(vec![address]));
        assert_eq!(names.get("name", 7736), None);
        names.remove("name", 7735);
        assert_eq!(names.get("name", 7735), None);
    }
}
