//! Announces what a peer shares, with a few threads.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::key::Key;
use super::node::{DhtError, Node};
use super::schedule::{Next, Schedule};
use crate::error_chain::error_chain;
use crate::limits;

/// Announces keys until it is dropped.
#[derive(Debug)]
pub struct Announcer {
    shared: Arc<Shared>,
}

/// What an announcer has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Announced {
    /// The keys that are announced now.
    pub keys: usize,
    /// Those that nodes have stored.
    pub stored: usize,
    /// Announcements that were stored.
    pub succeeded: u64,
    /// Announcements that have failed.
    pub failed: u64,
}

#[derive(Debug)]
struct Shared {
    node: Arc<Node>,
    port: u16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    schedule: Schedule,
    is_ended: bool,
    /// How often bootstrap nodes had been started again when the keys were scheduled.
    restarts: u64,
    succeeded: u64,
    failed: u64,
}

impl Announcer {
    /// Announces an upload server on this port.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(node: Arc<Node>, port: u16, limits: limits::Dht) -> io::Result<Self> {
        let schedule = Schedule::new(limits);
        let restarts = node.bootstrap_restarts();
        let state = State { schedule, is_ended: false, restarts, succeeded: 0, failed: 0 };
        let shared =
            Arc::new(Shared { node, port, state: Mutex::new(state), changed: Condvar::new() });
        // The threads are not waited for: an announcement takes seconds.
        let announcer = Self { shared };
        for _ in 0..limits::DHT_ANNOUNCING {
            let shared = Arc::clone(&announcer.shared);
            thread::Builder::new()
                .name("dht-announce".into())
                .stack_size(limits::THREAD_STACK)
                .spawn(move || shared.run())?;
        }
        Ok(announcer)
    }

    /// Announces these keys from now on, and no others.
    pub fn set(&self, keys: &BTreeSet<Key>) {
        self.shared.state().schedule.set(keys, Instant::now());
        self.shared.changed.notify_all();
    }

    /// What it has done.
    pub fn announced(&self) -> Announced {
        let state = self.shared.state();
        let (keys, stored) = state.schedule.counts();
        Announced { keys, stored, succeeded: state.succeeded, failed: state.failed }
    }

    /// Waits until this number of keys is stored, or until this time. Returns what it has done.
    pub fn wait_for(&self, stored: usize, until: Instant) -> Announced {
        let mut state = self.shared.state();
        while state.schedule.counts().1 < stored {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.wait(state, left);
        }
        drop(state);
        self.announced()
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.shared.state().is_ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic leaves at most a key that is never due again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn run(&self) {
        while let Some(key) = self.next() {
            let announced = self.node.announce(key, self.port);
            if let Err(error @ (DhtError::NotStored | DhtError::Failed)) = &announced {
                log::debug!("a key was not announced: {}", error_chain(error));
            }
            let mut state = self.state();
            let count = match announced {
                Ok(()) => &mut state.succeeded,
                Err(_) => &mut state.failed,
            };
            *count = count.saturating_add(1);
            state.schedule.done(key, announced.is_ok(), Instant::now());
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits for a key that is due; `None` at the end.
    fn next(&self) -> Option<Key> {
        let mut state = self.state();
        loop {
            if state.is_ended {
                return None;
            }
            let now = Instant::now();
            let restarts = self.node.bootstrap_restarts();
            if std::mem::replace(&mut state.restarts, restarts) != restarts {
                state.schedule.repeat(now);
            }
            let time = match state.schedule.take(now) {
                Next::Announce(key) => return Some(key),
                Next::At(due) => due.saturating_duration_since(now),
                // A change of the keys ends the pause.
                Next::Nothing => limits::DHT_LIBRARY,
            };
            state = self.wait(state, time.min(limits::DHT_LIBRARY));
        }
    }
}
