//! The server with which a registration is made at present, which changes if it belongs to a cluster
//! (protocol.md section 4.13).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::shared::Shared;

/// What the threads of a registration share, for its present server.
#[derive(Debug)]
pub(super) struct Present(Mutex<Arc<Shared>>);

impl Present {
    pub(super) fn new(shared: Shared) -> Self {
        Self(Mutex::new(Arc::new(shared)))
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.lock())
    }

    /// Replaces the server, unless the registration is closed: then `false`.
    pub(super) fn replace(&self, next: Shared) -> bool {
        let mut present = self.lock();
        if present.is_closing() {
            return false;
        }
        let before = std::mem::replace(&mut *present, Arc::new(next));
        drop(present);
        before.retire();
        true
    }

    /// Closes the registration for good.
    pub(super) fn close(&self) {
        // Under the lock, so that no other server replaces this one.
        self.lock().close();
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Shared>> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
