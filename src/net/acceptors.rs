//! The threads that wait for the connections of one listener, and who of them accepts next.
//!
//! A connection has a thread of its own as long as it lives. But a document of a few kilobytes is
//! sent in less time than a thread takes to begin and end, and to hand a connection over wakes two
//! threads where one would do. So a thread that has served a connection accepts the next one
//! itself. The listener's own thread accepts when nobody else does.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Stop;
use crate::limits;

/// How many threads wait at most.
const WAITING: usize = 16;

/// A listener, and the threads that wait for its connections.
#[derive(Debug)]
pub(super) struct Acceptors<'a> {
    listener: &'a TcpListener,
    address: SocketAddr,
    stop: &'a Stop,
    /// How many threads are accepting.
    accepting: Mutex<usize>,
    nobody_accepts: Condvar,
}

impl<'a> Acceptors<'a> {
    /// Nobody accepts yet.
    ///
    /// # Errors
    /// When the listener has no address.
    pub(super) fn new(listener: &'a TcpListener, stop: &'a Stop) -> io::Result<Self> {
        let address = listener.local_addr()?;
        stop.add_listener(address);
        let (accepting, nobody_accepts) = (Mutex::default(), Condvar::new());
        Ok(Self { listener, address, stop, accepting, nobody_accepts })
    }

    /// For the listener's own thread: accepts when nobody else does. Nothing when it is to stop.
    pub(super) fn accept_first(&self) -> Option<(TcpStream, SocketAddr)> {
        let waited = self.nobody_accepts.wait_while(self.lock(), |accepting| *accepting > 0);
        self.accept(waited.unwrap_or_else(PoisonError::into_inner))
    }

    /// For a thread that has served a connection: the next one. Nothing when enough others wait for
    /// it, or it is to stop.
    pub(super) fn accept_next(&self) -> Option<(TcpStream, SocketAddr)> {
        let accepting = self.lock();
        if *accepting < WAITING { self.accept(accepting) } else { None }
    }

    fn accept(&self, mut accepting: MutexGuard<'_, usize>) -> Option<(TcpStream, SocketAddr)> {
        // Whoever stops it wakes one of those who are counted at that time, and each of them the
        // next one.
        if self.stop.is_stopping() {
            return None;
        }
        *accepting += 1;
        drop(accepting);
        let accepted = self.accept_patiently();
        let mut accepting = self.lock();
        *accepting -= 1;
        let others = *accepting;
        drop(accepting);
        if others == 0 {
            self.nobody_accepts.notify_one();
        }
        if self.stop.is_stopping() {
            if others > 0 {
                Stop::wake(self.address);
            }
            return None;
        }
        accepted
    }

    /// Accepts, however often that fails; nothing when it is to stop.
    fn accept_patiently(&self) -> Option<(TcpStream, SocketAddr)> {
        let mut pause = limits::ACCEPT_PAUSE;
        loop {
            match self.listener.accept() {
                Ok(accepted) => return Some(accepted),
                // Out of descriptors or memory, or the connection is gone before it was taken: there
                // is nothing that the next attempt could not do better.
                Err(error) => {
                    log::warn!("cannot accept a connection: {error}; next try in {pause:?}");
                    thread::sleep(pause);
                    pause = (pause * 2).min(limits::ACCEPT_PAUSE_MAX);
                }
            }
            if self.stop.is_stopping() {
                return None;
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
    use super::*;

    #[test]
    fn all_who_wait_end_when_it_is_stopped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stop = Stop::new();
        let acceptors = Acceptors::new(&listener, &stop).unwrap();
        thread::scope(|scope| {
            let next = || scope.spawn(|| acceptors.accept_next().is_some());
            let first = scope.spawn(|| acceptors.accept_first().is_some());
            let threads: Vec<_> = (0..WAITING + 3).map(|_| next()).collect();
            while *acceptors.lock() < WAITING {
                thread::yield_now();
            }
            stop.stop();
            assert!(!first.join().unwrap());
            assert!(threads.into_iter().all(|thread| !thread.join().unwrap()));
        });
        assert_eq!(*acceptors.lock(), 0);
    }

    #[test]
    fn the_listeners_own_thread_accepts_when_nobody_else_does() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stop = Stop::new();
        let acceptors = Acceptors::new(&listener, &stop).unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        thread::scope(|scope| {
            let next = scope.spawn(|| acceptors.accept_next().is_some());
            while *acceptors.lock() == 0 {
                thread::yield_now();
            }
            let first = scope.spawn(|| acceptors.accept_first().is_some());
            let one = connect();
            assert!(next.join().unwrap());
            let other = connect();
            assert!(first.join().unwrap());
            drop((one, other));
        });
    }
}
