//! The downloads that wait, and the workers that take them: several of one holder together, which
//! are asked for ahead.

use std::collections::VecDeque;
use std::mem;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Message, Order, Whole};
use crate::library::{Incoming, PartFiles};
use crate::limits;
use crate::peer::conversation::Conversation;
use crate::peer::fetch::{Attempt, FetchError, Fetched, Fetcher};
use crate::peer::neighbours::pause_after;
use crate::protocol::Endpoint;

/// How far down the queue a worker looks for more of the same holder.
const LOOKED_THROUGH: usize = 64;

/// A worker takes more at once when what it took was there in this time, and less when it was not
/// in twice this time: what one worker has taken, no other takes from a faster holder.
const TIME_FOR_ALL: Duration = Duration::from_secs(1);

/// Between two reports of bytes.
const REPORT: Duration = Duration::from_millis(50);

/// A download that waits, or is tried again.
#[derive(Debug)]
struct Task {
    order: Order,
    incoming: Option<Incoming>,
    /// Whether nothing has come of it yet, so that all of it can be asked for ahead.
    is_new: bool,
    due: Instant,
    tries: u32,
    kept: Option<u64>,
}

/// What becomes of a task.
enum Again {
    In(FetchError, Duration),
    Done(Fetched),
    Never(FetchError),
}

/// All downloads that are not over.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    workers: usize,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Task>,
    /// Tasks that a worker has.
    working: usize,
    is_over: bool,
}

impl Queue {
    pub(super) fn new(orders: Vec<Order>, parts: &PartFiles, workers: usize) -> Self {
        let due = Instant::now();
        let task = |order: Order| {
            let is_new = !parts.has(&order.target);
            Task { order, incoming: None, is_new, due, tries: 0, kept: None }
        };
        let waiting = orders.into_iter().map(task).collect();
        let state = Mutex::new(State { waiting, working: 0, is_over: false });
        Self { state, changed: Condvar::new(), workers }
    }

    /// A worker: fetches until nothing is left to fetch.
    pub(super) fn work(&self, fetcher: &Fetcher, parts: &PartFiles, say: &SyncSender<Message>) {
        let mut worker = Worker {
            fetcher,
            parts,
            conversation: Conversation::lasting(),
            say,
            unsaid: 0,
            said: Instant::now(),
            done: Vec::new(),
            handed_over: Instant::now(),
        };
        let mut most = 1;
        while let Some(tasks) = self.next(fetcher, most, &mut worker.conversation) {
            let begun = Instant::now();
            worker.conversation.plan(tasks.iter().map(|task| task.order.wanted.clone()));
            for task in tasks {
                if self.lock().is_over || fetcher.cancel().is_cancelled() {
                    return;
                }
                self.run(&mut worker, task);
                if worker.handed_over.elapsed() >= limits::BATCH_TIME {
                    worker.hand_over();
                }
            }
            worker.hand_over();
            match begun.elapsed() {
                time if time < TIME_FOR_ALL => most = (most * 2).min(limits::ASKED_AHEAD),
                time if time > TIME_FOR_ALL * 2 => most = (most / 2).max(1),
                _ => {}
            }
        }
    }

    fn run(&self, worker: &mut Worker<'_>, mut task: Task) {
        let again = worker.attempt(&mut task);
        let mut state = self.lock();
        state.working -= 1;
        match again {
            Again::In(error, pause) => {
                let document = task.order.wanted.document.clone();
                task.due = Instant::now() + pause;
                task.is_new = false;
                state.waiting.push_back(task);
                drop(state);
                self.changed.notify_all();
                // When nobody listens any more, the work is over.
                let _ = worker.say.send(Message::Waits(Box::new((document, error, pause))));
            }
            Again::Done(fetched) => {
                self.leave(state);
                if let Some(incoming) = task.incoming.take() {
                    worker.done.push((task.order, incoming, fetched));
                }
            }
            Again::Never(error) => {
                self.leave(state);
                let _ = worker.say.send(Message::GivenUp(Box::new((task.order, error))));
            }
        }
    }

    /// A task is over. If it was the last, whoever waits for one that comes back may go.
    fn leave(&self, state: MutexGuard<'_, State>) {
        let is_over = state.waiting.is_empty() && state.working == 0;
        drop(state);
        if is_over {
            self.changed.notify_all();
        }
    }

    /// The next task that is due, and others that can be asked of the same holder with it; nothing
    /// when there is none and none can come back.
    fn next(
        &self,
        fetcher: &Fetcher,
        most: usize,
        conversation: &mut Conversation,
    ) -> Option<Vec<Task>> {
        let mut state = self.lock();
        loop {
            let is_cancelled = fetcher.cancel().is_cancelled();
            if is_cancelled || state.is_over || (state.waiting.is_empty() && state.working == 0) {
                return None;
            }
            let now = Instant::now();
            if let Some(at) = state.waiting.iter().position(|task| task.due <= now) {
                let first = state.waiting.remove(at)?;
                let most = most.min(1 + state.waiting.len() / self.workers);
                let tasks = state.with_more(first, most);
                state.working += tasks.len();
                return Some(tasks);
            }
            conversation.pause();
            let soonest = state.waiting.iter().map(|task| task.due).min();
            let pause = soonest.map_or(limits::ASK_AGAIN, |due| due.saturating_duration_since(now));
            // Cancelling does not wake it.
            let waited = self.changed.wait_timeout(state, pause.min(limits::BATCH_TIME));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nothing more is fetched.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or one insertion.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes what the first holder of a task has besides, at most so many in all.
    fn with_more(&mut self, first: Task, most: usize) -> Vec<Task> {
        let mut tasks = vec![first];
        let mut at = 0;
        while tasks.len() < most && at < LOOKED_THROUGH.min(self.waiting.len()) {
            match self.waiting.get(at).is_some_and(|task| task.goes_with(&tasks[0])) {
                true => tasks.extend(self.waiting.remove(at)),
                false => at += 1,
            }
        }
        tasks
    }
}

impl Task {
    fn goes_with(&self, first: &Self) -> bool {
        self.is_new && first.is_new && self.first_holder() == first.first_holder()
    }

    fn first_holder(&self) -> Option<&Endpoint> {
        self.order.wanted.sources.first().map(|source| &source.holder)
    }
}

/// A thread that fetches.
struct Worker<'a> {
    fetcher: &'a Fetcher,
    parts: &'a PartFiles,
    conversation: Conversation,
    say: &'a SyncSender<Message>,
    /// Bytes of which nobody was told yet.
    unsaid: u64,
    said: Instant,
    done: Vec<Whole>,
    handed_over: Instant,
}

impl Worker<'_> {
    fn attempt(&mut self, task: &mut Task) -> Again {
        let document = &task.order.wanted.document;
        let cannot_write =
            |source| Again::Never(FetchError::File { document: document.clone(), source });
        let begun = match task.incoming.take() {
            Some(begun) => Ok(begun),
            None => Incoming::begin_among(&task.order.target, self.parts),
        };
        let incoming = match begun {
            Ok(begun) => task.incoming.insert(begun),
            Err(error) => return cannot_write(error),
        };
        let Self { fetcher, conversation, say, unsaid, said, .. } = self;
        let mut seen = 0;
        let mut watch = |attempt: Attempt<'_>| {
            let Attempt::Progress(bytes, _) = attempt else { return };
            // Of what has to be fetched once more, the bytes are counted once more.
            *unsaid += if bytes < seen { bytes } else { bytes - seen };
            seen = bytes;
            // Whoever is watching is told now and then; when nobody listens, it is over.
            if said.elapsed() >= REPORT && say.try_send(Message::Bytes(*unsaid)).is_ok() {
                (*unsaid, *said) = (0, Instant::now());
            }
        };
        let outcome = fetcher.fetch_next(conversation, &task.order.wanted, incoming, &mut watch);
        let error = match outcome {
            Ok(fetched) => {
                if let Some(date) = fetched.last_modified {
                    incoming.set_modified(date.time());
                }
                return Again::Done(fetched);
            }
            Err(error) => error,
        };
        let kept = incoming.kept_length();
        let has_progressed = kept > task.kept && !error.is_too_slow();
        task.kept = kept;
        if let Some(rest) = error.rest() {
            return Again::In(error, rest);
        }
        task.tries = if has_progressed { 0 } else { task.tries + 1 };
        if error.is_transient() && task.tries < limits::TRIES {
            return Again::In(error, pause_after(task.tries));
        }
        Again::Never(error)
    }

    /// Hands over what is whole. When nobody listens, it is over.
    fn hand_over(&mut self) {
        if self.unsaid > 0 {
            let _ = self.say.send(Message::Bytes(mem::take(&mut self.unsaid)));
        }
        if !self.done.is_empty() {
            let _ = self.say.send(Message::Done(mem::take(&mut self.done)));
        }
        self.handed_over = Instant::now();
    }
}
