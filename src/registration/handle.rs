//! The handle of a registration (protocol.md section 4.6).

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use super::event::Event;
use super::ledger::Announced;
use super::own_end::OwnEnd;
use super::present::Present;
use super::registrant::Registrant;
use super::shared::Shared;
use super::state::State;
use crate::discovery::{Clusters, IndexConnection, IndexDialect, IndexError};
use crate::error_chain::error_chain;
use crate::library::SharedLibrary;
use crate::limits;
use crate::net::Cancel;
use crate::protocol::{ClusterId, Document, Endpoint};

/// Keeps a connection to an index server on which all shared documents are registered. It ends when
/// it is dropped.
///
/// A thread connects, adds all documents, and then reads: replies to requests of other threads, and
/// the end of the connection. After the end it connects again with exponential backoff, and adds
/// everything again, because an index removes the records of a closed connection. Queries use
/// connections of their own, so that a slow reader of a list does not cost the peer its registration.
#[derive(Debug)]
pub struct Registration {
    /// The index, as the user named it.
    index: Endpoint,
    present: Arc<Present>,
    thread: Option<JoinHandle<()>>,
}

impl Registration {
    /// Starts the thread that registers the library and keeps it registered. `dialect` is what is known of
    /// the index.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        index: Endpoint,
        own: OwnEnd,
        library: SharedLibrary,
        dialect: IndexDialect,
        limits: limits::Registration,
        report: impl Fn(Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let only = Registrant::default();
        Self::start_one_of(only, index, own, library, dialect, limits, report)
    }

    /// The same for one of several registrations of a program.
    ///
    /// # Errors
    /// As [`Registration::start`].
    pub fn start_one_of(
        registrant: Registrant,
        index: Endpoint,
        own: OwnEnd,
        library: SharedLibrary,
        dialect: IndexDialect,
        limits: limits::Registration,
        report: impl Fn(Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let report = Arc::new(report);
        let shared = Shared::new(registrant, index.clone(), own, library, dialect, limits, report);
        shared.clusters.precedence().begin(shared.number);
        let present = Arc::new(Present::new(shared));
        let worker = Arc::clone(&present);
        let work = move || worker.stay_registered();
        let thread = thread::Builder::new().name("index".into()).spawn(work)?;
        Ok(Self { index, present, thread: Some(thread) })
    }

    /// The registration with the present server.
    pub(super) fn shared(&self) -> Arc<Shared> {
        self.present.shared()
    }

    /// The same, once everything is registered.
    pub(super) fn registered(&self, cancel: &Cancel) -> Result<Arc<Shared>, IndexError> {
        loop {
            let shared = self.shared();
            match shared.link(cancel) {
                // It has moved to another server meanwhile.
                Err(IndexError::Leaving) if !Arc::ptr_eq(&shared, &self.shared()) => {}
                linked => return linked.map(|_| shared),
            }
        }
    }

    /// The index server with which documents are registered, or are to be.
    pub fn server(&self) -> Endpoint {
        self.shared().index.clone()
    }

    /// The cluster of that server, if it belongs to one.
    pub fn cluster(&self) -> Option<ClusterId> {
        let shared = self.shared();
        shared.clusters.held_by(shared.number).map(|(id, _)| id)
    }

    /// What the program knows of clusters.
    pub fn clusters(&self) -> Arc<Clusters> {
        Arc::clone(&self.shared().clusters)
    }

    /// Queries to the present server, on connections of their own.
    pub fn queries(&self) -> IndexConnection {
        self.shared().queries()
    }

    /// The index, as the user named it.
    pub fn index(&self) -> &Endpoint {
        &self.index
    }

    /// The endpoint that this peer names to the index; `None` while it is not connected.
    pub fn own(&self) -> Option<Endpoint> {
        self.shared().lock().link().map(|link| link.scoped(link.own.clone()))
    }

    /// Whether everything is registered.
    ///
    /// # Errors
    /// When it is not; the text says why.
    pub fn check_registered(&self) -> Result<(), String> {
        match &*self.shared().lock() {
            State::Registered(..) => Ok(()),
            State::Connecting => Err("connecting to the index".into()),
            State::Joining(_) => Err("registering documents with the index".into()),
            State::Away(error) => Err(error_chain(error)),
            State::Closing => Err("leaving the index".into()),
        }
    }

    /// The number of records that the index has accepted on the present connection.
    pub fn accepted(&self) -> usize {
        match self.own() {
            Some(_) => self.shared().lock_ledger().accepted(),
            None => 0,
        }
    }

    /// What the index has replied about each of these documents on the present connection.
    pub fn announced(&self, documents: &[&Document]) -> Vec<Announced> {
        match self.own() {
            Some(_) => {
                let shared = self.shared();
                let ledger = shared.lock_ledger();
                documents.iter().map(|document| ledger.announced(document)).collect()
            }
            None => vec![Announced::NotYet; documents.len()],
        }
    }

    /// Closes the connection for good. Threads that wait for the index get an error.
    pub fn close(&self) {
        self.present.close();
    }

    /// Is cancelled when the registration is closed.
    pub(super) fn closing(&self) -> Cancel {
        self.shared().cancel.clone()
    }

    /// Whether everything is registered, or the index could not be reached; `None` while that is not known.
    pub(super) fn outcome(&self) -> Option<Result<(), IndexError>> {
        match &*self.shared().lock() {
            State::Connecting | State::Joining(_) => None,
            State::Registered(..) => Some(Ok(())),
            State::Away(error) => Some(Err(IndexError::Away(Arc::clone(error)))),
            State::Closing => Some(Err(IndexError::Leaving)),
        }
    }

    /// Waits until everything is registered, or the index could not be reached.
    ///
    /// # Errors
    /// When the index could not be reached, or the waiting was cancelled.
    pub fn wait(&self, cancel: &Cancel) -> Result<(), IndexError> {
        match self.registered(cancel) {
            Err(_) if self.shared().was_registered.load(Ordering::Acquire) => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}
