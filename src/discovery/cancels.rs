//! Cancelling the requests to one of several index servers: all by the user, or those to it alone.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::net::Cancel;

/// What cancels the requests that are sent from now on.
#[derive(Debug)]
pub(super) struct Cancels(Mutex<Handles>);

#[derive(Debug)]
struct Handles {
    /// The handle of the user, which may cancel other requests, too.
    all: Cancel,
    /// A child of it, for one server.
    own: Cancel,
}

impl Cancels {
    pub(super) fn new(all: Cancel) -> Self {
        Self(Mutex::new(Handles { own: all.child(), all }))
    }

    /// Replaces the handle of the user.
    pub(super) fn replace(&self, all: &Cancel) {
        *self.lock() = Handles { own: all.child(), all: all.clone() };
    }

    /// The handle of the user.
    pub(super) fn all(&self) -> Cancel {
        self.lock().all.clone()
    }

    /// The handle of requests to this server.
    pub(super) fn own(&self) -> Cancel {
        self.lock().own.clone()
    }

    /// Permits requests again after those to this server were cancelled.
    pub(super) fn resume(&self) {
        let mut handles = self.lock();
        if handles.own.is_cancelled() {
            handles.own = handles.all.child();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Handles> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
