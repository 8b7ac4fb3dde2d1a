//! The records of other servers in the index.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::change::Change;
use super::keys::Origin;
use super::names::{FIRST, name_of};
use super::shared::Shared;
use super::status::count;
use crate::index::{Addition, Attributes, Charge, Index, Owner, Renewal};
use crate::limits;
use crate::protocol::Record;

/// The servers and connections whose records the index has.
#[derive(Debug)]
pub(super) struct Remote {
    origins: HashMap<Origin, Connections>,
    next: u64,
    last_log: Option<Instant>,
}

/// The connections of a server in one epoch.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// The number of the last batch.
    last: u64,
    owners: HashMap<u64, Owner>,
}

impl Default for Remote {
    fn default() -> Self {
        Self { origins: HashMap::new(), next: FIRST, last_log: None }
    }
}

impl Remote {
    /// A batch of a server is read. Returns `false` if a batch before it was not.
    pub(super) fn follows(&mut self, origin: &Origin, number: u64) -> bool {
        match self.origins.get_mut(origin) {
            Some(connections) if number > connections.last + 1 => false,
            Some(connections) => {
                connections.last = connections.last.max(number);
                true
            }
            None if number == 1 => {
                let new = Connections { last: 1, ..Connections::default() };
                self.origins.insert(origin.clone(), new);
                true
            }
            None => false,
        }
    }

    /// Applies changes of a server.
    pub(super) fn apply(
        &mut self,
        shared: &Shared,
        index: &Index,
        origin: &Origin,
        changes: Vec<Change>,
    ) {
        count(&shared.status.applied, changes.len());
        let mut additions: (Option<Owner>, Vec<Addition>) = (None, Vec::new());
        for change in changes {
            match change {
                Change::Add { connection, is_renewed: false, record, attributes } => {
                    let owner = self.owner(shared, origin, connection);
                    if additions.0 != Some(owner) {
                        self.add(shared, index, &mut additions);
                        additions.0 = Some(owner);
                    }
                    let charge = Charge::of(&record);
                    additions.1.push(Addition::new(record, charge, attributes));
                }
                change => {
                    self.add(shared, index, &mut additions);
                    self.apply_one(shared, index, origin, change);
                }
            }
        }
        self.add(shared, index, &mut additions);
    }

    fn apply_one(&mut self, shared: &Shared, index: &Index, origin: &Origin, change: Change) {
        match change {
            Change::Add { connection, record, attributes, .. } => {
                let to = self.owner(shared, origin, connection);
                let is_earlier =
                    |other: &&Origin| other.name == origin.name && other.epoch != origin.epoch;
                let earlier = self.origins.keys().filter(is_earlier);
                let earlier = earlier.filter_map(|other| self.owner_of(other, connection));
                let from: Vec<Owner> = earlier.collect();
                for other in from.iter().skip(1) {
                    index.remove(*other, &record.document, &record.holder);
                }
                let from = from.first().copied().unwrap_or(to);
                self.renew(shared, index, Renewal { from, to }, record, attributes);
            }
            Change::Remove { connection, document, holder } => {
                if let Some(owner) = self.owner_of(origin, connection) {
                    index.remove(owner, &document, &holder);
                    // A connection that removes its last record publishes nothing when it ends.
                    if index.announced(owner).is_none() {
                        self.forget(shared, index, origin, connection);
                    }
                }
            }
            Change::Gone { connection } => self.forget(shared, index, origin, connection),
        }
    }

    /// Forgets a connection and its records.
    fn forget(&mut self, shared: &Shared, index: &Index, origin: &Origin, connection: u64) {
        let connections = self.origins.get_mut(origin);
        if let Some(owner) = connections.and_then(|all| all.owners.remove(&connection)) {
            index.remove_owner(owner);
            shared.names.remove(owner);
        }
    }

    fn add(
        &mut self,
        shared: &Shared,
        index: &Index,
        (owner, additions): &mut (Option<Owner>, Vec<Addition>),
    ) {
        if let Some(owner) = *owner {
            super::own::add_all(index, owner, additions);
            let refused = additions.iter().filter(|addition| addition.outcome().is_err()).count();
            self.refuse(shared, refused);
        }
        additions.clear();
    }

    /// Moves a record to the end of the order, for another owner or the same one.
    pub(super) fn renew(
        &mut self,
        shared: &Shared,
        index: &Index,
        renewal: Renewal,
        record: Record,
        attributes: Attributes,
    ) {
        if index.renew(renewal, record, attributes).is_err() {
            self.refuse(shared, 1);
        }
    }

    /// Counts records for which there is no room, and logs them now and then.
    fn refuse(&mut self, shared: &Shared, refused: usize) {
        if refused == 0 {
            return;
        }
        count(&shared.status.refused, refused);
        if self.last_log.is_none_or(|last| last.elapsed() >= limits::CLUSTER_LOG) {
            self.last_log = Some(Instant::now());
            log::warn!(
                "cluster: no room for records of other servers, which are not listed here; raise --max-memory"
            );
        }
    }

    /// The owner of the records of a connection.
    fn owner(&mut self, shared: &Shared, origin: &Origin, connection: u64) -> Owner {
        if let Some(owner) = self.owner_of(origin, connection) {
            return owner;
        }
        let owner = self.new_owner();
        let connections = self.origins.entry(origin.clone()).or_default();
        shared.names.insert(owner, (name_of(origin), connection));
        connections.owners.insert(connection, owner);
        owner
    }

    pub(super) fn new_owner(&mut self) -> Owner {
        let owner = Owner(self.next);
        self.next += 1;
        owner
    }

    pub(super) fn owner_of(&self, origin: &Origin, connection: u64) -> Option<Owner> {
        self.origins.get(origin)?.owners.get(&connection).copied()
    }

    /// Removes the records of all servers but these.
    pub(super) fn retain(&mut self, shared: &Shared, index: &Index, live: &HashSet<Origin>) {
        let dead = self.origins.extract_if(|origin, _| !live.contains(origin));
        let dead: Vec<Connections> = dead.map(|(_, connections)| connections).collect();
        dead.iter().flat_map(|all| all.owners.values()).for_each(|owner| {
            index.remove_owner(*owner);
            shared.names.remove(*owner);
        });
    }

    /// Replaces the records of all servers: removes the owners that are not among the new ones.
    pub(super) fn replace(
        &mut self,
        shared: &Shared,
        index: &Index,
        new: HashMap<Origin, (u64, HashMap<u64, Owner>)>,
    ) {
        let new =
            new.into_iter().map(|(origin, (last, owners))| (origin, Connections { last, owners }));
        let old = std::mem::replace(&mut self.origins, new.collect());
        for (origin, connections) in &self.origins {
            let name = name_of(origin);
            for (&connection, &owner) in &connections.owners {
                shared.names.insert(owner, (Arc::clone(&name), connection));
            }
        }
        old.values().flat_map(|all| all.owners.values()).for_each(|owner| {
            index.remove_owner(*owner);
            shared.names.remove(*owner);
        });
    }
}
