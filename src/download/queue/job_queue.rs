//! The queue of downloads: untried ones first, then those that were tried before (protocol.md section
//! 7).
//!
//! A worker takes several downloads of one holder together, which are requested ahead. If one of them
//! takes long, the others are returned to the queue.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::events::DownloadJob;
use super::running::{Running, Slow, Waiting, make_yield};
use super::task::Task;
use crate::library::PartFiles;
use crate::limits;
use crate::protocol::Host;

/// The number of queued downloads that are searched for the same holder, or for another host.
const LOOKED_THROUGH: usize = 64;

/// When a worker has been busy with one document for this time, its other tasks are returned.
const RETURN_AFTER: Duration = Duration::from_secs(2);

/// Time after which a worker that waits for the tasks of others checks for changes.
const RECHECK: Duration = Duration::from_secs(3);

/// All downloads that have not ended.
#[derive(Debug)]
pub(super) struct JobQueue {
    state: Mutex<State>,
    changed: Condvar,
    workers: usize,
}

#[derive(Debug)]
struct State {
    untried: VecDeque<Task>,
    tried: VecDeque<Task>,
    /// The tasks that each worker has taken and not begun.
    taken: Vec<VecDeque<Task>>,
    /// The task that each worker is running.
    running: Vec<Option<Running>>,
    /// The number of tasks that workers have.
    working: usize,
    /// The first hosts of documents that had to yield. Documents of other hosts run before theirs.
    slow_hosts: HashSet<Host>,
    is_over: bool,
    is_disk_full: bool,
}

impl JobQueue {
    pub(super) fn new(
        jobs: Vec<DownloadJob>,
        parts: &PartFiles,
        workers: usize,
        limits: &Arc<limits::Downloads>,
    ) -> Self {
        let task = |job: DownloadJob| {
            let is_new = !parts.has(&job.target);
            Task::new(job, is_new, limits)
        };
        let state = State {
            untried: jobs.into_iter().map(task).collect(),
            tried: VecDeque::new(),
            taken: (0..workers).map(|_| VecDeque::new()).collect(),
            running: (0..workers).map(|_| None).collect(),
            working: 0,
            slow_hosts: HashSet::new(),
            is_over: false,
            is_disk_full: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), workers }
    }

    /// Takes the next task that is due, with further tasks of the same holder, at most `most` in all.
    /// The worker begins them one by one ([`JobQueue::begin`]). Returns `None` if no task is left, and
    /// no worker can put one back. Calls `idle` before it waits.
    pub(super) fn take(&self, worker: usize, most: usize, idle: &mut dyn FnMut()) -> Option<()> {
        let mut state = self.lock();
        loop {
            if state.is_over || !state.is_anything_left() {
                return None;
            }
            let now = Instant::now();
            if let Some(first) = state.first(now) {
                let most = most.min(1 + state.untried.len() / self.workers.max(1));
                let tasks = state.with_more(first, most);
                state.working += tasks.len();
                if let Some(taken) = state.taken.get_mut(worker) {
                    taken.extend(tasks);
                }
                return Some(());
            }
            idle();
            let soonest = state.tried.iter().map(|task| task.due).min();
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
        if let Some(place) = state.running.get_mut(worker) {
            *place = Some(running(&task));
        }
        Some(task)
    }

    /// Whether the task that a worker is running has to yield.
    pub(super) fn must_yield(&self, worker: usize) -> bool {
        let state = self.lock();
        let running = state.running.get(worker).and_then(Option::as_ref);
        !state.is_over && running.is_some_and(|running| running.must_yield)
    }

    /// Ends a task.
    pub(super) fn finish(&self, worker: usize) {
        let mut state = self.lock();
        state.stop_running(worker);
        let is_last = !state.is_anything_left();
        drop(state);
        // Other workers may wait for a task that is put back.
        if is_last {
            self.changed.notify_all();
        }
    }

    /// Puts a task back, which is retried when it is due.
    pub(super) fn put_back(&self, worker: usize, mut task: Task, is_slow: bool) {
        let mut state = self.lock();
        if is_slow {
            state.slow_hosts.extend(task.host().cloned());
        }
        task.is_new = false;
        state.tried.push_back(task);
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
        let untried = !state.untried.is_empty();
        let waiting =
            Waiting { untried, any: untried || state.tried.iter().any(|task| task.due <= now) };
        make_yield(&mut state.running, waiting, slow, now);
        drop(state);
        if returned {
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

impl State {
    fn is_anything_left(&self) -> bool {
        self.working > 0 || !self.untried.is_empty() || !self.tried.is_empty()
    }

    /// The next task: an untried one, preferably of a host that is not slow; otherwise one that is
    /// due.
    fn first(&mut self, now: Instant) -> Option<Task> {
        let is_slow = |task: &Task| task.host().is_some_and(|host| self.slow_hosts.contains(host));
        let looked = self.untried.iter().take(LOOKED_THROUGH * LOOKED_THROUGH);
        let at = match self.slow_hosts.is_empty() {
            true => 0,
            false => looked.into_iter().position(|task| !is_slow(task)).unwrap_or(0),
        };
        if let Some(task) = self.untried.remove(at) {
            return Some(task);
        }
        let at = self.tried.iter().position(|task| task.due <= now)?;
        self.tried.remove(at)
    }

    /// Adds other untried tasks of the same holder, so that there are at most `most` in all.
    fn with_more(&mut self, first: Task, most: usize) -> Vec<Task> {
        let mut more = Vec::new();
        let mut at = 0;
        while 1 + more.len() < most && at < LOOKED_THROUGH.min(self.untried.len()) {
            match self.untried.get(at).is_some_and(|task| task.goes_with(&first)) {
                true => more.extend(self.untried.remove(at)),
                false => at += 1,
            }
        }
        more.insert(0, first);
        more
    }

    fn stop_running(&mut self, worker: usize) {
        if let Some(running) = self.running.get_mut(worker) {
            *running = None;
        }
        self.working = self.working.saturating_sub(1);
    }

    /// Returns the tasks of workers that are busy with another one.
    fn return_taken(&mut self, now: Instant) -> bool {
        let mut returned = false;
        for (taken, running) in self.taken.iter_mut().zip(&self.running) {
            if running.as_ref().is_some_and(|one| one.time(now) >= RETURN_AFTER) {
                while let Some(task) = taken.pop_back() {
                    self.untried.push_front(task);
                    self.working = self.working.saturating_sub(1);
                    returned = true;
                }
            }
        }
        returned
    }
}
