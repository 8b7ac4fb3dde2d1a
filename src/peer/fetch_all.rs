//! Many downloads: so many at once, tried again in a while, brought to disk together.
//!
//! Workers fetch; the calling thread gives the files their names, a batch at a time, so that one
//! wait for the disk serves many of them.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::fetch::{Attempt, FetchError, Fetched, Fetcher, Wanted};
use super::neighbours::pause_after;
use crate::library::{Incoming, PartFiles};
use crate::limits;
use crate::protocol::{Document, Title};

/// One of many downloads.
#[derive(Debug)]
pub struct Order {
    /// What, and from whom.
    pub wanted: Wanted,
    /// The title under which it is to be shared.
    pub title: Option<Title>,
    /// The file that it is to become.
    pub target: PathBuf,
    /// Whether what has its name is overwritten.
    pub overwrite: bool,
}

/// What happens, for whoever watches.
#[derive(Debug)]
pub enum Happening<'a> {
    /// So many bytes more have come, of any document.
    Bytes(u64),
    /// A document has its name.
    Fetched(&'a Order, &'a Fetched),
    /// A document is tried again after this pause.
    Waits(&'a Document, &'a FetchError, Duration),
    /// A document was given up.
    GivenUp(&'a Order, &'a FetchError),
}

/// A download that waits, or is tried again.
#[derive(Debug)]
struct Task {
    order: Order,
    incoming: Option<Incoming>,
    due: Instant,
    tries: u32,
    kept: Option<u64>,
}

#[derive(Debug)]
enum Message {
    Bytes(u64),
    Waits(Box<(Document, FetchError, Duration)>),
    Done(Box<(Order, Incoming, Fetched)>),
    GivenUp(Box<(Order, FetchError)>),
}

#[derive(Debug)]
struct Queue {
    tasks: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Task>,
    /// Tasks that a worker has.
    working: usize,
    is_over: bool,
}

/// Fetches them all into one folder and its sub-folders.
///
/// # Errors
/// When files cannot be written: then the rest is not tried. What has come is kept.
pub fn fetch_all(
    fetcher: &Fetcher,
    parts: &PartFiles,
    orders: Vec<Order>,
    watch: &mut dyn FnMut(Happening<'_>),
) -> io::Result<()> {
    let task = |order| Task { order, incoming: None, due: Instant::now(), tries: 0, kept: None };
    let waiting: VecDeque<Task> = orders.into_iter().map(task).collect();
    let workers = limits::DOWNLOADS_AT_ONCE.min(waiting.len());
    let queue = Queue {
        tasks: Mutex::new(State { waiting, working: 0, is_over: false }),
        changed: Condvar::new(),
    };
    let (sender, messages) = sync_channel(limits::BATCH);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (queue, sender) = (&queue, sender.clone());
            let work = move || queue.work(fetcher, parts, &sender);
            let name = format!("download-{worker}");
            let spawned = thread::Builder::new().name(name).spawn_scoped(scope, work);
            if let Err(error) = spawned
                && worker == 0
            {
                return Err(error);
            }
        }
        drop(sender);
        let outcome = collect(&messages, watch);
        queue.end();
        // Workers that have something to say must not wait for somebody to hear it.
        messages.iter().for_each(drop);
        outcome
    })
}

/// The calling thread: names what was fetched, until all workers have ended.
fn collect(messages: &Receiver<Message>, watch: &mut dyn FnMut(Happening<'_>)) -> io::Result<()> {
    let mut batch: Vec<(Order, Incoming, Fetched)> = Vec::new();
    let mut since = Instant::now();
    loop {
        match messages.recv_timeout(limits::BATCH_TIME) {
            Ok(Message::Bytes(count)) => watch(Happening::Bytes(count)),
            Ok(Message::Waits(waits)) => {
                let (document, error, pause) = *waits;
                watch(Happening::Waits(&document, &error, pause));
            }
            Ok(Message::Done(done)) => {
                if batch.is_empty() {
                    since = Instant::now();
                }
                batch.push(*done);
            }
            Ok(Message::GivenUp(given_up)) => {
                let (order, error) = *given_up;
                if let FetchError::File { source, .. } = error {
                    name_all(&mut batch, watch)?;
                    return Err(source);
                }
                watch(Happening::GivenUp(&order, &error));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return name_all(&mut batch, watch),
        }
        if batch.len() >= limits::BATCH || since.elapsed() >= limits::BATCH_TIME {
            name_all(&mut batch, watch)?;
        }
    }
}

fn name_all(
    batch: &mut Vec<(Order, Incoming, Fetched)>,
    watch: &mut dyn FnMut(Happening<'_>),
) -> io::Result<()> {
    let (mut files, mut fetched) = (Vec::new(), Vec::new());
    for (order, incoming, one) in batch.drain(..) {
        if let Some(date) = one.last_modified {
            // A time that the file system cannot keep is no reason to lose the document.
            let _ = incoming.file().set_modified(date.time());
        }
        files.push((incoming, order.overwrite));
        fetched.push((order, one));
    }
    for (outcome, (order, one)) in Incoming::finish_all(files)?.into_iter().zip(fetched) {
        match outcome {
            Ok(()) => watch(Happening::Fetched(&order, &one)),
            // Somebody else has brought it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                watch(Happening::Fetched(&order, &one));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Queue {
    fn work(&self, fetcher: &Fetcher, parts: &PartFiles, say: &SyncSender<Message>) {
        while let Some(mut task) = self.next() {
            let again = self.attempt(fetcher, parts, &mut task, say);
            let mut state = self.lock();
            state.working -= 1;
            match again {
                Again::In(error, pause) => {
                    let document = task.order.wanted.document.clone();
                    task.due = Instant::now() + pause;
                    state.waiting.push_back(task);
                    drop(state);
                    self.changed.notify_all();
                    // When nobody listens any more, the work is over.
                    let _ = say.send(Message::Waits(Box::new((document, error, pause))));
                }
                Again::Done(fetched) => {
                    self.leave(state);
                    if let Some(incoming) = task.incoming.take() {
                        let done = Message::Done(Box::new((task.order, incoming, fetched)));
                        let _ = say.send(done);
                    }
                }
                Again::Never(error) => {
                    self.leave(state);
                    let _ = say.send(Message::GivenUp(Box::new((task.order, error))));
                }
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

    /// The next task that is due; nothing when there is none and none can come back.
    fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.is_over || (state.waiting.is_empty() && state.working == 0) {
                return None;
            }
            let now = Instant::now();
            if let Some(at) = state.waiting.iter().position(|task| task.due <= now) {
                state.working += 1;
                return state.waiting.remove(at);
            }
            let soonest = state.waiting.iter().map(|task| task.due).min();
            let pause = soonest.map_or(limits::ASK_AGAIN, |due| due.saturating_duration_since(now));
            let waited = self.changed.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn attempt(
        &self,
        fetcher: &Fetcher,
        parts: &PartFiles,
        task: &mut Task,
        say: &SyncSender<Message>,
    ) -> Again {
        let document = &task.order.wanted.document;
        let cannot_write =
            |source| Again::Never(FetchError::File { document: document.clone(), source });
        let begun = match task.incoming.take() {
            Some(begun) => Ok(begun),
            None => Incoming::begin_among(&task.order.target, parts),
        };
        let incoming = match begun {
            Ok(begun) => task.incoming.insert(begun),
            Err(error) => return cannot_write(error),
        };
        let mut seen = 0;
        let outcome = fetcher.fetch(&task.order.wanted, incoming, &mut |attempt| match attempt {
            Attempt::Progress(bytes, _) => {
                // Whoever is watching is told now and then; when nobody listens, it is over.
                if bytes < seen {
                    seen = 0;
                }
                let _ = say.try_send(Message::Bytes(bytes - seen)).map(|()| seen = bytes);
            }
            Attempt::Asking(_) | Attempt::Failed(..) => {}
        });
        let error = match outcome {
            Ok(fetched) => {
                let _ = say.send(Message::Bytes(fetched.length.saturating_sub(seen)));
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

    fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or one insertion.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a task.
enum Again {
    In(FetchError, Duration),
    Done(Fetched),
    Never(FetchError),
}
