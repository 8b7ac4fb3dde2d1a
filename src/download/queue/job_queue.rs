//! The queue of downloads: untried ones first, then those that were tried before (protocol.md section
//! 7). Of both, those of the party are first that has used the least time of workers.
//!
//! A worker takes several downloads of one holder together, which are requested ahead. If one of them
//! takes long, the others are returned to the queue.

mod state;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cancelling::end_cancelled;
use super::events::DownloadJob;
use super::lines::Lines;
use super::running::{Running, Slow, Waiting, make_yield};
use super::task::Task;
use super::usage::User;
use crate::download::dialing::HostNames;
use crate::download::model::Source;
use crate::library::PartFiles;
use crate::limits;
use state::State;

/// Time after which a worker that waits for the tasks of others checks for changes.
const RECHECK: Duration = Duration::from_secs(3);

/// Where a task that has found the disk full finds space.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Space {
    /// Its own part file takes most: it is given up.
    Own,
    /// Another task is given up.
    OfAnother,
    /// No part file takes much: the disk is full without them.
    None,
}

/// All downloads that have not ended.
#[derive(Debug)]
pub(super) struct JobQueue {
    state: Mutex<State>,
    changed: Condvar,
    workers: usize,
}

impl JobQueue {
    pub(super) fn new(
        jobs: Vec<DownloadJob>,
        parts: &PartFiles,
        workers: usize,
        names: &Arc<HostNames>,
        limits: &Arc<limits::Downloads>,
    ) -> Self {
        let mut untried = Lines::default();
        for job in jobs {
            let is_new = !parts.has(&job.target);
            untried.push(Task::new(job, is_new, limits), names);
        }
        let state = State::new(untried, workers, names, limits);
        Self { state: Mutex::new(state), changed: Condvar::new(), workers }
    }

    /// Takes the next task that is due, with further tasks of the same holder, at most `most` in all.
    /// The worker begins them one by one ([`JobQueue::begin`]). Returns `None` if no task is left, and
    /// no worker can put one back. Calls `idle` before it waits.
    pub(super) fn take(&self, worker: usize, most: usize, idle: &mut dyn FnMut()) -> Option<()> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.usage.set_user(worker, None, now);
            if state.is_over || !state.is_anything_left() {
                return None;
            }
            let most = most.min(1 + state.untried.len() / self.workers.max(1));
            if state.take(worker, most, now) {
                return Some(());
            }
            idle();
            let soonest = state.later.keys().next().map(|(due, _)| *due);
            let pause = soonest.map_or(RECHECK, |due| due.saturating_duration_since(now));
            let waited = self.changed.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Calls `show` for each task that a worker has taken and not begun.
    pub(super) fn taken<T>(&self, worker: usize, show: impl Fn(&Task) -> T) -> Vec<T> {
        self.lock().taken.get(worker).into_iter().flatten().map(show).collect()
    }

    /// Begins the next of the tasks that a worker has taken. `running` returns its handle.
    pub(super) fn begin(
        &self,
        worker: usize,
        running: impl FnOnce(&Task) -> Running,
    ) -> Option<Task> {
        let mut state = self.lock();
        if state.is_over {
            return None;
        }
        let task = state.taken.get_mut(worker)?.pop_front()?;
        // The last one may have been received from another holder.
        if let Some(line) = state.lines.get(worker).cloned() {
            state.usage.set_user(worker, line, Instant::now());
        }
        if let Some(place) = state.running.get_mut(worker) {
            *place = Some(running(&task));
        }
        Some(task)
    }

    /// Notes that the task that a worker is running is received from this holder, whose time counts from
    /// now on.
    pub(super) fn receives_from(&self, worker: usize, source: &Source) {
        let mut state = self.lock();
        let user = User::of(Some(source), &state.names);
        state.usage.set_user(worker, Some(user), Instant::now());
    }

    /// Whether the task that a worker is running has to yield.
    pub(super) fn must_yield(&self, worker: usize) -> bool {
        let state = self.lock();
        let running = state.running.get(worker).and_then(Option::as_ref);
        !state.is_over && running.is_some_and(|running| running.must_yield)
    }

    /// Ends a task: its document is complete (`is_done`), or it is given up.
    pub(super) fn finish(&self, worker: usize, is_done: bool) {
        let mut state = self.lock();
        if !is_done {
            state.note_failed(worker);
        }
        state.stop_running(worker);
        let is_last = !state.is_anything_left();
        drop(state);
        // Other workers may wait for a task that is put back.
        if is_last {
            self.changed.notify_all();
        }
    }

    /// Puts a task back, which is retried when it is due.
    pub(super) fn put_back(&self, worker: usize, mut task: Task) {
        let mut state = self.lock();
        task.is_new = false;
        state.put_back += 1;
        let key = (task.due, state.put_back);
        state.later.insert(key, task);
        state.note_failed(worker);
        state.stop_running(worker);
        drop(state);
        self.changed.notify_all();
    }

    /// Whether there are downloads that were never tried, and that no worker has taken.
    pub(super) fn has_untried(&self) -> bool {
        !self.lock().untried.is_empty()
    }

    /// Makes slow tasks yield to those that wait. Called periodically.
    pub(super) fn supervise(&self, slow: Slow) {
        let now = Instant::now();
        let mut state = self.lock();
        let returned = state.return_taken(now);
        let State { running, later, .. } = &mut *state;
        let has_cancelled = end_cancelled(running, later, now);
        state.run_again(now);
        let next = state.waiting_parties(now);
        let newcomers = next.as_ref().is_some_and(|(next, _)| next.is_newcomer);
        let untried = !state.untried.is_empty();
        let waiting = Waiting { untried, newcomers, any: untried || !state.tried.is_empty() };
        if let Some((_, least)) = &next {
            state.end_excess(*least, slow, now);
        }
        let State { running, turns, usage, .. } = &mut *state;
        make_yield(running, waiting, slow, now);
        if let Some((next, _)) = &next {
            turns.end_downloads(running, usage, next, slow, now);
        }
        drop(state);
        if returned || has_cancelled {
            self.changed.notify_all();
        }
    }

    /// Ends all downloads.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        state.running.iter().flatten().for_each(|running| running.cancel.cancel());
        drop(state);
        self.changed.notify_all();
    }

    /// Decides what a task does that has found the disk full. The one that has received most yields its space, of those
    /// whose digests the user does not trust: its part file is deleted.
    pub(super) fn find_space(&self, worker: usize) -> Space {
        let mut state = self.lock();
        let bytes = |at: usize| {
            let running = state.running.get(at).and_then(Option::as_ref);
            running.map_or(0, Running::bytes_to_free)
        };
        let own = bytes(worker);
        let largest = (0..state.running.len()).max_by_key(|&at| bytes(at));
        let Some(largest) = largest.filter(|&at| bytes(at) >= limits::YIELDS_SPACE) else {
            return Space::None;
        };
        let largest = if bytes(largest) == own { worker } else { largest };
        let Some(Some(running)) = state.running.get_mut(largest) else { return Space::None };
        running.yields_space = true;
        if largest == worker {
            return Space::Own;
        }
        running.cancel.cancel();
        Space::OfAnother
    }

    /// Whether the task that a worker is running has to yield its space.
    pub(super) fn yields_space(&self, worker: usize) -> bool {
        let state = self.lock();
        state
            .running
            .get(worker)
            .and_then(Option::as_ref)
            .is_some_and(|running| running.yields_space)
    }

    /// Notes that the disk is full: all downloads end soon, and their part files are deleted.
    pub(super) fn set_disk_full(&self) {
        self.lock().is_disk_full = true;
    }

    pub(super) fn is_disk_full(&self) -> bool {
        self.lock().is_disk_full
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or one insertion.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
