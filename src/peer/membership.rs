//! Staying a member: one connection to the index, on which everything is registered.
//!
//! A thread of its own connects, adds all documents, and then reads: replies for whoever asks, and
//! the end of the connection the moment that it comes. After the end it connects again, with
//! pauses that grow, and adds everything anew: to the index a peer without its connection has
//! nothing.

mod announcer;
mod announcing;
mod asking;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use announcer::Announcer;
use asking::Asker;

use super::index_connection::{Link, Replies};
use super::index_error::IndexError;
use super::query::Extensions;
use crate::error_chain::error_chain;
use crate::library::SharedLibrary;
use crate::limits;
use crate::protocol::{Document, Endpoint, Host, Port, Refusal};

/// What a member's program may want to tell people.
#[derive(Debug)]
pub enum Event {
    /// The index has acknowledged so many documents.
    Registered(usize),
    /// It did not take this document, and so many others.
    Refused {
        /// The first one.
        document: Document,
        /// What it answered to that.
        refusal: Refusal,
        /// How many more it did not take.
        others: usize,
    },
    /// The connection is gone, or could not be made; the next attempt is after this pause.
    Away(IndexError, Duration),
}

/// A peer's membership at an index. It ends when it is dropped.
#[derive(Debug)]
pub struct Membership {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    index: Endpoint,
    host: Option<Host>,
    port: Port,
    library: SharedLibrary,
    state: Mutex<State>,
    changed: Condvar,
    /// Whether everything was registered once, even if the index is gone by now.
    joined: AtomicBool,
    /// Held by who asks, so that one request is outstanding at a time.
    turn: Mutex<()>,
    extensions: Extensions,
    /// Whether the index has shown that it takes requests in pipelines.
    reads_pipelines: AtomicBool,
}

#[derive(Debug)]
enum State {
    Connecting,
    /// Connected, and adding documents.
    Joining(Arc<Link>),
    /// Everything is registered; perhaps somebody waits for a reply.
    Here(Arc<Link>, Option<Asker>),
    Away(String),
    Leaving,
}

impl Membership {
    /// Starts the thread that joins the index and stays. `host` is what this peer calls itself, if
    /// not what is found out.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        index: Endpoint,
        host: Option<Host>,
        port: Port,
        library: SharedLibrary,
        tell: impl Fn(Event) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            index,
            host,
            port,
            library,
            state: Mutex::new(State::Connecting),
            changed: Condvar::new(),
            joined: AtomicBool::new(false),
            turn: Mutex::default(),
            extensions: Extensions::default(),
            reads_pipelines: AtomicBool::new(false),
        });
        let member = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("index".into()).spawn(move || member.stay(&tell))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What this peer calls itself to the index; `None` while it is not connected.
    pub fn own(&self) -> Option<Endpoint> {
        match &*self.shared.lock() {
            State::Here(link, _) => Some(link.own.clone()),
            State::Joining(link) => Some(link.own.clone()),
            State::Connecting | State::Away(_) | State::Leaving => None,
        }
    }

    /// Ends the membership: whoever waits for the index gets an error.
    pub fn leave(&self) {
        match self.shared.set(State::Leaving) {
            State::Joining(link) | State::Here(link, _) => {
                // It may be closed already.
                let _ = link.stream.shutdown(Shutdown::Both);
            }
            State::Connecting | State::Away(_) | State::Leaving => {}
        }
    }

    /// Waits until everything is registered, or the index could not be reached.
    ///
    /// # Errors
    /// When the index could not be reached.
    pub fn wait(&self) -> Result<(), IndexError> {
        match self.shared.link() {
            Err(_) if self.shared.joined.load(Ordering::Acquire) => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let is_connecting = matches!(*self.shared.lock(), State::Connecting);
        self.leave();
        if is_connecting {
            // Its attempt may take five seconds, and its thread then ends by itself.
            self.thread = None;
        }
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The thread: until the membership ends.
    fn stay(&self, tell: &dyn Fn(Event)) {
        let mut pause = limits::RECONNECT;
        while let Err(error) = self.join_and_read(tell, &mut pause) {
            if !self.advance(State::Away(error_chain(&error))) {
                return;
            }
            let wait = jittered(pause);
            tell(Event::Away(error, wait));
            if !self.wait_before_joining(wait) {
                return;
            }
            pause = (pause * 2).min(limits::RECONNECT_MAX);
        }
    }

    /// Joins, and reads until the connection ends, which always is an error.
    fn join_and_read(&self, tell: &dyn Fn(Event), pause: &mut Duration) -> Result<(), IndexError> {
        let link = Arc::new(Link::connect(&self.index, self.host.as_ref(), Some(self.port))?);
        if !self.advance(State::Joining(Arc::clone(&link))) {
            return Ok(());
        }
        let mut replies = Replies::new(&link);
        let registered = self.register(&link, &mut replies, tell)?;
        self.joined.store(true, Ordering::Release);
        // Before anybody can ask: a script reads this line first.
        tell(Event::Registered(registered));
        if !self.advance(State::Here(Arc::clone(&link), None)) {
            return Ok(());
        }
        *pause = limits::RECONNECT;
        while replies.read_part(None, &mut |part, bytes| self.deliver(part, bytes))? {}
        if matches!(*self.lock(), State::Leaving) {
            return Ok(());
        }
        Err(link.lost(io::ErrorKind::ConnectionAborted.into()))
    }

    /// The connection, once everything is registered on it.
    fn link(&self) -> Result<Arc<Link>, IndexError> {
        let joined = self.changed.wait_while(self.lock(), |state| {
            matches!(state, State::Connecting | State::Joining(_))
        });
        match &*joined.unwrap_or_else(PoisonError::into_inner) {
            State::Here(link, _) => Ok(Arc::clone(link)),
            State::Away(reason) => Err(IndexError::Away(reason.clone())),
            State::Connecting | State::Joining(_) | State::Leaving => {
                Err(IndexError::Away("the membership ends".into()))
            }
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
