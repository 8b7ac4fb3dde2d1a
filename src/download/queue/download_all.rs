//! Downloads many documents, several concurrently (protocol.md sections 7 and 9).
//!
//! Worker threads download. The calling thread commits complete files in batches, so that one sync
//! serves many files.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;

use super::events::{CompleteDocument, DownloadEvent, DownloadJob, Message};
use super::job_queue::JobQueue;
use super::running::Slow;
use super::worker::Worker;
use crate::download::downloader::Downloader;
use crate::download::model::{CompletedDownload, DownloadError};
use crate::library::{CommitResults, PartFiles, PartialFile, Saved};
use crate::limits;
use crate::system;

/// Downloads all documents into one directory and its subdirectories.
///
/// A document that cannot be saved is given up, and the others are downloaded.
///
/// # Errors
/// When no further file can be written: then the other documents are not tried. Received bytes are
/// kept. The kind is [`io::ErrorKind::Interrupted`] if the downloads were cancelled
/// ([`crate::net::Cancel`]).
pub fn download_all(
    downloader: &Downloader,
    parts: &PartFiles,
    jobs: Vec<DownloadJob>,
    watch: &mut dyn FnMut(DownloadEvent<'_>),
) -> io::Result<()> {
    let workers =
        downloader.accounting.bandwidth.feeds(system::peer_bounds().downloads).min(jobs.len());
    let queue =
        JobQueue::new(jobs, parts, workers, &downloader.dialer.names, &downloader.dialer.limits);
    // Each complete document that waits for its commit is an open file.
    let (sender, messages) = sync_channel(workers);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (queue, sender) = (&queue, sender.clone());
            let work = move || Worker::new(worker, queue, parts, downloader, &sender).work();
            let name = format!("download-{worker}");
            let spawned = thread::Builder::new().name(name).spawn_scoped(scope, work);
            if let Err(error) = spawned
                && worker == 0
            {
                return Err(error);
            }
        }
        drop(sender);
        let collect = || collect(downloader, &queue, &messages, watch);
        let outcome = catch_unwind(AssertUnwindSafe(collect));
        queue.end();
        // Workers must not block on a full channel, also when the callback has panicked.
        messages.iter().for_each(drop);
        if queue.is_disk_full() {
            parts.delete_own();
        }
        match outcome {
            Ok(Ok(())) if downloader.cancel().is_cancelled() => {
                Err(io::ErrorKind::Interrupted.into())
            }
            Ok(outcome) => outcome,
            Err(panic) => resume_unwind(panic),
        }
    })
}

/// The error of a file that ends all downloads, with the name of its document.
fn of_document(job: &DownloadJob, source: &io::Error) -> io::Error {
    io::Error::new(source.kind(), format!("{}: {source}", job.request.document))
}

/// Reports events and commits complete files, until all workers have ended. Runs on the calling
/// thread.
fn collect(
    downloader: &Downloader,
    queue: &JobQueue,
    messages: &Receiver<Message>,
    watch: &mut dyn FnMut(DownloadEvent<'_>),
) -> io::Result<()> {
    let mut batch: Vec<CompleteDocument> = Vec::new();
    let mut since = Instant::now();
    let mut supervised = Instant::now();
    let most = system::peer_bounds().complete;
    loop {
        if supervised.elapsed() >= limits::BATCH_TIME {
            if downloader.cancel().is_cancelled() {
                queue.end();
            }
            queue.supervise(Slow {
                limits: downloader.limits(),
                rate: downloader.accounting.slow_rate(),
                names: downloader.admission.names.service.is_slow(),
            });
            supervised = Instant::now();
        }
        match messages.recv_timeout(limits::BATCH_TIME) {
            Ok(Message::Bytes(count)) => watch(DownloadEvent::Bytes(count)),
            Ok(Message::Running(document, received)) => {
                watch(DownloadEvent::Running(&document, &received));
            }
            Ok(Message::Waits(waits)) => {
                let (document, error, pause) = *waits;
                watch(DownloadEvent::Retrying(&document, &error, pause));
            }
            Ok(Message::Done(done, count)) => {
                watch(DownloadEvent::Bytes(count));
                if batch.is_empty() {
                    since = Instant::now();
                }
                batch.extend(done);
            }
            Ok(Message::Present(job)) => watch(DownloadEvent::Present(&job)),
            Ok(Message::GivenUp(given_up)) => {
                let (job, error) = *given_up;
                let error = match error {
                    DownloadError::File { source, .. } if ends_all(&source, job.target.root()) => {
                        commit_all(&mut batch, watch)?;
                        return Err(of_document(&job, &source));
                    }
                    error => error,
                };
                watch(DownloadEvent::GivenUp(&job, &error));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return commit_all(&mut batch, watch),
        }
        if batch.len() >= most || since.elapsed() >= limits::BATCH_TIME {
            commit_all(&mut batch, watch)?;
        }
    }
}

fn commit_all(
    batch: &mut Vec<CompleteDocument>,
    watch: &mut dyn FnMut(DownloadEvent<'_>),
) -> io::Result<()> {
    let (mut files, mut fetched) = (Vec::new(), Vec::new());
    for (job, partial, one) in batch.drain(..) {
        files.push((partial, job.overwrite));
        fetched.push((job, one));
    }
    let named = |(outcome, (job, one)): (io::Result<Saved>, (DownloadJob, CompletedDownload))| {
        let outcome = match outcome {
            // Another process may have saved the same document.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Saved::existing(&job.target, one.digest).ok().flatten().ok_or(error)
            }
            outcome => outcome,
        };
        (outcome, job, one)
    };
    let CommitResults { outcomes, synced } = PartialFile::commit_all(files)?;
    let outcomes = outcomes.into_iter().zip(fetched).map(named).collect();
    report(outcomes, synced, watch)
}

/// The outcome of the commit of a file.
type Outcome = (io::Result<Saved>, DownloadJob, CompletedDownload);

/// Reports every file of a batch, before an error with one of them or their directories ends all
/// downloads.
fn report(
    outcomes: Vec<Outcome>,
    synced: io::Result<()>,
    watch: &mut dyn FnMut(DownloadEvent<'_>),
) -> io::Result<()> {
    let committed: Vec<_> = outcomes
        .iter()
        .filter(|(outcome, ..)| outcome.is_ok())
        .map(|(_, job, one)| (&job.request.document, one))
        .collect();
    if !committed.is_empty() {
        watch(DownloadEvent::Committed(&committed));
    }
    let mut fatal = None;
    for (outcome, job, one) in outcomes {
        match outcome {
            Ok(saved) => watch(DownloadEvent::Completed(&job, &one, saved)),
            Err(source) if fatal.is_none() && ends_all(&source, job.target.root()) => {
                fatal = Some(of_document(&job, &source));
            }
            Err(source) => {
                let document = job.request.document.clone();
                watch(DownloadEvent::GivenUp(&job, &DownloadError::File { document, source }));
            }
        }
    }
    fatal.map_or(synced, Err)
}

/// Whether an error with one file means that no other file can be written: the disk is full or
/// broken, or the directory is gone or cannot be written.
fn ends_all(error: &io::Error, directory: &Path) -> bool {
    // Without a free descriptor the directory cannot be tested.
    !system::is_shortage(error)
        && (system::is_disk_full(error)
            || error.kind() == io::ErrorKind::ReadOnlyFilesystem
            || system::is_disk_failure(error)
            || !PartialFile::can_create_in(directory))
}

#[cfg(test)]
mod panics;
#[cfg(test)]
mod tests;
