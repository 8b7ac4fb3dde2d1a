//! Addresses at which no peer has answered (protocol.md section 9).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::limits;
use crate::protocol::Endpoint;

/// Addresses at which no peer has answered, with the holder that was asked there, and the time until
/// which no other holder is. An index can list any number of names for one victim.
#[derive(Debug, Default)]
pub(super) struct UnansweredAddresses(Mutex<HashMap<SocketAddr, (Endpoint, Instant)>>);

impl UnansweredAddresses {
    /// Notes that a holder has not answered at these addresses.
    pub(super) fn add(&self, endpoint: &Endpoint, addresses: &[SocketAddr], until: Instant) {
        let (now, mut unanswered) = (Instant::now(), self.lock());
        if unanswered.len() >= limits::PEERS_KNOWN {
            unanswered.retain(|_, (_, until)| *until > now);
            if unanswered.len() >= limits::PEERS_KNOWN {
                unanswered.clear();
            }
        }
        let stranger = (endpoint.clone(), until);
        unanswered.extend(addresses.iter().map(|address| (*address, stranger.clone())));
    }

    /// Whether another holder has not answered at this address.
    pub(super) fn is_of_another(&self, endpoint: &Endpoint, address: SocketAddr) -> bool {
        let is_other =
            |(other, until): &(Endpoint, Instant)| other != endpoint && *until > Instant::now();
        self.lock().get(&address).is_some_and(is_other)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, (Endpoint, Instant)>> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
