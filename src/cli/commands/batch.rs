//! The documents that one `get` or `sync` downloads together: progress, output and failures.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::cli::context::Context;
use crate::cli::downloads::change::Earlier;
use crate::cli::downloads::many::Destination;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::{Failure, failure_of};
use crate::cli::output::outcome::{Outcome, print_not_downloaded};
use crate::cli::progress::ManyDownloads;
use crate::library::SharedLibrary;
use crate::peer::{DownloadError, DownloadEvent, DownloadJob};
use crate::protocol::Document;

/// The documents that a command downloads together.
pub(super) struct Batch<'a> {
    pub(super) context: &'a Context,
    pub(super) library: &'a SharedLibrary,
    /// The list of trusted digests, if there is one.
    pub(super) digests: Option<&'a Path>,
    /// The lengths that the index knows, for the remaining time.
    pub(super) lengths: HashMap<Document, u64>,
    /// The failures of documents that are not downloaded.
    pub(super) failures: Vec<Failure>,
    /// Whether each document has a line or an object on standard output.
    pub(super) prints_each: bool,
}

/// The result of a batch.
pub(super) struct BatchResult {
    /// The error that ended all downloads: a file cannot be written, or the command was interrupted.
    pub(super) end: io::Result<()>,
    /// The error of standard output, after which nothing was printed.
    pub(super) output: Result<(), CommandError>,
    pub(super) downloaded: usize,
    /// The failures of all documents.
    pub(super) failures: Vec<Failure>,
    pub(super) progress: ManyDownloads,
}

impl Batch<'_> {
    /// Downloads the documents, and prints the outcome of each. `on_failure` may print notes.
    pub(super) fn download(
        self,
        jobs: Vec<DownloadJob>,
        on_failure: &mut dyn FnMut(&DownloadError),
    ) -> BatchResult {
        let Self { context, library, digests: list, lengths, mut failures, prints_each } = self;
        let mut progress = ManyDownloads::new(jobs.len(), failures.len());
        // A holder can announce any length, and a download takes no larger ones.
        let most = context.downloader.limits().document_length;
        for (document, length) in lengths.iter().filter(|(_, length)| **length <= most) {
            progress.expect(document, *length);
        }
        let documents = jobs.iter().map(|job| (&job.request.document, job.overwrite));
        let earlier = Earlier::read(context, library, documents);
        let (mut output, mut downloaded) = (Ok(()), 0_usize);
        let end = Destination::of(context, library).fetch_all(jobs, &mut |event| {
            match event {
                DownloadEvent::Completed(job, fetched, _) => {
                    downloaded = downloaded.saturating_add(1);
                    if prints_each && output.is_ok() {
                        let (path, document) = (job.target.path(), &job.request.document);
                        let change = earlier.change(document, fetched.digest);
                        let transfer = None;
                        let fetched =
                            Outcome::Fetched { path: &path, fetched, change, list, transfer };
                        progress.aside(|| output = fetched.print(context.format, document));
                    }
                }
                DownloadEvent::Present(job) => {
                    if prints_each && output.is_ok() {
                        let (path, document) = (job.target.path(), &job.request.document);
                        let present = Outcome::Present(&path);
                        progress.aside(|| output = present.print(context.format, document));
                    }
                }
                DownloadEvent::GivenUp(_, DownloadError::Cancelled(_)) => return,
                DownloadEvent::GivenUp(job, error) => {
                    failures.push(failure_of(error));
                    progress.aside(|| on_failure(error));
                    if output.is_ok() {
                        let document = &job.request.document;
                        output = print_not_downloaded(context.format, document, error);
                    }
                }
                DownloadEvent::Committed(_)
                | DownloadEvent::Bytes(_)
                | DownloadEvent::Running(..)
                | DownloadEvent::Retrying(..) => {}
            }
            progress.show(event);
        });
        progress.end();
        BatchResult { end, output, downloaded, failures, progress }
    }
}
