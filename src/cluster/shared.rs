//! What the threads of a cluster share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::StoreError;
use super::first_read::FirstRead;
use super::keys::{Epoch, Origin};
use super::names::{Names, is_remote, name_of};
use super::queue::Queue;
use super::settings::Settings;
use super::status::{Side, Status, count};
use crate::index::{Index, Owner};
use crate::protocol::BorrowedRecord;

/// State that sessions, the publisher and the reader share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// The process, by a random number: a server that was started again has the same name.
    pub(super) instance: String,
    pub(super) queue: Queue,
    pub(super) status: Status,
    pub(super) first_read: FirstRead,
    pub(super) names: Names,
    /// A thread of the cluster has panicked.
    has_panicked: AtomicBool,
    addresses: Mutex<String>,
    epoch: Mutex<Option<Epoch>>,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            instance: super::settings::random(),
            queue: Queue::default(),
            status: Status::default(),
            first_read: FirstRead::default(),
            names: Names::default(),
            has_panicked: AtomicBool::new(false),
            addresses: Mutex::default(),
            epoch: Mutex::default(),
        }
    }

    /// The addresses that clients use.
    pub(super) fn addresses(&self) -> String {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_addresses(&self, addresses: String) {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// The present epoch of this server; `None` while it has no lease.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_epoch(&self, epoch: Option<Epoch>) {
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner) = epoch;
    }

    /// For each record the connections that have an equal one, as the store knows them.
    pub(super) fn equal(
        &self,
        index: &Index,
        owner: Owner,
        records: &[BorrowedRecord<'_>],
    ) -> Vec<Vec<String>> {
        let name = |other: Owner| match is_remote(other) {
            true => self.names.of(other),
            false => {
                let origin = Origin { name: self.settings.name.clone(), epoch: self.epoch()? };
                Some(format!("{}:{}", name_of(&origin), other.0))
            }
        };
        let owners = index.owners_of_equal(owner, records).into_iter();
        owners.map(|owners| owners.into_iter().filter_map(name).collect()).collect()
    }

    /// A thread has panicked: changes that wait are dropped, and later ones are refused.
    pub(super) fn panicked(&self) {
        self.has_panicked.store(true, Ordering::SeqCst);
        drop(self.queue.close());
        self.first_read.end();
    }

    pub(super) fn has_panicked(&self) -> bool {
        self.has_panicked.load(Ordering::SeqCst)
    }

    /// A connection to the store has failed.
    pub(super) fn failed(&self, side: Side, error: &StoreError) {
        match error {
            StoreError::Fenced | StoreError::Lost => count(&self.status.fenced, 1),
            _ => count(&self.status.failures, 1),
        }
        if self.status.set_failure(side, Some(error.to_string())) {
            let what = match side {
                Side::Publisher => "changes of own connections are applied here only",
                Side::Reader => "records of other servers stay for a few seconds",
            };
            log::warn!("cluster: cannot use the store: {error}; {what} until it can be used again");
        }
    }

    /// A connection to the store works.
    pub(super) fn works(&self, side: Side) {
        if self.status.set_failure(side, None) {
            log::info!(target: super::LOG, "cluster: the store can be used again");
        }
    }
}
