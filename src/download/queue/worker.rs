//! A thread that downloads one document after another (protocol.md section 7).

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::events::{CompleteDocument, DownloadJob, Message};
use super::job_queue::{JobQueue, Space};
use super::running::{Progress, Prospect, Running};
use super::task::{Next, Task};
use crate::counted::counted;
use crate::download::dialing::Admission;
use crate::download::document::{Decision, without_outvoted};
use crate::download::downloader::Downloader;
use crate::download::exchange::Pipeline;
use crate::download::model::{DownloadError, DownloadProgress, Received, Source};
use crate::library::{PartFiles, PartialFile, PartsInUse};
use crate::limits;
use crate::net::Cancel;
use crate::system;

/// A worker takes more tasks together when the last ones took less than this time, and fewer when
/// they took twice as long.
const TIME_FOR_ALL: Duration = Duration::from_secs(1);

/// The time between two reports of bytes.
const REPORT: Duration = Duration::from_millis(50);

/// The result of an attempt, with the complete file if it has succeeded.
type Attempted = (Next, Option<PartialFile>);

/// A worker.
pub(super) struct Worker<'a> {
    number: usize,
    queue: &'a JobQueue,
    parts: &'a PartFiles,
    /// The downloader of all workers. The worker cancels its own downloads through its own handle.
    shared: &'a Downloader,
    downloader: Downloader,
    pipeline: Pipeline,
    messages: &'a SyncSender<Message>,
    /// Bytes that were not reported yet.
    unreported: u64,
    reported: Instant,
    done: Vec<CompleteDocument>,
    /// The most complete documents that are held before they are handed over: each is an open file.
    most_complete: usize,
    handed_over: Instant,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        number: usize,
        queue: &'a JobQueue,
        parts: &'a PartFiles,
        shared: &'a Downloader,
        messages: &'a SyncSender<Message>,
    ) -> Self {
        Self {
            number,
            queue,
            parts,
            shared,
            downloader: shared.with_cancel(Cancel::new()),
            pipeline: Pipeline::keep_alive(),
            messages,
            unreported: 0,
            reported: Instant::now(),
            done: Vec::new(),
            most_complete: system::peer_bounds().complete,
            handed_over: Instant::now(),
        }
    }

    /// Runs tasks until none is left.
    pub(super) fn work(mut self) {
        let mut most = 1;
        while let Some(()) = self.queue.take(self.number, most, &mut || self.pipeline.close()) {
            let begun = Instant::now();
            let planned = self.queue.taken(self.number, |task| task.job.request.clone());
            let admission = &self.shared.admission;
            // No document is requested ahead from a holder that would be asked after others.
            let planned = planned.into_iter().map(|one| without_outvoted(one, admission));
            self.pipeline.plan(planned);
            loop {
                let progress = Arc::new(Progress::default());
                let running = |task: &Task| {
                    let cancel = self.downloader.cancel().clone();
                    let alone = task.job.cancel.clone();
                    let running = Running::new(cancel, alone, task.spent, Arc::clone(&progress));
                    running.trusted(task.job.request.is_trusted())
                };
                let Some(task) = self.queue.begin(self.number, running) else { break };
                self.run(task, &progress);
                if self.handed_over.elapsed() >= limits::BATCH_TIME
                    || self.done.len() >= self.most_complete
                {
                    self.hand_over();
                }
            }
            self.hand_over();
            match begun.elapsed() {
                time if time < TIME_FOR_ALL => most = (most * 2).min(limits::ASKED_AHEAD),
                time if time > TIME_FOR_ALL * 2 => most = (most / 2).max(1),
                _ => {}
            }
        }
    }

    fn run(&mut self, task: Task, progress: &Progress) {
        self.run_with(task, &mut |worker, task| worker.attempt(task, progress));
    }

    /// Runs a task with `attempt`, and handles the result.
    fn run_with(
        &mut self,
        mut task: Task,
        attempt: &mut dyn FnMut(&mut Self, &mut Task) -> Attempted,
    ) {
        let begun = Instant::now();
        // A panic ends only this download.
        let next = catch_unwind(AssertUnwindSafe(|| attempt(self, &mut task)));
        task.spent = task.spent.saturating_add(begun.elapsed());
        let next = next.unwrap_or_else(|_| {
            self.pipeline = Pipeline::keep_alive();
            let source = io::Error::other("this program failed; please report the message above");
            let document = task.job.request.document.clone();
            (Next::GiveUp(DownloadError::File { document, source }), None)
        });
        // When the receiver is gone, the work is over, so errors of `send` are ignored.
        match next {
            (Next::Retry(error, pause), _) => {
                let document = task.job.request.document.clone();
                let is_told = error.is_in_use() && task.retry.is_waiting_for_another();
                task.due = limits::ends_after(pause);
                self.queue.put_back(self.number, task);
                if !is_told {
                    let _ = self.messages.send(Message::Waits(Box::new((document, error, pause))));
                }
            }
            (Next::Later, _) => {
                task.due = Instant::now();
                log::debug!("{} is slow: others run before it", task.job.request.document);
                self.queue.put_back(self.number, task);
            }
            (Next::Present, _) => {
                self.parts.remove(&task.job.target);
                self.queue.finish(self.number, true);
                let _ = self.messages.send(Message::Present(Box::new(task.job)));
            }
            (Next::Done(fetched), partial) => {
                self.queue.finish(self.number, true);
                if let Some(partial) = partial {
                    self.done.push((task.job, partial, fetched));
                }
            }
            (Next::GiveUp(error), _) => {
                self.queue.finish(self.number, false);
                let _ = self.messages.send(Message::GivenUp(Box::new((task.job, error))));
            }
        }
        // The task may have been cancelled, even after the last check of its attempt. The next task
        // needs a handle that is not cancelled, and connections that are not shut down. The queue
        // does not cancel the handle of a worker that runs no task.
        if self.downloader.cancel().is_cancelled() {
            self.downloader = self.shared.with_cancel(Cancel::new());
            self.pipeline = Pipeline::keep_alive();
        }
    }

    /// Runs one attempt.
    fn attempt(&mut self, task: &mut Task, progress: &Progress) -> Attempted {
        let document = task.job.request.document.clone();
        if task.job.cancel.is_cancelled() {
            return (Next::GiveUp(DownloadError::Cancelled(document)), None);
        }
        if is_here(&mut task.job) {
            return (Next::Present, None);
        }
        if task.in_use.as_ref().is_some_and(PartsInUse::are_in_use) {
            let error = DownloadError::InUse(document);
            return (after_failure(task, error, Duration::ZERO, None), None);
        }
        // Other tasks run first while the name service is slow.
        let prospect = *progress
            .prospect
            .get_or_init(|| prospect(&self.shared.admission, &task.job.request.sources));
        if prospect == Prospect::NeedsLookup
            && self.shared.admission.names.service.is_slow()
            && self.queue.has_untried()
        {
            return (Next::Later, None);
        }
        let mut partial = match PartialFile::begin_with(&task.job.target, self.parts) {
            Ok(partial) => partial,
            Err(source) => {
                let error = DownloadError::File { document, source };
                let next = match error.is_disk_full() {
                    true => self.without_space(error),
                    false => after_failure(task, error, Duration::ZERO, None),
                };
                return (next, None);
            }
        };
        let Self { downloader, pipeline, messages, unreported, reported, queue, number, .. } = self;
        let sources = &task.job.request.sources;
        let (mut seen, mut announced) = (None::<u64>, task.retry.announced());
        let mut received = Received::default();
        let mut watch = |attempt: DownloadProgress<'_>| {
            received.follow(&attempt);
            let (bytes, length) = match attempt {
                DownloadProgress::Bytes(bytes, length) => (bytes, length),
                DownloadProgress::Receiving(holder) => {
                    let source = sources.iter().find(|source| source.holder == *holder);
                    return source.into_iter().for_each(|one| queue.receives_from(*number, one));
                }
                _ => return,
            };
            // The first event of a transfer has the bytes that were here before, which do not count.
            // They may be fewer than another holder had delivered.
            let count = bytes.saturating_sub(seen.replace(bytes).unwrap_or(bytes));
            progress.bytes.fetch_add(count, Ordering::Relaxed);
            if let Some(length) = length {
                let first = *announced.get_or_insert(length);
                progress.length.store(first, Ordering::Relaxed);
            }
            *unreported += count;
            // When the receiver is gone, the work is over.
            if reported.elapsed() >= REPORT
                && messages.try_send(Message::Bytes(*unreported)).is_ok()
            {
                (*unreported, *reported) = (0, Instant::now());
                let _ = messages.try_send(Message::Running(document.clone(), received.clone()));
            }
        };
        let begun = Instant::now();
        let outcome =
            downloader.download_one(pipeline, &task.job.request, &mut partial, &mut watch);
        if let Some(length) = announced {
            task.retry.announce(length);
        }
        let error = match outcome {
            Ok(fetched) => {
                if let Some(date) = fetched.last_modified {
                    partial.set_modified(date.time());
                }
                return (Next::Done(fetched), Some(partial));
            }
            Err(error) => error,
        };
        let kept = partial.resumable_bytes();
        task.in_use = partial.take_in_use().filter(|_| error.is_in_use());
        let next = match error {
            DownloadError::Cancelled(document) if self.queue.yields_space(self.number) => {
                Next::GiveUp(DownloadError::without_space(document))
            }
            DownloadError::Cancelled(_) if self.queue.must_yield(self.number) => {
                task.retry.keep(kept);
                Next::Later
            }
            DownloadError::Cancelled(_) => Next::GiveUp(error),
            error if error.is_disk_full() => self.without_space(error),
            error => after_failure(task, error, begun.elapsed(), kept),
        };
        let is_trusted = task.job.request.is_trusted();
        let fills_disk = self.queue.is_disk_full() || self.queue.yields_space(self.number);
        match &next {
            // A part file that fills the disk leaves no space for other documents.
            Next::GiveUp(_) if fills_disk && !is_trusted => {
                if let Some(kept) = kept {
                    let document = &task.job.request.document;
                    let kept = counted(kept, "byte");
                    log::warn!("the disk is full: {kept} of {document} deleted");
                }
                partial.delete_own();
            }
            Next::GiveUp(DownloadError::Cancelled(_)) if !self.queue.is_disk_full() => {}
            Next::GiveUp(error) if !is_trusted && !error.is_in_use() && error.kept().is_none() => {
                partial.delete();
            }
            // The part file of a task that waits is closed.
            _ => partial.suspend(self.parts, is_trusted),
        }
        (next, None)
    }

    /// What follows when the disk is full.
    fn without_space(&self, error: DownloadError) -> Next {
        match (self.queue.find_space(self.number), error) {
            (Space::Own, DownloadError::File { document, .. }) => {
                Next::GiveUp(DownloadError::without_space(document))
            }
            (Space::OfAnother, error) => Next::Retry(error, limits::SPACE_RETRY),
            (Space::Own | Space::None, error) => {
                self.queue.set_disk_full();
                Next::GiveUp(error)
            }
        }
    }

    /// Hands over the complete documents. When the receiver is gone, the work is over.
    fn hand_over(&mut self) {
        if self.unreported > 0 || !self.done.is_empty() {
            let (done, unreported) = (mem::take(&mut self.done), mem::take(&mut self.unreported));
            let _ = self.messages.send(Message::Done(done, unreported));
        }
        self.handed_over = Instant::now();
    }
}

/// Whether the document is here: another process may be downloading into the same directory.
///
/// Looking up a name that does not exist can take the lock of the directory, which all workers need to create
/// their files. So the first attempt uses the result of an earlier check.
fn is_here(job: &mut DownloadJob) -> bool {
    let is_recent = |looked: Instant| looked.elapsed() < limits::NAMES_KEPT;
    !job.overwrite
        && !job.found_free.take().is_some_and(is_recent)
        && job.target.is_here().is_ok_and(|is_here| is_here)
}

fn prospect(admission: &Admission, sources: &[Source]) -> Prospect {
    let is_proven = |source: &Source| admission.stats.is_proven(&source.holder);
    match sources {
        sources if sources.iter().any(is_proven) => Prospect::Proven,
        sources if admission.names.all_need_lookup(sources) => Prospect::NeedsLookup,
        [] | [_] => Prospect::Usual,
        _ => Prospect::Doubtful,
    }
}

fn after_failure(task: &mut Task, error: DownloadError, took: Duration, kept: Option<u64>) -> Next {
    match task.retry.after_failure(&error, took, kept) {
        Decision::Retry(pause) => Next::Retry(error, pause),
        Decision::GiveUp => Next::GiveUp(task.retry.given_up(error)),
    }
}

#[cfg(test)]
mod panics;
#[cfg(test)]
mod tests;
