//! The state that the threads of a registration share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::event::Event;
use super::ledger::Ledger;
use super::own_end::OwnEnd;
use super::registrant::Registrant;
use super::state::State;
use super::turn::Turn;
use crate::discovery::{Clusters, IndexConnection, IndexDialect, IndexError, KnownServer, Link};
use crate::library::SharedLibrary;
use crate::limits;
use crate::net::{AddressPolicy, Cancel, Dialer, Interface, Provenance};
use crate::protocol::{ClusterId, Endpoint, Host, Port};

pub(super) struct Shared {
    pub(super) index: Endpoint,
    /// Where its name was learned from.
    pub(super) provenance: Provenance,
    /// The cluster to which it has to belong, if it was named as a server of one.
    pub(super) expected: Option<ClusterId>,
    /// The number of the registration of this program.
    pub(super) number: usize,
    pub(super) clusters: Arc<Clusters>,
    pub(super) host: Option<Host>,
    pub(super) port: Port,
    interface: Interface,
    pub(super) dialer: Dialer,
    pub(super) library: SharedLibrary,
    state: Mutex<State>,
    pub(super) changed: Condvar,
    /// Cancels connecting when the registration is closed.
    pub(super) cancel: Cancel,
    /// Whether everything was registered once, even if the connection is gone by now.
    pub(super) was_registered: AtomicBool,
    /// Held by the thread that waits for replies, so that the replies to two threads do not mix.
    pub(super) turn: Turn,
    pub(super) dialect: Arc<IndexDialect>,
    pub(super) limits: limits::Registration,
    ledger: Mutex<Ledger>,
    pub(super) report: Arc<dyn Fn(Event) + Send + Sync>,
    /// Whether the index has shown that it reads pipelined requests.
    pub(super) reads_pipelines: AtomicBool,
    /// Whether the index was asked on the present connection which extensions it knows. It is not
    /// asked while there is nothing to register.
    pub(super) was_asked: AtomicBool,
    /// Whether the index was asked on the present connection for its cluster. It is not asked before it has shown an
    /// extension.
    pub(super) was_asked_for_cluster: AtomicBool,
    /// Whether the present connection was closed here, to register everything on a new one.
    pub(super) rejoins: AtomicBool,
    /// Whether a connection was replaced because more than a reply came after an accepted ADD.
    pub(super) has_replaced: AtomicBool,
}

/// Why a connection has ended.
pub(super) enum Ended {
    /// The registration is closed.
    Closed,
    /// Another connection is made, without a pause.
    Planned,
    Lost,
}

impl Shared {
    pub(super) fn new(
        registrant: Registrant,
        index: Endpoint,
        own: OwnEnd,
        library: SharedLibrary,
        dialect: IndexDialect,
        limits: limits::Registration,
        report: Arc<dyn Fn(Event) + Send + Sync>,
    ) -> Self {
        let Registrant { clusters, number } = registrant;
        let OwnEnd { host, port, interface } = own;
        let connecting = dialect.limits().connecting;
        Self {
            index,
            provenance: Provenance::User,
            expected: None,
            number,
            clusters,
            host,
            port,
            dialer: Dialer::on(interface.clone(), AddressPolicy::default(), connecting),
            interface,
            library,
            state: Mutex::new(State::Connecting),
            changed: Condvar::new(),
            cancel: Cancel::new(),
            was_registered: AtomicBool::new(false),
            turn: Turn::default(),
            dialect: Arc::new(dialect),
            limits,
            ledger: Mutex::new(Ledger::new(limits)),
            report,
            reads_pipelines: AtomicBool::new(false),
            was_asked: AtomicBool::new(false),
            was_asked_for_cluster: AtomicBool::new(false),
            rejoins: AtomicBool::new(false),
            has_replaced: AtomicBool::new(false),
        }
    }

    /// The same registration with another server. It shares what cancels this one.
    pub(super) fn successor(&self, server: KnownServer, expected: Option<ClusterId>) -> Self {
        let KnownServer { endpoint, provenance, dialect } = server;
        let connecting = dialect.limits().connecting;
        Self {
            index: endpoint,
            provenance,
            expected,
            number: self.number,
            clusters: Arc::clone(&self.clusters),
            host: self.host.clone(),
            port: self.port,
            dialer: Dialer::on(self.interface.clone(), AddressPolicy::default(), connecting),
            interface: self.interface.clone(),
            library: self.library.clone(),
            state: Mutex::new(State::Connecting),
            changed: Condvar::new(),
            cancel: self.cancel.clone(),
            was_registered: AtomicBool::new(self.was_registered.load(Ordering::Acquire)),
            turn: Turn::default(),
            dialect,
            limits: self.limits,
            ledger: Mutex::new(Ledger::new(self.limits)),
            report: Arc::clone(&self.report),
            reads_pipelines: AtomicBool::new(false),
            was_asked: AtomicBool::new(false),
            was_asked_for_cluster: AtomicBool::new(false),
            rejoins: AtomicBool::new(false),
            has_replaced: AtomicBool::new(false),
        }
    }

    /// Queries to the index, on connections of their own.
    pub(super) fn queries(&self) -> IndexConnection {
        let Self { index, host, port, interface, dialect, .. } = self;
        // The host name is found out once, when documents are registered.
        let found = || self.own().map(|own| own.host);
        let host = host.clone().or_else(found);
        IndexConnection::new(index.clone(), host, Some(*port), Arc::clone(dialect))
            .on(interface.clone())
            .named_by(self.provenance)
    }

    /// The endpoint that this peer names to the index; `None` while it is not connected.
    pub(super) fn own(&self) -> Option<Endpoint> {
        self.lock().link().map(|link| link.own.clone())
    }

    /// The connection, once everything is registered on it.
    pub(super) fn link(&self, cancel: &Cancel) -> Result<Arc<Link>, IndexError> {
        let mut state = self.lock();
        while let State::Connecting | State::Joining(_) = *state {
            if cancel.is_cancelled() {
                return Err(self.cancelled());
            }
            let waited = self.changed.wait_timeout(state, limits::INTERRUPT_POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match &*state {
            State::Registered(link, _) => Ok(Arc::clone(link)),
            State::Away(reason) => Err(IndexError::Away(Arc::clone(reason))),
            State::Connecting | State::Joining(_) | State::Closing => Err(IndexError::Leaving),
        }
    }

    pub(super) fn cancelled(&self) -> IndexError {
        IndexError::Cancelled { index: self.index.clone() }
    }

    /// Registers everything on a new connection, without a pause, after the replies that other threads
    /// wait for. Nothing is done if another thread has replaced the connection meanwhile, or if it was
    /// lost.
    pub(super) fn rejoin(&self, cancel: &Cancel) -> Result<(), IndexError> {
        let link = self.link(cancel)?;
        let _turn = self.turn.take(cancel).ok_or_else(|| self.cancelled())?;
        self.replace(&link);
        Ok(())
    }

    /// Closes a connection so that another one is made, if it is still the present one.
    fn replace(&self, link: &Arc<Link>) {
        let mut state = self.lock();
        // A server that answers one request on a connection keeps its records without one.
        let is_replaced = matches!(&*state, State::Registered(here, _) if Arc::ptr_eq(here, link))
            && !self.dialect.answers_one_request();
        if is_replaced {
            self.rejoins.store(true, Ordering::Release);
            *state = State::Connecting;
            self.changed.notify_all();
            drop(state);
            link.close();
        }
    }

    /// Records that the connection has ended. This is one step, because another thread may plan a
    /// new connection at this moment.
    pub(super) fn end_connection(&self, error: &Arc<IndexError>) -> Ended {
        let mut state = self.lock();
        if matches!(*state, State::Closing) {
            return Ended::Closed;
        }
        let is_planned = self.rejoins.swap(false, Ordering::AcqRel);
        *state = if is_planned { State::Connecting } else { State::Away(Arc::clone(error)) };
        self.changed.notify_all();
        if is_planned { Ended::Planned } else { Ended::Lost }
    }

    /// Gives the registration up, because it is made with another server. Threads that wait get an error.
    pub(super) fn retire(&self) {
        *self.lock() = State::Closing;
        self.changed.notify_all();
    }

    /// Closes the connection for good.
    pub(super) fn close(&self) {
        self.cancel.cancel();
        let before = std::mem::replace(&mut *self.lock(), State::Closing);
        self.changed.notify_all();
        if let Some(link) = before.link() {
            link.close();
        }
    }

    pub(super) fn is_registered(&self) -> bool {
        matches!(*self.lock(), State::Registered(..))
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(*self.lock(), State::Closing)
    }

    /// Changes the state, unless the registration is closed: then `false`.
    pub(super) fn advance(&self, next: State) -> bool {
        let mut state = self.lock();
        if matches!(*state, State::Closing) {
            return false;
        }
        *state = next;
        self.changed.notify_all();
        true
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment: a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_ledger(&self) -> MutexGuard<'_, Ledger> {
        // Each change is one insertion or removal.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("index", &self.index).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
