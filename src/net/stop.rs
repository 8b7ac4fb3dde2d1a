//! Ending an accept loop and its connections.
//!
//! Blocking calls do not check flags. So stopping acts on the sockets: open connections are shut down
//! for reading, which their threads see as the end of input, and each listener is woken by a
//! connection to itself.

use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::listening::Place;
use crate::limits;

/// A handle to accept loops and connections that are stopped together. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    all_closed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    draining: bool,
    drained: bool,
    listeners: Vec<Place>,
    connections: HashMap<u64, Open>,
    next_id: u64,
}

/// An open connection, and what is known of it.
#[derive(Debug)]
struct Open {
    stream: Arc<Connection>,
    address: SocketAddr,
    since: Instant,
}

/// An open connection, as operators see it.
#[derive(Clone, Copy, Debug)]
pub struct OpenConnection {
    /// Its number, which no other connection of the service has.
    pub number: u64,
    /// The address of the other side.
    pub address: SocketAddr,
    /// When it was accepted.
    pub since: Instant,
}

impl Stop {
    /// A handle without listeners or connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether [`Stop::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Ends the accept loops, lets connections finish their writes, and closes connections that take
    /// longer than a second. Returns when all connections are served or closed.
    pub fn stop(&self) {
        self.stop_within(limits::STOP_GRACE);
    }

    /// The same, with another time than a second.
    pub fn stop_within(&self, grace: Duration) {
        let listeners = {
            let mut state = self.lock();
            state.stopping = true;
            state.shut_down(Shutdown::Read);
            std::mem::take(&mut state.listeners)
        };
        listeners.iter().for_each(Place::wake);
        let waited = self
            .0
            .all_closed
            .wait_timeout_while(self.lock(), grace, |state| !state.connections.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.shut_down(Shutdown::Both);
    }

    /// Closes the open connections from these addresses, and returns their number.
    pub fn close_from(&self, is_closed: impl Fn(IpAddr) -> bool) -> usize {
        self.close(|open| is_closed(open.address.ip()))
    }

    /// The same for any choice of connections.
    pub fn close(&self, is_closed: impl Fn(&OpenConnection) -> bool) -> usize {
        let state = self.lock();
        let closed =
            state.connections.iter().filter(|(number, open)| is_closed(&open.of(**number)));
        // It may be closed already.
        closed.inspect(|(_, open)| drop(open.stream.shutdown(Shutdown::Both))).count()
    }

    /// The open connections, in any order.
    pub fn open(&self) -> Vec<OpenConnection> {
        self.lock().connections.iter().map(|(number, open)| open.of(*number)).collect()
    }

    /// From now on new connections are refused, and those that are open are served. `false` if that was so
    /// before.
    pub fn drain(&self) -> bool {
        let mut state = self.lock();
        !std::mem::replace(&mut state.draining, true) && !state.stopping
    }

    /// Whether [`Stop::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.lock().draining
    }

    /// Waits until no connection is open, for a limited time. Then draining is over.
    pub fn wait_until_drained(&self, time: Duration) {
        let is_open = |state: &mut State| !state.connections.is_empty();
        let waited = self.0.all_closed.wait_timeout_while(self.lock(), time, is_open);
        waited.unwrap_or_else(PoisonError::into_inner).0.drained = true;
    }

    /// Whether draining is over, which ends the program.
    pub fn is_drained(&self) -> bool {
        self.lock().drained
    }

    /// Registers a listener that has to be woken.
    pub(super) fn add_listener(&self, place: Place) {
        self.lock().listeners.push(place);
    }

    /// Registers an open connection until the returned value is dropped; `None` when stopping.
    pub(super) fn enter(&self, stream: Arc<Connection>, address: SocketAddr) -> Option<Entered> {
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.connections.insert(id, Open { stream, address, since: Instant::now() });
        Some(Entered { stop: self.clone(), id })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one insertion, removal or assignment: a poisoned state is still whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn of(&self, number: u64) -> OpenConnection {
        OpenConnection { number, address: self.address, since: self.since }
    }
}

impl State {
    fn shut_down(&self, how: Shutdown) {
        for open in self.connections.values() {
            // It may be closed already.
            let _ = open.stream.shutdown(how);
        }
    }
}

/// A connection that [`Stop`] knows.
#[derive(Debug)]
pub(super) struct Entered {
    stop: Stop,
    pub(super) id: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut state = self.stop.lock();
        state.connections.remove(&self.id);
        if (state.stopping || state.draining) && state.connections.is_empty() {
            self.stop.0.all_closed.notify_all();
        }
    }
}
