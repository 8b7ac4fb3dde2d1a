//! Turns limit how many sessions do large amounts of work at the same time (protocol.md section 7).
//!
//! Small requests need no turn. Sessions that list, search or look up many records do so in turns,
//! of which few are given at the same time, in the order of the requests for turns. So few of these
//! threads are runnable, and a small request that arrives meanwhile waits for one or two of them
//! instead of for all.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Gives turns to threads.
#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Turns that are available.
    free: usize,
    waiting: VecDeque<Arc<Waiting>>,
}

/// A thread that waits for its turn.
#[derive(Debug)]
struct Waiting {
    thread: Thread,
    has_turn: AtomicBool,
}

/// The turn of a thread. Dropping it passes it to the thread that has waited longest.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Default for Turns {
    /// A turn for every two processors, at least one: the other side of a connection is often on
    /// the same machine, and small requests need a processor, too.
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with(processors / 2)
    }
}

impl Turns {
    fn with(most: usize) -> Self {
        Self { state: Mutex::new(State { free: most.max(1), waiting: VecDeque::new() }) }
    }

    /// Waits for a turn.
    pub(super) fn take(&self) -> Turn<'_> {
        let mut state = self.lock();
        if let Some(free) = state.free.checked_sub(1) {
            state.free = free;
            return Turn(self);
        }
        let waiting =
            Arc::new(Waiting { thread: thread::current(), has_turn: AtomicBool::new(false) });
        state.waiting.push_back(Arc::clone(&waiting));
        drop(state);
        while !waiting.has_turn.load(Ordering::Acquire) {
            thread::park();
        }
        Turn(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is complete before the lock is released.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let Some(next) = state.waiting.pop_front() else {
            state.free += 1;
            return;
        };
        drop(state);
        next.has_turn.store(true, Ordering::Release);
        next.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn no_more_threads_have_a_turn_than_there_are_and_all_get_one() {
        const THREADS: usize = 16;
        const TURNS: usize = 200;
        for most in [1, 3] {
            let (turns, running, taken) =
                (Turns::with(most), AtomicUsize::new(0), AtomicUsize::new(0));
            let work = || {
                for _ in 0..TURNS {
                    let _turn = turns.take();
                    assert!(running.fetch_add(1, Ordering::SeqCst) < most);
                    thread::yield_now();
                    taken.fetch_add(1, Ordering::SeqCst);
                    running.fetch_sub(1, Ordering::SeqCst);
                }
            };
            thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
            assert_eq!(taken.load(Ordering::SeqCst), THREADS * TURNS);
            assert_eq!(turns.lock().free, most);
        }
    }

    #[test]
    fn a_panic_gives_the_turn_back() {
        let turns = Turns::with(1);
        let panicking = || {
            let _turn = turns.take();
            std::panic::resume_unwind(Box::new("a session that fails"));
        };
        thread::scope(|scope| assert!(scope.spawn(panicking).join().is_err()));
        drop(turns.take());
    }
}
