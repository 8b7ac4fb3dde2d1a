//! Finding programs on the local network.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mdns_sd::ServiceEvent;

use super::found::Found;
use super::networks::Networks;
use super::service::{LanError, Service, daemon};
use crate::limits;

/// Looks for programs of this kind for this time, and returns them in the order of their addresses.
pub(crate) fn search(service: Service, time: Duration) -> Result<Vec<Found>, LanError> {
    let networks = Networks::of_machine()?;
    let daemon = daemon()?;
    let events = daemon.browse(service.domain())?;
    let until = Instant::now() + time;
    let mut found: HashMap<String, Found> = HashMap::new();
    while let Ok(event) = events.recv_deadline(until) {
        match event {
            ServiceEvent::ServiceResolved(announced) => {
                let Some(one) = Found::new(&announced, &networks) else { continue };
                // The addresses of a program become known one after the other.
                let is_full = found.len() >= limits::LAN_FOUND;
                match found.get_mut(&announced.fullname) {
                    Some(known) => known.prefer(one),
                    None if is_full => {}
                    None => {
                        found.insert(announced.fullname, one);
                    }
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => {
                found.remove(&name);
            }
            _ => {}
        }
    }
    if let Ok(done) = daemon.shutdown() {
        let _ = done.recv_timeout(limits::LAN_GOODBYE);
    }
    let mut found: Vec<Found> = found.into_values().collect();
    found.sort_by(Found::order);
    // A program may be announced under two names.
    found.dedup_by_key(|one| one.address());
    Ok(found)
}
