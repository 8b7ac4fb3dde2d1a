//! The entry point of sessions: each submits a change and waits until it is applied.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread::{self, Scope};
use std::time::Instant;
use std::{io, mem};

use redis::cmd;

use super::change::Encoded;
use super::connection::Store;
use super::error::StoreError;
use super::keys::lease;
use super::own::apply;
use super::queue::{Operation, Submission};
use super::reader::Reader;
use super::reply::text;
use super::settings::Settings;
use super::shared::Shared;
use super::status::{Counts, LiveServer, Side};
use super::{LOG, publisher};
use crate::index::{Addition, Index, Owner};
use crate::limits;
use crate::protocol::{self, Document, Endpoint, Record};

/// The membership of a server in a cluster.
#[derive(Debug)]
pub struct Cluster(Shared);

/// Why a server cannot be part of a cluster.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Another server has its name.
    #[error(
        "another server of the cluster is called `{0}`; give each its own --name, or end the other one and \
         wait until its lease has expired"
    )]
    NameTaken(String),
    /// The store refuses the password.
    #[error("{0}; set --cluster-password-file, and the user in the URL if it is not `default`")]
    Password(String),
}

impl Cluster {
    /// A server that is not connected to the store.
    pub fn new(settings: Settings) -> Self {
        Self(Shared::new(settings))
    }

    /// Sets the addresses that clients use, and checks that this server can be part of the cluster. A store
    /// that cannot be reached is no error: the server serves its own peers until it can be.
    ///
    /// # Errors
    /// When another server has the name, or the store refuses the password.
    pub fn check(&self, addresses: &[String]) -> Result<(), JoinError> {
        let settings = &self.0.settings;
        self.0.set_addresses(match &settings.advertise {
            Some(addresses) => addresses.clone(),
            None => addresses.join(","),
        });
        let patience = limits::LEASE * 2;
        let begun = Instant::now();
        let mut is_first = true;
        loop {
            let seen = Store::connect(settings).and_then(|mut store| {
                let lease = store.call(cmd("GET").arg(lease(&settings.name)))?;
                Ok(lease != redis::Value::Nil && text(&lease).is_ok())
            });
            match seen {
                Ok(false) => return Ok(()),
                Ok(true) if begun.elapsed() >= patience => {
                    return Err(JoinError::NameTaken(settings.name.to_string()));
                }
                Ok(true) if mem::take(&mut is_first) => log::info!(
                    target: LOG,
                    "cluster: waiting until the lease of the server `{}` has expired",
                    settings.name
                ),
                Ok(true) => self.0.queue.pause(limits::STORE_RETRY),
                Err(error @ StoreError::Password(_)) => {
                    return Err(JoinError::Password(error.to_string()));
                }
                Err(error) => {
                    self.0.failed(Side::Publisher, &error);
                    return Ok(());
                }
            }
        }
    }

    /// Starts the threads of the cluster. They end after [`Cluster::end`].
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        index: &'scope Index,
    ) -> io::Result<()> {
        let shared = &self.0;
        let read = move || Reader::new(shared, index).run();
        thread::Builder::new().name("cluster-read".into()).spawn_scoped(scope, read)?;
        let publish = move || {
            // Without the publisher, sessions change the index themselves.
            let run = AssertUnwindSafe(|| publisher::run(shared, index));
            if catch_unwind(run).is_err() {
                log::error!("cluster: the thread that writes changes has failed");
                shared.queue.close().into_iter().for_each(|one| apply(shared, index, one));
            }
        };
        let started =
            thread::Builder::new().name("cluster-write".into()).spawn_scoped(scope, publish);
        if started.is_err() {
            self.end();
        }
        started.map(drop)
    }

    /// No more sessions exist: the threads write what is left, give the lease back, and end.
    pub fn end(&self) {
        self.0.queue.end();
    }

    /// Adds records of a connection. Each addition then has its outcome.
    pub fn add_all(&self, index: &Index, owner: Owner, additions: &mut Vec<Addition>) {
        let mut encoded = Encoded::default();
        for addition in additions.iter() {
            if let Some(record) = addition.record() {
                encoded.add(owner.0, false, record.borrowed(), addition.attributes());
            }
        }
        let operation = Operation::Add(mem::take(additions));
        if let Some(Operation::Add(done)) = self.submit(index, owner, operation, encoded) {
            *additions = done;
        }
    }

    /// Removes a record of a connection, and returns it. `None` if the connection has no such record.
    pub fn remove(
        &self,
        index: &Index,
        owner: Owner,
        document: &Document,
        holder: &Endpoint,
    ) -> Option<Record> {
        index.record_of(owner, document, holder)?;
        let mut encoded = Encoded::default();
        encoded.remove(owner.0, document, holder);
        let operation = Operation::Remove(document.clone(), holder.clone(), None);
        match self.submit(index, owner, operation, encoded) {
            Some(Operation::Remove(_, _, removed)) => removed,
            _ => None,
        }
    }

    /// Removes all records of a connection that has ended, and returns their number.
    pub fn remove_owner(&self, index: &Index, owner: Owner) -> usize {
        if index.announced(owner).is_none() {
            return 0;
        }
        let mut encoded = Encoded::default();
        encoded.gone(owner.0);
        match self.submit(index, owner, Operation::RemoveOwner(0), encoded) {
            Some(Operation::RemoveOwner(count)) => count,
            _ => 0,
        }
    }

    /// The other servers of the cluster and this one, as far as they are known to live.
    pub fn servers(&self) -> Vec<LiveServer> {
        self.0.status.servers()
    }

    /// The identity of the cluster: a random number that all its servers know.
    pub fn id(&self) -> Option<String> {
        self.0.status.id()
    }

    /// The cluster as its servers name it to peers (protocol.md section 4.13); `None` until its identity is known.
    pub fn described(&self) -> Option<protocol::Cluster> {
        let mut described = protocol::Cluster::new(self.id()?.parse().ok()?);
        let addresses = self.servers().into_iter().flat_map(|server| server.addresses);
        addresses.filter_map(|address| address.parse().ok()).for_each(|address| {
            described.add(address);
        });
        Some(described)
    }

    /// The name of this server.
    pub fn name(&self) -> &str {
        self.0.settings.name.as_str()
    }

    /// What has happened since the start.
    pub fn counts(&self) -> Counts {
        self.0.status.counts()
    }

    /// Why the store cannot be used; `None` if it can.
    pub fn failure(&self) -> Option<String> {
        self.0.status.failure()
    }

    /// Submits an operation and waits until it is applied.
    fn submit(
        &self,
        index: &Index,
        owner: Owner,
        operation: Operation,
        encoded: Encoded,
    ) -> Option<Operation> {
        let (done, applied) = channel();
        let submission =
            Submission { owner, operation, encoded, submitted: Instant::now(), done: Some(done) };
        if let Some(submission) = self.0.queue.submit(submission) {
            apply(&self.0, index, submission);
        }
        // The publisher or the reader replies within the timeouts of the store.
        applied.recv().ok()
    }
}
