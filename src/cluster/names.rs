//! Owners in the index that are connections of other servers, and their names in the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::keys::Origin;
use crate::index::Owner;

/// Owners with this number and higher ones are connections of other servers.
pub(super) const FIRST: u64 = 1 << 63;

/// Whether an owner is a connection of another server.
pub(super) fn is_remote(owner: Owner) -> bool {
    owner.0 >= FIRST
}

/// The server, by the part of the keys that names it, and the number of the connection there.
pub(super) type Name = (Arc<str>, u64);

/// The connections of other servers that are owners in the index.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<Owner, Name>>);

impl Names {
    pub(super) fn insert(&self, owner: Owner, name: Name) {
        self.lock().insert(owner, name);
    }

    pub(super) fn remove(&self, owner: Owner) {
        self.lock().remove(&owner);
    }

    /// The part of the key of its records that names it.
    pub(super) fn of(&self, owner: Owner) -> Option<String> {
        self.lock().get(&owner).map(|(origin, connection)| format!("{origin}:{connection}"))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, Name>> {
        // Each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of the keys of a server that names it.
pub(super) fn name_of(origin: &Origin) -> Arc<str> {
    format!("{}:{}", origin.name, origin.epoch.as_str()).into()
}
