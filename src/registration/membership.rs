//! Registration: one connection to the index, on which all shared documents are registered (protocol.md
//! section 4.6).
//!
//! A thread of its own connects, adds all documents, and then reads: replies for the threads that
//! tell the index of changes, and the end of the connection. After the end it connects again, with
//! exponential backoff, and adds everything again: to the index a peer without its connection has
//! nothing. Queries use connections of their own, so that a slow reader of a list does not cost
//! the peer its registration.

mod alone;
mod announcer;
mod announcing;
mod asking;
mod event;
mod explicit;
mod joining;
mod ledger;
mod probing;
mod registering;
mod retrying;
mod surplus;
mod turn;
mod waiting;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use announcer::Announcer;
use asking::Asker;
pub use event::Event;
use ledger::Ledger;
use turn::Turn;

use crate::discovery::IndexConnection;
use crate::discovery::IndexDialect;
use crate::discovery::IndexError;
use crate::discovery::Link;
use crate::library::SharedLibrary;
use crate::limits;
use crate::net::Cancel;
use crate::protocol::{Endpoint, Host, Port};

/// A peer's membership at an index. It ends when it is dropped.
#[derive(Debug)]
pub struct Membership {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    index: Endpoint,
    host: Option<Host>,
    port: Port,
    library: SharedLibrary,
    state: Mutex<State>,
    changed: Condvar,
    /// Cancels connecting when the membership ends.
    cancel: Cancel,
    /// Whether everything was registered once, even if the index is gone by now.
    joined: AtomicBool,
    /// Held by the thread that waits for replies, so that those of two do not mix.
    turn: Turn,
    dialect: Arc<IndexDialect>,
    ledger: Mutex<Ledger>,
    tell: Box<dyn Fn(Event) + Send + Sync>,
    /// Whether the index has shown that it takes requests in pipelines.
    reads_pipelines: AtomicBool,
    /// Whether the index was asked on the present connection which extensions it knows. It is not
    /// asked while there is nothing to register.
    was_asked: AtomicBool,
    /// Whether the present connection was closed here, to register everything on a new one.
    rejoins: AtomicBool,
    /// Whether a connection was replaced because more than a reply came after an accepted ADD.
    has_replaced: AtomicBool,
}

#[derive(Debug)]
enum State {
    Connecting,
    /// Connected, and adding documents.
    Joining(Arc<Link>),
    /// Everything is registered; perhaps somebody waits for a reply.
    Here(Arc<Link>, Option<Asker>),
    Away(Arc<IndexError>),
    Leaving,
}

/// Why a connection has ended.
enum Ended {
    /// The membership ends.
    Left,
    /// Another one is made, without a pause.
    Planned,
    Lost,
}

impl Membership {
    /// Starts the thread that registers the library and keeps it registered. `host` is the name of
    /// this peer, if not the one that is found out; `dialect` is what is known of the index.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        index: Endpoint,
        host: Option<Host>,
        port: Port,
        library: SharedLibrary,
        dialect: IndexDialect,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            index,
            host,
            port,
            library,
            state: Mutex::new(State::Connecting),
            changed: Condvar::new(),
            cancel: Cancel::new(),
            joined: AtomicBool::new(false),
            turn: Turn::default(),
            dialect: Arc::new(dialect),
            ledger: Mutex::default(),
            tell: Box::new(tell),
            reads_pipelines: AtomicBool::new(false),
            was_asked: AtomicBool::new(false),
            rejoins: AtomicBool::new(false),
            has_replaced: AtomicBool::new(false),
        });
        let member = Arc::clone(&shared);
        let thread = thread::Builder::new().name("index".into()).spawn(move || member.stay())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Queries to the same index, on connections of their own.
    pub fn queries(&self) -> IndexConnection {
        self.shared.queries()
    }

    /// The index, as the user named it.
    pub fn server(&self) -> &Endpoint {
        &self.shared.index
    }

    /// What this peer calls itself to the index; `None` while it is not connected.
    pub fn own(&self) -> Option<Endpoint> {
        match &*self.shared.lock() {
            State::Here(link, _) | State::Joining(link) => Some(link.scoped(link.own.clone())),
            State::Connecting | State::Away(_) | State::Leaving => None,
        }
    }

    /// Ends the membership: whoever waits for the index gets an error.
    pub fn leave(&self) {
        self.shared.cancel.cancel();
        match self.shared.set(State::Leaving) {
            State::Joining(link) | State::Here(link, _) => {
                link.close();
            }
            State::Connecting | State::Away(_) | State::Leaving => {}
        }
    }

    /// Is cancelled when the membership ends.
    fn ending(&self) -> Cancel {
        self.shared.cancel.clone()
    }

    /// Waits until everything is registered, or the index could not be reached.
    ///
    /// # Errors
    /// When the index could not be reached, or the waiting was cancelled.
    pub fn wait(&self, cancel: &Cancel) -> Result<(), IndexError> {
        match self.shared.link(cancel) {
            Err(_) if self.shared.joined.load(Ordering::Acquire) => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The thread: until the membership ends.
    fn stay(&self) {
        let mut pause = limits::RECONNECT;
        loop {
            let mut registered = None;
            // A panic costs the connection, and not the registration.
            let join = || self.join_and_read(&mut registered);
            let joined = catch_unwind(AssertUnwindSafe(join)).unwrap_or_else(|_| {
                let source = io::Error::other("this program failed; see the message above");
                Err(IndexError::Lost { index: self.index.clone(), source })
            });
            let Err(error) = joined else { return };
            let error = Arc::new(error);
            match self.end_connection(&error) {
                Ended::Left => return,
                Ended::Planned => continue,
                Ended::Lost => {}
            }
            // A connection that brought nothing does not count as success.
            if registered.is_some_and(|since| since.elapsed() >= limits::LASTING_CONNECTION) {
                pause = limits::RECONNECT;
            }
            let is_full = matches!(*error, IndexError::Refused { .. });
            let wait = jittered(pause);
            (self.tell)(Event::Away(error, wait));
            if !self.wait_before_joining(wait) {
                return;
            }
            let most = if is_full { limits::RECONNECT_FULL_MAX } else { limits::RECONNECT_MAX };
            pause = (pause * 2).min(most);
            self.dialect.ask_again();
        }
    }

    /// The connection has ended. In one step: a thread may plan another connection at this moment.
    fn end_connection(&self, error: &Arc<IndexError>) -> Ended {
        let mut state = self.lock();
        if matches!(*state, State::Leaving) {
            return Ended::Left;
        }
        let is_planned = self.rejoins.swap(false, Ordering::AcqRel);
        *state = if is_planned { State::Connecting } else { State::Away(Arc::clone(error)) };
        self.changed.notify_all();
        if is_planned { Ended::Planned } else { Ended::Lost }
    }

    /// The connection, once everything is registered on it.
    fn link(&self, cancel: &Cancel) -> Result<Arc<Link>, IndexError> {
        let mut joined = self.lock();
        while let State::Connecting | State::Joining(_) = *joined {
            if cancel.is_cancelled() {
                return Err(self.cancelled());
            }
            let waited = self.changed.wait_timeout(joined, limits::INTERRUPT_POLL);
            joined = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match &*joined {
            State::Here(link, _) => Ok(Arc::clone(link)),
            State::Away(reason) => Err(IndexError::Away(Arc::clone(reason))),
            State::Connecting | State::Joining(_) | State::Leaving => Err(IndexError::Leaving),
        }
    }

    /// Waits before the next attempt; `false` if the membership ends meanwhile.
    fn wait_before_joining(&self, pause: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), pause, |state| !matches!(state, State::Leaving));
        drop(waited);
        self.advance(State::Connecting)
    }

    fn is_leaving(&self) -> bool {
        matches!(*self.lock(), State::Leaving)
    }

    /// Changes the state, unless the membership ends: then `false`.
    fn advance(&self, next: State) -> bool {
        let mut state = self.lock();
        if matches!(*state, State::Leaving) {
            return false;
        }
        *state = next;
        self.changed.notify_all();
        true
    }

    /// Changes the state and returns the one before.
    fn set(&self, next: State) -> State {
        let before = std::mem::replace(&mut *self.lock(), next);
        self.changed.notify_all();
        before
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment: a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up to a quarter more or less: peers that lost the same index do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    pause * 3 / 4 + pause * u32::try_from(random).unwrap_or(0) / 1024
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("index", &self.index).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
