//! The queue of downloads: untried ones first, then those that were tried before (protocol.md section
//! 7). Of both, those of the party are first that has used the least time of workers.
//!
//! A worker takes several downloads of one holder together, which are requested ahead. If one of them
//! takes long, the others are returned to the queue.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::events::DownloadJob;
use super::lines::Lines;
use super::running::{Running, Slow, Waiting, make_yield};
use super::task::Task;
use super::turns::{Turns, WaitingTasks};
use super::usage::{Usage, User};
use crate::download::dialing::{HostNames, Party};
use crate::download::model::Source;
use crate::library::PartFiles;
use crate::limits;

/// A worker stays with its holder until the party of that has used this much more time than the one that
/// is next: it has a connection to it.
const STAYS: Duration = Duration::from_secs(1);

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
    names: Arc<HostNames>,
    limits: Arc<limits::Downloads>,
    untried: Lines,
    /// Downloads that were tried before, and can run again.
    tried: Lines,
    /// Downloads that can run again later, by that time and by the order in which they were put back.
    later: BTreeMap<(Instant, u64), Task>,
    put_back: u64,
    usage: Usage,
    turns: Turns,
    /// The tasks that each worker has taken and not begun.
    taken: Vec<VecDeque<Task>>,
    /// The line from which each worker has taken tasks last.
    lines: Vec<Option<User>>,
    /// The task that each worker is running.
    running: Vec<Option<Running>>,
    /// The number of tasks that workers have.
    working: usize,
    is_over: bool,
    is_disk_full: bool,
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
        let state = State {
            names: Arc::clone(names),
            limits: Arc::clone(limits),
            untried,
            tried: Lines::default(),
            later: BTreeMap::new(),
            put_back: 0,
            usage: Usage::new(workers),
            turns: Turns::default(),
            taken: (0..workers).map(|_| VecDeque::new()).collect(),
            lines: vec![None; workers],
            running: (0..workers).map(|_| None).collect(),
            working: 0,
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
        let is_none_waiting =
            self.untried.is_empty() && self.tried.is_empty() && self.later.is_empty();
        self.working > 0 || !is_none_waiting
    }

    /// Takes the next tasks, untried ones before others, unless their party has used much more time.
    fn take(&mut self, worker: usize, most: usize, now: Instant) -> bool {
        self.run_again(now);
        let Some((next, is_untried)) = self.next(now) else { return false };
        let Self { untried, tried, usage, .. } = self;
        let (lines, most) = if is_untried { (untried, most) } else { (tried, 1) };
        let last = self.lines.get(worker).cloned().flatten();
        let may_stay = |last: &User| {
            lines.has(last.holder.as_ref())
                && usage.with_failed(last, now)
                    <= usage.with_failed(&next, now).saturating_add(STAYS)
        };
        let next = last.filter(may_stay).unwrap_or(next);
        let tasks = lines.take(&next.holder, most);
        self.working += tasks.len();
        if let Some(taken) = self.taken.get_mut(worker) {
            taken.extend(tasks);
        }
        self.usage.set_user(worker, Some(next.clone()), now);
        if let Some(line) = self.lines.get_mut(worker) {
            *line = Some(next);
        }
        true
    }

    /// The holder whose tasks are next, and whether they are untried ones.
    fn next(&mut self, now: Instant) -> Option<(User, bool)> {
        let Self { untried, tried, usage, names, .. } = self;
        let next_untried = untried.next(usage, names, now);
        let next_tried = tried.next(usage, names, now);
        match (next_untried, next_tried) {
            (None, next) => next.map(|next| (next, false)),
            (Some(next), None) => Some((next, true)),
            (Some(one), Some(other)) => {
                let most = usage.with_failed(&other, now).saturating_add(self.limits.slow_after);
                let is_untried = most >= usage.with_failed(&one, now);
                Some(if is_untried { (one, true) } else { (other, false) })
            }
        }
    }

    /// Puts the tasks that are due into their lines.
    fn run_again(&mut self, now: Instant) {
        while let Some(first) = self.later.first_entry()
            && first.key().0 <= now
        {
            self.tried.push(first.remove(), &self.names);
        }
    }

    /// What waits for a worker, and the least time that a waiting party has used. A party whose tasks were
    /// tried counts if it was not slow.
    fn waiting_parties(&mut self, now: Instant) -> Option<(WaitingTasks, Duration)> {
        let count = self.untried.len().saturating_add(self.tried.len());
        let (next, is_untried) = self.next(now)?;
        let Self { untried, tried, usage, names, limits, .. } = self;
        let used = |lines: &mut Lines| {
            let next = lines.next(usage, names, now)?;
            Some(usage.of_party(next.party, now))
        };
        let of_tried = used(tried).filter(|used| *used < limits.slow_after);
        let least = used(untried).into_iter().chain(of_tried).min();
        let is_newcomer = is_untried && usage.of_holder(next.holder.as_ref(), now).is_zero();
        Some((WaitingTasks { next, is_newcomer, count }, least.unwrap_or(Duration::MAX)))
    }

    /// Notes that the task of a worker has ended without its document. If that took long, the other tasks
    /// that the worker has taken from the holder are returned.
    fn note_failed(&mut self, worker: usize) {
        let Some(one) = self.running.get(worker).and_then(Option::as_ref) else { return };
        let now = Instant::now();
        if !self.turns.note_failed(one, &self.limits, now) {
            return;
        }
        if one.is_slower_than(self.limits.rate_with_others, now) {
            self.usage.note_failed(worker, one.time(now));
        }
        // The worker need not stay with the holder.
        if let Some(line) = self.lines.get_mut(worker) {
            *line = None;
        }
        while let Some(task) = self.taken.get_mut(worker).and_then(VecDeque::pop_back) {
            self.untried.push_front(task, &self.names);
            self.working = self.working.saturating_sub(1);
        }
    }

    /// Ends tasks of unproven holders whose party has used much more time than one that waits, and has
    /// more than a quarter of the workers.
    fn end_excess(&mut self, least: Duration, slow: Slow<'_>, now: Instant) {
        let most = (self.running.len() / 4).max(1);
        let mut excess: HashMap<Party, usize> = HashMap::new();
        for (worker, running) in self.running.iter_mut().enumerate().rev() {
            let Some(user) = self.usage.user(worker) else { continue };
            let Some(one) = running.as_mut().filter(|one| !one.is_proven()) else { continue };
            let used = self.usage.of_party(user.party, now);
            if used < least.saturating_add(slow.limits.slow_after) {
                continue;
            }
            let all = self.usage.workers_of(user.party);
            let excess = excess.entry(user.party).or_insert_with(|| all.saturating_sub(most));
            if *excess > 0 {
                *excess -= 1;
                one.end();
            }
        }
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
                    self.untried.push_front(task, &self.names);
                    self.working = self.working.saturating_sub(1);
                    returned = true;
                }
            }
        }
        returned
    }
}
