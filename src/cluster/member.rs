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
use super::status::Side;
use super::{LOG, publisher};
use crate::index::{Addition, Index, Owner};
use crate::limits;
use crate::protocol::{Document, Endpoint, Record};

/// The membership of a server in a cluster.
#[derive(Debug)]
pub struct Cluster(pub(super) Shared);

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

/// A change was not made, because a thread of the cluster has panicked. The server ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an internal failure; the server ends")]
pub struct Lost;

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

    /// Starts the threads of the cluster. They end after [`Cluster::end`]. If one panics, `end_server` is
    /// called: without it the server would serve what the others do not have.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        index: &'scope Index,
        end_server: impl Fn() + Copy + Send + 'scope,
    ) -> io::Result<()> {
        let shared = &self.0;
        let read = move || run(shared, end_server, || Reader::new(shared, index).run());
        thread::Builder::new().name("cluster-read".into()).spawn_scoped(scope, read)?;
        let publish = move || run(shared, end_server, || publisher::run(shared, index));
        let started =
            thread::Builder::new().name("cluster-write".into()).spawn_scoped(scope, publish);
        if started.is_err() {
            self.end();
        }
        started.map(drop)
    }

    /// Waits until the records of the other servers were read, if the store can be used; not longer than
    /// `limits::CLUSTER_FIRST_READ`, and not if the server ends.
    pub fn wait_until_read(&self, is_ending: impl Fn() -> bool) {
        self.0.first_read.wait(limits::CLUSTER_FIRST_READ, is_ending);
    }

    /// Whether the records of the other servers were read, or the store could not be used.
    pub fn has_read(&self) -> bool {
        self.0.first_read.is_over()
    }

    /// Whether a thread has panicked.
    pub fn has_panicked(&self) -> bool {
        self.0.has_panicked()
    }

    /// No more sessions exist: the threads write what is left, give the lease back, and end.
    pub fn end(&self) {
        self.0.queue.end();
    }

    /// Adds records of a connection. Each addition then has its outcome.
    ///
    /// # Errors
    /// When they were not added because of an internal failure. Then the additions are lost.
    pub fn add_all(
        &self,
        index: &Index,
        owner: Owner,
        additions: &mut Vec<Addition>,
    ) -> Result<(), Lost> {
        let mut encoded = Encoded::default();
        let records: Vec<_> =
            additions.iter().filter_map(|one| Some((one.record()?.borrowed(), one))).collect();
        let borrowed: Vec<_> = records.iter().map(|(record, _)| *record).collect();
        let equal = self.0.equal(index, owner, &borrowed);
        for ((record, addition), equal) in records.iter().zip(equal) {
            encoded.add(owner.0, false, *record, addition.attributes(), &equal);
        }
        let operation = Operation::Add(mem::take(additions));
        match self.submit(index, owner, operation, encoded) {
            Some(Operation::Add(done)) => {
                *additions = done;
                Ok(())
            }
            _ => Err(Lost),
        }
    }

    /// Removes a record of a connection, and returns it. `None` if the connection has no such record.
    ///
    /// # Errors
    /// When it was not removed because of an internal failure.
    pub fn remove(
        &self,
        index: &Index,
        owner: Owner,
        document: &Document,
        holder: &Endpoint,
    ) -> Result<Option<Record>, Lost> {
        if index.record_of(owner, document, holder).is_none() {
            return Ok(None);
        }
        let mut encoded = Encoded::default();
        encoded.remove(owner.0, document, holder);
        let operation = Operation::Remove(document.clone(), holder.clone(), None);
        match self.submit(index, owner, operation, encoded) {
            Some(Operation::Remove(_, _, removed)) => Ok(removed),
            _ => Err(Lost),
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
            _ => index.remove_owner(owner),
        }
    }

    /// Submits an operation and waits until it is applied. `None` if it was not.
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
            if self.0.has_panicked() {
                return None;
            }
            apply(&self.0, index, submission);
        }
        // The publisher or the reader replies within the timeouts of the store.
        applied.recv().ok()
    }
}

/// Runs a thread of the cluster. If it panics, nothing that waits for it is answered with success.
fn run(shared: &Shared, end_server: impl Fn(), thread: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(thread)).is_err() {
        log::error!("cluster: an internal failure; the server ends");
        shared.panicked();
        end_server();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::ServerName;
    use crate::index::{Attributes, Charge};
    use crate::protocol::{Content, Date};

    fn addition(line: &str) -> Addition {
        let record = Record::parse(line).unwrap();
        let added = Date::clamped(std::time::UNIX_EPOCH);
        let attributes = Attributes { content: Content::default(), added, address: None };
        let charge = Charge::of(&record);
        Addition::new(record, charge, attributes)
    }

    #[test]
    fn changes_are_refused_when_a_thread_has_panicked() {
        let store = "redis://127.0.0.1".parse().unwrap();
        let name = ServerName::unique("test");
        let cluster = Cluster::new(Settings { store, password: None, name, advertise: None });
        let (index, owner) = (Index::default(), Owner(1));
        let has_ended = std::sync::atomic::AtomicBool::new(false);
        let end_server = || has_ended.store(true, std::sync::atomic::Ordering::SeqCst);
        thread::scope(|scope| {
            let shared = &cluster.0;
            scope.spawn(|| {
                run(shared, end_server, || {
                    // The changes are dropped by the panic.
                    let work = shared.queue.take(Instant::now() + Duration::from_secs(20));
                    assert_eq!(work.len(), 0, "a test panics");
                });
            });
            let mut additions = vec![addition("RFC 1 T h 1")];
            assert_eq!(cluster.add_all(&index, owner, &mut additions), Err(Lost));
        });
        assert!(has_ended.into_inner() && cluster.has_panicked() && cluster.has_read());
        assert_eq!(cluster.add_all(&index, owner, &mut vec![addition("RFC 2 T h 1")]), Err(Lost));
        assert!(index.is_empty());
        // The records of a connection that ends are removed.
        let mut additions = [addition("RFC 3 T h 1")];
        index.add_all(owner, &mut additions);
        let Record { document, holder, .. } = Record::parse("RFC 3 T h 1").unwrap();
        assert_eq!(cluster.remove(&index, owner, &document, &holder), Err(Lost));
        assert_eq!(cluster.remove_owner(&index, owner), 1);
        assert!(index.is_empty());
    }
}
