//! Finding programs on the local network, for as long as this program wants to know them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use mdns_sd::{ServiceDaemon, ServiceEvent};

use super::found::Found;
use super::networks::Networks;
use super::service::{LanError, Service, daemon};
use crate::error_chain::error_chain;
use crate::limits;

/// A search that continues until it is dropped.
pub(super) struct Browser {
    daemon: ServiceDaemon,
    programs: Arc<Mutex<Programs>>,
    begun: Instant,
}

impl Browser {
    /// Begins to look for programs of this kind.
    pub(super) fn start(service: Service) -> Result<Self, LanError> {
        // An error is better known now than by each announcement.
        Networks::of_machine()?;
        let daemon = daemon()?;
        let events = daemon.browse(service.domain())?;
        let programs = Arc::new(Mutex::new(Programs::default()));
        let shared = Arc::clone(&programs);
        let take = move || {
            // The end of the daemon ends it.
            while let Ok(event) = events.recv() {
                lock(&shared).take(service, event);
            }
        };
        thread::Builder::new().name("lan-browser".into()).spawn(take).map_err(LanError::Thread)?;
        Ok(Self { daemon, programs, begun: Instant::now() })
    }

    /// The programs that are there, in the order of their addresses. Before the time of a search has passed since
    /// the beginning, it waits for that.
    pub(super) fn found(&self) -> Vec<Found> {
        thread::sleep(limits::LAN_SEARCH.saturating_sub(self.begun.elapsed()));
        lock(&self.programs).sorted()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(done) = self.daemon.shutdown() {
            let _ = done.recv_timeout(limits::LAN_GOODBYE);
        }
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("programs", &self.programs).finish_non_exhaustive()
    }
}

/// The programs that have announced themselves, by their names.
#[derive(Debug, Default)]
struct Programs(HashMap<String, Found>);

impl Programs {
    fn take(&mut self, service: Service, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(announced) => {
                // They may have changed since the last announcement.
                let networks = match Networks::of_machine() {
                    Ok(networks) => networks,
                    Err(error) => return log::debug!("{}", error_chain(&error)),
                };
                if let Some(one) = Found::new(service, &announced, &networks) {
                    self.insert(announced.fullname, one);
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => {
                self.0.remove(&name);
            }
            _ => {}
        }
    }

    /// Enters a program. The addresses of one become known one after the other.
    fn insert(&mut self, name: String, one: Found) {
        if let Some(known) = self.0.get_mut(&name) {
            return known.prefer(one);
        }
        let ip = one.address().ip();
        let of_address = self.0.values().filter(|known| known.address().ip() == ip).count();
        if self.0.len() < limits::LAN_FOUND && of_address < limits::LAN_FOUND_PER_ADDRESS {
            self.0.insert(name, one);
        }
    }

    fn sorted(&self) -> Vec<Found> {
        let mut found: Vec<Found> = self.0.values().cloned().collect();
        found.sort_by(Found::order);
        // A program may be announced under two names.
        found.dedup_by_key(|one| one.address());
        found
    }
}

fn lock(programs: &Mutex<Programs>) -> MutexGuard<'_, Programs> {
    // Each change is one insertion or removal: a poisoned map is whole.
    programs.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_programs_is_bounded() {
        let mut programs = Programs::default();
        for port in 2000..3000 {
            let found = Found::at("10.0.0.1", port);
            programs.insert(format!("a-{port}"), found.clone());
            programs.insert(format!("b-{port}"), found);
        }
        assert_eq!(programs.0.len(), limits::LAN_FOUND_PER_ADDRESS);
        assert_eq!(programs.sorted().len(), limits::LAN_FOUND_PER_ADDRESS / 2);
        for host in 2..=255 {
            for port in 2000..2010 {
                let address = format!("10.0.0.{host}");
                programs.insert(format!("{address}-{port}"), Found::at(&address, port));
            }
        }
        assert_eq!(programs.0.len(), limits::LAN_FOUND);
        // A further address of a known program is taken.
        programs.insert("a-2000".into(), Found::at("10.0.0.0", 2000));
        assert_eq!(programs.sorted()[0], Found::at("10.0.0.0", 2000));
    }
}
