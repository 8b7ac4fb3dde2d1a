//! What waits and what runs, without the lock: which tasks are next, and which ones end for others.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::download::dialing::{HostNames, Party};
use crate::download::queue::lines::Lines;
use crate::download::queue::running::{Running, Slow};
use crate::download::queue::task::Task;
use crate::download::queue::turns::{Turns, WaitingTasks};
use crate::download::queue::usage::{Usage, User};
use crate::limits;

/// A worker stays with its holder until the party of that has used this much more time than the one that
/// is next: it has a connection to it.
const STAYS: Duration = Duration::from_secs(1);

/// When a worker has been busy with one document for this time, its other tasks are returned.
const RETURN_AFTER: Duration = Duration::from_secs(2);

/// What waits and what runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) names: Arc<HostNames>,
    pub(super) limits: Arc<limits::Downloads>,
    pub(super) untried: Lines,
    /// Downloads that were tried before, and can run again.
    pub(super) tried: Lines,
    /// Downloads that can run again later, by that time and by the order in which they were put back.
    pub(super) later: BTreeMap<(Instant, u64), Task>,
    pub(super) put_back: u64,
    pub(super) usage: Usage,
    pub(super) turns: Turns,
    /// The tasks that each worker has taken and not begun.
    pub(super) taken: Vec<VecDeque<Task>>,
    /// The line from which each worker has taken tasks last.
    pub(super) lines: Vec<Option<User>>,
    /// The task that each worker is running.
    pub(super) running: Vec<Option<Running>>,
    /// The number of tasks that workers have.
    pub(super) working: usize,
    pub(super) is_over: bool,
    pub(super) is_disk_full: bool,
}

impl State {
    pub(super) fn new(
        untried: Lines,
        workers: usize,
        names: &Arc<HostNames>,
        limits: &Arc<limits::Downloads>,
    ) -> Self {
        Self {
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
        }
    }

    pub(super) fn is_anything_left(&self) -> bool {
        let is_none_waiting =
            self.untried.is_empty() && self.tried.is_empty() && self.later.is_empty();
        self.working > 0 || !is_none_waiting
    }

    /// Takes the next tasks, untried ones before others, unless their party has used much more time.
    pub(super) fn take(&mut self, worker: usize, most: usize, now: Instant) -> bool {
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
    pub(super) fn run_again(&mut self, now: Instant) {
        while let Some(first) = self.later.first_entry()
            && first.key().0 <= now
        {
            self.tried.push(first.remove(), &self.names);
        }
    }

    /// What waits for a worker, and the least time that a waiting party has used. A party whose tasks were
    /// tried counts if it was not slow.
    pub(super) fn waiting_parties(&mut self, now: Instant) -> Option<(WaitingTasks, Duration)> {
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
    pub(super) fn note_failed(&mut self, worker: usize) {
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
    pub(super) fn end_excess(&mut self, least: Duration, slow: Slow<'_>, now: Instant) {
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

    pub(super) fn stop_running(&mut self, worker: usize) {
        if let Some(running) = self.running.get_mut(worker) {
            *running = None;
        }
        self.working = self.working.saturating_sub(1);
    }

    /// Returns the tasks of workers that are busy with another one.
    pub(super) fn return_taken(&mut self, now: Instant) -> bool {
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
