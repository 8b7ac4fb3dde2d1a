//! A thread that downloads one document after the other.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::events::{Message, Whole};
use super::job_queue::JobQueue;
use super::running::{Hope, Progress, Running};
use super::task::{Next, Task};
use crate::download::dialing::Admission;
use crate::download::document::Decision;
use crate::download::downloader::Downloader;
use crate::download::exchange::Pipeline;
use crate::download::model::{DownloadError, DownloadProgress, Source};
use crate::library::{PartFiles, PartialFile};
use crate::limits;
use crate::net::Cancel;
use crate::system;

/// A worker takes more documents together when the last ones took less than this time, and fewer
/// when they took twice as long.
const TIME_FOR_ALL: Duration = Duration::from_secs(1);

/// Between two reports of bytes.
const REPORT: Duration = Duration::from_millis(50);

/// The result of an attempt, with the complete file if it has succeeded.
type Attempted = (Next, Option<PartialFile>);

/// A worker.
pub(super) struct Worker<'a> {
    number: usize,
    queue: &'a JobQueue,
    parts: &'a PartFiles,
    /// For all downloads of this program; the worker has its own handle to cancel its own.
    shared: &'a Downloader,
    downloader: Downloader,
    pipeline: Pipeline,
    messages: &'a SyncSender<Message>,
    /// Bytes that were not reported yet.
    unreported: u64,
    reported: Instant,
    done: Vec<Whole>,
    /// Complete documents, each an open file, that are handed over at the latest.
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

    /// Downloads until nothing is left.
    pub(super) fn work(mut self) {
        let mut most = 1;
        while let Some(()) = self.queue.take(self.number, most, &mut || self.pipeline.close()) {
            let begun = Instant::now();
            let planned = self.queue.taken(self.number, |task| task.job.request.clone());
            self.pipeline.plan(planned.into_iter());
            loop {
                let progress = Arc::new(Progress::default());
                let running = |task: &Task| {
                    let cancel = self.downloader.cancel().clone();
                    Running::new(cancel, task.spent, Arc::clone(&progress))
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

    /// Runs a task in this way, and settles what becomes of it.
    fn run_with(
        &mut self,
        mut task: Task,
        attempt: &mut dyn FnMut(&mut Self, &mut Task) -> Attempted,
    ) {
        let begun = Instant::now();
        // A fault of this program costs one document.
        let next = catch_unwind(AssertUnwindSafe(|| attempt(self, &mut task)));
        task.spent = task.spent.saturating_add(begun.elapsed());
        let next = next.unwrap_or_else(|_| {
            self.pipeline = Pipeline::keep_alive();
            let source = io::Error::other("this program failed; please report the message above");
            let document = task.job.request.document.clone();
            (Next::Never(DownloadError::File { document, source }), None)
        });
        // When nobody listens any more, the work is over.
        match next {
            (Next::Again(error, pause), _) => {
                let document = task.job.request.document.clone();
                let is_told = error.is_in_use() && task.retry.is_waiting_for_another();
                task.due = Instant::now() + pause;
                self.queue.put_back(self.number, task, error.is_too_slow());
                if !is_told {
                    let _ = self.messages.send(Message::Waits(Box::new((document, error, pause))));
                }
            }
            (Next::Behind, _) => {
                task.due = Instant::now();
                log::debug!("{} is slow: others run before it", task.job.request.document);
                self.queue.put_back(self.number, task, true);
            }
            (Next::Present, _) => {
                self.parts.remove(&task.job.target);
                self.queue.finish(self.number);
                let _ = self.messages.send(Message::Present(Box::new(task.job)));
            }
            (Next::Done(fetched), incoming) => {
                self.queue.finish(self.number);
                if let Some(incoming) = incoming {
                    self.done.push((task.job, incoming, fetched));
                }
            }
            (Next::Never(error), _) => {
                self.queue.finish(self.number);
                let _ = self.messages.send(Message::GivenUp(Box::new((task.job, error))));
            }
        }
        // The task may have been told to yield, even after the last check of its attempt. The next
        // task needs a handle that is not cancelled, and connections that are not shut down. From
        // here on nobody else cancels this worker's handle, because it runs nothing.
        if self.downloader.cancel().is_cancelled() {
            self.downloader = self.shared.with_cancel(Cancel::new());
            self.pipeline = Pipeline::keep_alive();
        }
    }

    /// One attempt.
    fn attempt(&mut self, task: &mut Task, progress: &Progress) -> Attempted {
        let document = task.job.request.document.clone();
        // Another process may be downloading into the same directory.
        if !task.job.overwrite && task.job.target.is_here().is_ok_and(|is_here| is_here) {
            return (Next::Present, None);
        }
        // Others can run while the name service keeps this one waiting.
        let hope =
            *progress.hope.get_or_init(|| hope(&self.shared.admission, &task.job.request.sources));
        if hope == Hope::Names
            && self.shared.admission.names.service.is_slow()
            && self.queue.has_untried()
        {
            return (Next::Behind, None);
        }
        let mut incoming = match PartialFile::begin_with(&task.job.target, self.parts) {
            Ok(incoming) => incoming,
            Err(source) => {
                let error = DownloadError::File { document, source };
                return (after_failure(task, error, Duration::ZERO, None), None);
            }
        };
        let Self { downloader, pipeline, messages, unreported, reported, .. } = self;
        let (mut seen, mut announced) = (None::<u64>, None);
        let mut watch = |attempt: DownloadProgress<'_>| {
            let DownloadProgress::Bytes(bytes, length) = attempt else { return };
            // The first event of a transfer says what was here before, which does not count. It may
            // be less than what another holder had delivered.
            let count = bytes.saturating_sub(seen.replace(bytes).unwrap_or(bytes));
            progress.bytes.fetch_add(count, Ordering::Relaxed);
            if let Some(length) = length {
                announced.get_or_insert(length);
                progress.length.store(length, Ordering::Relaxed);
            }
            *unreported += count;
            // When nobody listens, the work is over.
            if reported.elapsed() >= REPORT
                && messages.try_send(Message::Bytes(*unreported)).is_ok()
            {
                (*unreported, *reported) = (0, Instant::now());
                if let Some(length) = length {
                    let _ = messages.try_send(Message::Running(document.clone(), bytes, length));
                }
            }
        };
        let begun = Instant::now();
        let outcome =
            downloader.download_one(pipeline, &task.job.request, &mut incoming, &mut watch);
        if let Some(length) = announced {
            task.retry.announce(length);
        }
        let error = match outcome {
            Ok(fetched) => {
                if let Some(date) = fetched.last_modified {
                    incoming.set_modified(date.time());
                }
                return (Next::Done(fetched), Some(incoming));
            }
            Err(error) => error,
        };
        let kept = incoming.resumable_bytes();
        let next = match error {
            DownloadError::Cancelled(_) if self.queue.must_yield(self.number) => {
                task.retry.keep(kept);
                Next::Behind
            }
            DownloadError::Cancelled(_) => Next::Never(error),
            error => after_failure(task, error, begun.elapsed(), kept),
        };
        if let Next::Never(error) = &next
            && error.is_disk_full()
        {
            self.queue.set_disk_full();
        }
        let is_trusted = task.job.request.is_trusted();
        match &next {
            // A part file that has filled the disk would leave no space for any other document.
            Next::Never(_) if self.queue.is_disk_full() => {
                if let Some(kept) = kept {
                    let document = &task.job.request.document;
                    log::warn!("the disk is full: the {kept} bytes of {document} are deleted");
                }
                incoming.delete();
            }
            Next::Never(DownloadError::Cancelled(_)) => {}
            Next::Never(error) if !is_trusted && !error.is_in_use() && error.kept().is_none() => {
                incoming.delete();
            }
            // A file that waits is closed.
            _ => incoming.suspend(self.parts, is_trusted),
        }
        (next, None)
    }

    /// Hands over what is complete. When nobody listens, the work is over.
    fn hand_over(&mut self) {
        if self.unreported > 0 {
            let _ = self.messages.send(Message::Bytes(mem::take(&mut self.unreported)));
        }
        if !self.done.is_empty() {
            let _ = self.messages.send(Message::Done(mem::take(&mut self.done)));
        }
        self.handed_over = Instant::now();
    }
}

fn hope(admission: &Admission, sources: &[Source]) -> Hope {
    let is_proven = |source: &Source| admission.stats.is_proven(&source.holder);
    match sources {
        sources if sources.iter().any(is_proven) => Hope::Usual,
        sources if admission.names.all_need_lookup(sources) => Hope::Names,
        [] | [_] => Hope::Usual,
        _ => Hope::Doubtful,
    }
}

fn after_failure(task: &mut Task, error: DownloadError, took: Duration, kept: Option<u64>) -> Next {
    match task.retry.after_failure(&error, took, kept) {
        Decision::Again(pause) => Next::Again(error, pause),
        Decision::Never => Next::Never(task.retry.given_up(error)),
    }
}

#[cfg(test)]
mod panics;
#[cfg(test)]
mod tests;
