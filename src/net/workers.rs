//! Threads that have served a connection and wait a moment for the next one.
//!
//! A connection has a thread of its own as long as it lives. But a document of a few kilobytes is
//! sent in less time than a thread takes to begin and end, and its neighbours are fetched over
//! connections of their own.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many threads wait at most.
const WAITING: usize = 32;

/// Where connections and threads meet.
#[derive(Debug)]
pub(super) struct Workers<C> {
    state: Mutex<State<C>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<C> {
    waiting: usize,
    /// One for each thread that will wake up for it.
    connections: VecDeque<C>,
    is_closed: bool,
}

impl<C> Workers<C> {
    pub(super) fn new() -> Self {
        let state = State { waiting: 0, connections: VecDeque::new(), is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Gives a connection to a thread that waits; gives it back if there is none.
    pub(super) fn hand_over(&self, connection: C) -> Result<(), C> {
        let mut state = self.lock();
        if state.waiting <= state.connections.len() {
            return Err(connection);
        }
        state.connections.push_back(connection);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next connection; nothing if there is none in this time.
    pub(super) fn next(&self, patience: Duration) -> Option<C> {
        let mut state = self.lock();
        if state.is_closed || state.waiting >= WAITING {
            return None;
        }
        state.waiting += 1;
        let is_idle = |state: &mut State<C>| state.connections.is_empty() && !state.is_closed;
        let waited = self.changed.wait_timeout_while(state, patience, is_idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.connections.pop_front()
    }

    /// Ends the waiting.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        // Each change is an assignment, or one push or pop: a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn a_connection_goes_to_who_waits_or_comes_back() {
        const LONG: Duration = Duration::from_secs(60);
        let workers = Arc::new(Workers::new());
        assert_eq!(workers.hand_over(1), Err(1));
        let waiting = thread::spawn({
            let workers = Arc::clone(&workers);
            move || (workers.next(LONG), workers.next(LONG))
        });
        while workers.hand_over(2).is_err() {
            thread::yield_now();
        }
        workers.close();
        assert_eq!(waiting.join().unwrap(), (Some(2), None));
        assert_eq!((workers.next(LONG), workers.hand_over(3)), (None, Err(3)));
    }
}
