//! The threads that wait for the connections of one listener.
//!
//! Each open connection has a thread. Sending a document of a few kilobytes takes less time than
//! starting and ending a thread, and passing a connection to another thread wakes two threads instead
//! of one. So a thread that has served a connection accepts the next one itself, if it arrives soon.
//! The listener's own thread accepts when no other thread does.

use std::io;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::Stop;
use super::listening::{Accepted, Listening, Place};
use crate::{limits, system};

/// The largest number of threads that wait.
const WAITING: usize = 16;
/// Time for which a thread waits for the next connection. Where the system does not end the
/// wait, each thread serves one connection.
const WAIT_FOR_NEXT: Duration = Duration::from_millis(500);

/// The result of waiting.
enum Next {
    Connection(Accepted, SocketAddr),
    /// No connection has arrived.
    Timeout,
    Stop,
}

/// A listener, and the threads that wait for its connections.
#[derive(Debug)]
pub(super) struct Acceptors<'a> {
    listener: Listening<'a>,
    place: Place,
    stop: &'a Stop,
    /// How many threads are accepting.
    accepting: Mutex<usize>,
    none_accepts: Condvar,
}

impl<'a> Acceptors<'a> {
    /// No thread accepts yet.
    ///
    /// # Errors
    /// When the listener has no address, or does not take an option.
    pub(super) fn new(listener: impl Into<Listening<'a>>, stop: &'a Stop) -> io::Result<Self> {
        let listener = listener.into();
        let place = listener.place()?;
        if system::ACCEPT_TIMES_OUT {
            listener.set_accept_timeout(WAIT_FOR_NEXT)?;
        }
        stop.add_listener(place.clone());
        let (accepting, none_accepts) = (Mutex::default(), Condvar::new());
        Ok(Self { listener, place, stop, accepting, none_accepts })
    }

    /// Accepts when no other thread does: for the listener's own thread. `None` when stopping.
    pub(super) fn accept_first(&self) -> Option<(Accepted, SocketAddr)> {
        loop {
            let waited = self.none_accepts.wait_while(self.lock(), |accepting| *accepting > 0);
            match self.accept(waited.unwrap_or_else(PoisonError::into_inner)) {
                Next::Connection(stream, address) => return Some((stream, address)),
                Next::Timeout => {}
                Next::Stop => return None,
            }
        }
    }

    /// Accepts the next connection: for a thread that has served one. `None` when none arrives soon,
    /// enough other threads wait, or when stopping.
    pub(super) fn accept_next(&self) -> Option<(Accepted, SocketAddr)> {
        let accepting = self.lock();
        if !system::ACCEPT_TIMES_OUT || *accepting >= WAITING {
            return None;
        }
        match self.accept(accepting) {
            Next::Connection(stream, address) => Some((stream, address)),
            Next::Timeout | Next::Stop => None,
        }
    }

    fn accept(&self, mut accepting: MutexGuard<'_, usize>) -> Next {
        // The stopping thread wakes one of the threads that are counted, and each of these wakes the
        // next one.
        if self.stop.is_stopping() {
            return Next::Stop;
        }
        *accepting += 1;
        drop(accepting);
        let next = self.accept_patiently();
        let mut accepting = self.lock();
        *accepting -= 1;
        let others = *accepting;
        drop(accepting);
        if others == 0 {
            self.none_accepts.notify_one();
        }
        if self.stop.is_stopping() {
            if others > 0 {
                self.place.wake();
            }
            return Next::Stop;
        }
        next
    }

    /// Accepts, and retries after failures.
    fn accept_patiently(&self) -> Next {
        let mut pause = limits::ACCEPT_PAUSE;
        loop {
            match self.listener.accept() {
                Ok((stream, address)) => return Next::Connection(stream, address),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Next::Timeout,
                // Out of descriptors or memory, or the connection was closed before it was accepted:
                // the next attempt may succeed.
                Err(error) => {
                    log::warn!("cannot accept a connection: {error}; next try in {pause:?}");
                    thread::sleep(pause);
                    pause = (pause * 2).min(limits::ACCEPT_PAUSE_MAX);
                }
            }
            if self.stop.is_stopping() {
                return Next::Stop;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        // Each change is an addition: a poisoned count is still right.
        self.accepting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn all_waiting_threads_end_when_it_is_stopped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stop = Stop::new();
        let acceptors = Acceptors::new(&listener, &stop).unwrap();
        thread::scope(|scope| {
            let wait = || {
                while !stop.is_stopping() {
                    assert!(acceptors.accept_next().is_none());
                }
            };
            let first = scope.spawn(|| acceptors.accept_first().is_some());
            (0..WAITING).for_each(|_| drop(scope.spawn(wait)));
            while *acceptors.lock() < WAITING {
                thread::yield_now();
            }
            stop.stop();
            assert!(!first.join().unwrap());
        });
        assert_eq!(*acceptors.lock(), 0);
    }

    #[test]
    fn a_thread_without_a_connection_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stop = Stop::new();
        let acceptors = Acceptors::new(&listener, &stop).unwrap();
        assert!(acceptors.accept_next().is_none());
        assert_eq!(*acceptors.lock(), 0);
    }

    #[test]
    fn the_listeners_own_thread_accepts_alone_and_with_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stop = Stop::new();
        let acceptors = Acceptors::new(&listener, &stop).unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        thread::scope(|scope| {
            let first = scope.spawn(|| acceptors.accept_first().is_some());
            let next = scope.spawn(|| while acceptors.accept_next().is_none() {});
            let connections = (connect(), connect());
            assert!(first.join().unwrap());
            next.join().unwrap();
            drop(connections);
        });
    }
}
