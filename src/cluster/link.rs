//! One epoch of a server: its lease, its batches, and publishing all records again.

use std::collections::VecDeque;
use std::time::Instant;

use super::change::Encoded;
use super::connection::Store;
use super::error::StoreError;
use super::keys::{CHANGES, Epoch, ID, Origin, RECORDS, SERVERS, lease};
use super::names::is_remote;
use super::queue::{Batch, Operation, Submission};
use super::reply::text;
use super::script::{ACQUIRE, COMPLETE, LEAVE, PUBLISH};
use super::settings::random;
use super::shared::Shared;
use super::status::count;
use crate::index::{Index, Owner};
use crate::limits;

/// A connection of the publisher with a lease.
pub(super) struct Link {
    store: Store,
    origin: Origin,
    lease: String,
    /// The number of the next batch.
    next: u64,
    last_write: Instant,
    /// Owners whose records are to be published again; `None` when all are.
    owners: Option<VecDeque<Owner>>,
}

impl Link {
    /// Takes the lease for a new epoch. Others keep the records of the earlier epochs until the new
    /// one has all records.
    pub(super) fn join(shared: &Shared, earlier: &[Epoch]) -> Result<Self, StoreError> {
        let mut store = Store::connect(&shared.settings)?;
        let name = &shared.settings.name;
        let origin = Origin { name: name.clone(), epoch: Epoch::new() };
        let lease = lease(name);
        let earlier = match earlier {
            [] => "-".to_string(),
            all => all.iter().map(Epoch::as_str).collect::<Vec<_>>().join(","),
        };
        let keys = [&lease, SERVERS, ID, &origin.batch()];
        let id = shared.status.id().unwrap_or_else(|| random() + &random());
        let id = store.run(&ACQUIRE, &keys, |command| {
            command.arg(origin.epoch.as_str()).arg(&earlier).arg(&shared.instance);
            command.arg(shared.addresses()).arg(milliseconds()).arg(name.as_str()).arg(&id);
        })?;
        shared.status.set_id(text(&id)?);
        Ok(Self { store, origin, lease, next: 1, last_write: Instant::now(), owners: None })
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.origin.epoch
    }

    /// Publishes all records of own connections again.
    pub(super) fn begin(&mut self, index: &Index) {
        let own = index.owners().into_iter().filter(|&owner| !is_remote(owner));
        self.owners = Some(own.collect());
    }

    /// Whether records are still to be published again.
    pub(super) fn is_republishing(&self) -> bool {
        self.owners.is_some()
    }

    /// When the lease must be renewed.
    pub(super) fn due(&self) -> Instant {
        self.last_write + limits::LEASE_RENEWAL
    }

    /// Writes a batch, which may have no changes: it renews the lease, too.
    pub(super) fn publish(
        &mut self,
        shared: &Shared,
        index: &Index,
        mut submissions: Vec<Submission>,
    ) -> Result<(), StoreError> {
        submissions.iter_mut().for_each(|one| complete(one, shared, index));
        let lines: Vec<Encoded> = submissions.iter().map(|one| one.encoded.clone()).collect();
        let changes = lines.iter().map(|encoded| encoded.changes).sum();
        let number = self.next;
        let epoch = self.origin.epoch.clone();
        shared.queue.begin(Batch { epoch, number, submissions, sent: Instant::now() });
        let Self { store, origin, lease, .. } = self;
        let (batch, connections, records) =
            (origin.batch(), origin.connections(), origin.records());
        let keys = [&**lease, CHANGES, &batch, &connections, &records, RECORDS];
        store.run(&PUBLISH, &keys, |command| {
            command.arg(origin.name.as_str()).arg(origin.epoch.as_str()).arg(number);
            command.arg(milliseconds()).arg(limits::STORE_STREAM);
            let lines = lines.iter().filter(|encoded| encoded.changes > 0);
            lines.flat_map(|encoded| encoded.lines.split('\n')).for_each(|line| {
                command.arg(line);
            });
        })?;
        self.next += 1;
        self.last_write = Instant::now();
        count(&shared.status.batches, 1);
        count(&shared.status.published, changes);
        Ok(())
    }

    /// Publishes the records of some owners again. No batch may be in flight: a change that is not applied yet
    /// would be undone.
    pub(super) fn republish(&mut self, shared: &Shared, index: &Index) -> Result<(), StoreError> {
        let mut submissions = Vec::new();
        let mut changes = 0;
        while let Some(owner) = self.owners.as_mut().and_then(VecDeque::pop_front) {
            let records = index.records_of(owner);
            count(&shared.status.republished, records.len());
            for part in records.chunks(limits::STORE_BATCH) {
                let mut encoded = Encoded::default();
                let borrowed: Vec<_> = part.iter().map(|(record, _)| record.borrowed()).collect();
                let equal = shared.equal(index, owner, &borrowed);
                for ((record, attributes), equal) in part.iter().zip(equal) {
                    encoded.add(owner.0, true, record.borrowed(), attributes, &equal);
                }
                changes += part.len();
                let operation = Operation::Renew(part.to_vec());
                submissions.push(Submission::internal(owner, operation, encoded));
                if changes >= limits::STORE_BATCH {
                    self.publish(shared, index, std::mem::take(&mut submissions))?;
                    changes = 0;
                }
            }
            if shared.queue.has_waiting() {
                break;
            }
        }
        if !submissions.is_empty() {
            return self.publish(shared, index, submissions);
        }
        if self.owners.as_ref().is_some_and(VecDeque::is_empty) {
            let Self { store, origin, lease, .. } = self;
            store.run(&COMPLETE, &[&**lease], |command| {
                command.arg(origin.epoch.as_str()).arg(&shared.instance);
                command.arg(shared.addresses()).arg(milliseconds());
            })?;
            self.owners = None;
        }
        Ok(())
    }

    /// Gives the lease back.
    pub(super) fn leave(mut self) {
        let epoch = self.origin.epoch.as_str();
        let left = self.store.run(&LEAVE, &[&*self.lease], |command| {
            command.arg(epoch);
        });
        if let Err(error) = left {
            log::warn!("cluster: cannot release the lease, which expires soon: {error}");
        }
    }
}

/// What is written for a record that was refused depends on what the index has now.
fn complete(submission: &mut Submission, shared: &Shared, index: &Index) {
    if let Operation::Correct(document, holder) = &submission.operation {
        let owner = submission.owner;
        match index.record_of(owner, document, holder) {
            Some((record, attributes)) => {
                let equal = shared.equal(index, owner, &[record.borrowed()]).concat();
                submission.encoded.add(owner.0, false, record.borrowed(), &attributes, &equal);
            }
            None => submission.encoded.remove(owner.0, document, holder),
        }
    }
}

fn milliseconds() -> u64 {
    u64::try_from(limits::LEASE.as_millis()).unwrap_or(u64::MAX)
}
