//! Downloads into the shared directory, and their effects on the journal, the library and the index.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::one::Finish;
use super::running::{Downloads, Running, wait};
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::error_chain::error_chain;
use crate::library::{NotSaved, PartFiles, SaveTarget, Saved, SharedLibrary};
use crate::peer::{
    Announcements, Cancel, DownloadError, DownloadEvent, DownloadJob, DownloadRequest, Downloader,
    Journal, JournalEvent, Registrations, Source, TransferError, download_all,
};
use crate::protocol::{Digest, Document, Endpoint, Title};

/// Where documents are saved, recorded and announced.
pub(in crate::cli) struct Destination<'a> {
    pub(in crate::cli) downloader: &'a Downloader,
    pub(in crate::cli) journal: &'a Journal,
    pub(in crate::cli) library: &'a SharedLibrary,
    pub(in crate::cli) downloads: &'a Downloads,
    /// The session that shares them, if there is one.
    pub(in crate::cli) registrations: Option<&'a Registrations>,
    /// The queue of documents that are announced later.
    pub(in crate::cli) announcements: Option<&'a Announcements>,
}

impl<'a> Destination<'a> {
    /// Downloads into a library.
    pub(in crate::cli) fn of(context: &'a Context, library: &'a SharedLibrary) -> Self {
        Self {
            downloader: &context.downloader,
            journal: &context.journal,
            library,
            downloads: &context.downloads,
            registrations: context.index.registrations(),
            announcements: context.announcements.as_ref(),
        }
    }
}

impl Destination<'_> {
    /// Downloads all documents, and shares the downloaded ones. `on_event` receives each event after it was
    /// recorded. If a document is already being downloaded, that download is awaited first.
    ///
    /// # Errors
    /// When files cannot be written. Then the rest is not tried.
    pub(in crate::cli) fn fetch_all(
        &self,
        jobs: Vec<DownloadJob>,
        on_event: &mut dyn FnMut(&DownloadEvent<'_>),
    ) -> io::Result<()> {
        let (running, mut others) = self.downloads.claim(jobs.iter().map(handle));
        let (waited_for, claimed): (Vec<DownloadJob>, Vec<DownloadJob>) =
            jobs.into_iter().partition(|job| others.contains_key(&job.request.document));
        self.fetch_claimed(&running, claimed, on_event)?;
        drop(running);
        let mut rest = Vec::new();
        for job in waited_for {
            let end = others.remove(&job.request.document);
            match end.and_then(|end| wait(&end, self.downloader.cancel())) {
                Some(Finish::Fetched(fetched, saved)) => {
                    on_event(&DownloadEvent::Completed(&job, &fetched, saved));
                }
                Some(Finish::GivenUp) | None => rest.push(job),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        let (running, _) = self.downloads.claim(rest.iter().map(handle));
        self.fetch_claimed(&running, rest, on_event)
    }

    fn fetch_claimed(
        &self,
        running: &Running,
        jobs: Vec<DownloadJob>,
        on_event: &mut dyn FnMut(&DownloadEvent<'_>),
    ) -> io::Result<()> {
        let directory = self.library.read().directory().to_path_buf();
        let parts = part_files(&directory, self.library, self.journal);
        let outcome = download_all(self.downloader, &parts, jobs, &mut |event| {
            self.remember(&event);
            note(running, &event);
            on_event(&event);
        });
        self.journal.sync();
        outcome
    }

    fn remember(&self, event: &DownloadEvent<'_>) {
        match event {
            // The other process records and shares the document.
            DownloadEvent::Present(_) => {}
            DownloadEvent::Bytes(_) => self.journal.sync_if_due(),
            DownloadEvent::Running(..) => {}
            DownloadEvent::Retrying(document, error, pause) => {
                self.record_failures(document, error);
                self.journal.add(document, JournalEvent::Waits(*pause));
            }
            // The document is still wanted, unless it was cancelled alone, which was recorded.
            DownloadEvent::GivenUp(job, error @ DownloadError::Cancelled(_)) => {
                let event = JournalEvent::NotFetched(error_chain(error));
                self.journal.add(&job.request.document, event);
            }
            // Another process is still downloading it.
            DownloadEvent::GivenUp(_, error) if error.is_in_use() => {}
            // The document is still wanted, and resumes.
            DownloadEvent::GivenUp(job, error) if error.kept().is_some() => {
                self.record_failures(&job.request.document, error);
            }
            DownloadEvent::GivenUp(job, error) => {
                self.record_failures(&job.request.document, error);
                self.journal.add(&job.request.document, JournalEvent::GivenUp);
            }
            // One write and one lock for all documents.
            DownloadEvent::Committed(all) => {
                self.journal.add_all(all.iter().filter_map(|(document, fetched)| {
                    let holder = fetched.holders.first()?.clone();
                    let event = JournalEvent::Fetched(fetched.digest, fetched.length, holder);
                    Some(((*document).clone(), event))
                }))
            }
            DownloadEvent::Completed(job, fetched, saved) => {
                let title = job.request.title_of(&fetched.holders).cloned();
                self.share(&job.request.document, title, *saved, fetched.digest);
                if job.overwrite {
                    record_replaced(self.journal, &job.target);
                }
            }
        }
    }

    fn record_failures(&self, document: &Document, error: &DownloadError) {
        if failures(error).next().is_none() {
            self.journal.add(document, JournalEvent::NotFetched(error_chain(error)));
        }
        for (holder, error) in failures(error) {
            let event = JournalEvent::Failed(holder.clone(), error_chain(error));
            self.journal.add(document, event);
        }
    }

    fn share(&self, document: &Document, title: Option<Title>, saved: Saved, digest: Digest) {
        let added = self.library.add_saved(document, title, saved, digest);
        if let Err(error) = added {
            log::warn!("{document} is not shared: {error}");
        } else if let Some(registrations) = self.registrations
            && let Err(error) =
                registrations.update(std::slice::from_ref(document), self.downloader.cancel())
        {
            log::debug!("{document} is not registered yet: {}", error_chain(&error));
            if let Some(announcements) = self.announcements {
                announcements.send(document);
            }
        }
    }
}

/// The partial files of a directory, without those that no download into the library resumes.
pub(in crate::cli) fn part_files(
    directory: &Path,
    library: &SharedLibrary,
    journal: &Journal,
) -> PartFiles {
    let parts = PartFiles::in_directory(directory);
    if parts.is_empty() {
        return parts;
    }
    let mut wanted = journal.unfinished();
    // The document may have been added in another way, unless other content is wanted.
    wanted.retain(|document, digest| {
        let library = library.read();
        let is_here = library.entry(document).is_some();
        !is_here || digest.is_some_and(|digest| library.content(document).digest != Some(digest))
    });
    let (wanted, complete): (Vec<SaveTarget>, Vec<SaveTarget>) = {
        let library = library.read();
        let target = |document: &Document| library.target_for(document).ok();
        // A download with --out has another directory, which the library does not contain.
        let is_library = directory == library.directory();
        let documents = library.documents().map(|(document, _)| document);
        let complete = documents.filter(|_| is_library).filter_map(target).collect();
        (wanted.keys().filter_map(target).collect(), complete)
    };
    parts.remove_unwanted(wanted.into_iter(), complete.into_iter());
    parts
}

/// A document, and the handle that cancels its download.
fn handle(job: &DownloadJob) -> (&Document, &Cancel) {
    (&job.request.document, &job.cancel)
}

/// Updates the register of running downloads.
fn note(running: &Running, event: &DownloadEvent<'_>) {
    match event {
        DownloadEvent::Bytes(count) => running.add_bytes(*count),
        DownloadEvent::Running(document, received) => running.receive(document, received),
        DownloadEvent::Retrying(document, error, pause) => {
            running.retry(document, *pause, error_chain(error));
        }
        DownloadEvent::Committed(_) => {}
        DownloadEvent::Completed(job, fetched, saved) => {
            running.complete(&job.request.document, fetched, *saved);
        }
        DownloadEvent::Present(job) => running.present(&job.request.document),
        DownloadEvent::GivenUp(job, error) => {
            running.fail(&job.request.document, error_chain(error));
        }
    }
}

/// The holders that were asked for a document and failed, with their errors.
pub(in crate::cli) fn failures(
    error: &DownloadError,
) -> impl Iterator<Item = &(Endpoint, TransferError)> {
    let failures = match error {
        DownloadError::AllFailed { failures, .. } => &failures[..],
        DownloadError::NoHolders(_)
        | DownloadError::File { .. }
        | DownloadError::Cancelled(_)
        | DownloadError::InUse(_)
        | DownloadError::Present(_) => &[],
    };
    failures.iter().filter(|(_, error)| !matches!(error, TransferError::BackedOff(_)))
}

/// How a document is obtained.
pub(in crate::cli) enum Plan {
    /// The document is already at this path, and is not overwritten.
    Here(PathBuf),
    Fetch(DownloadJob),
    /// The document is never saved in a shared directory.
    NotSaved(NotSaved),
}

/// Plans the download of a document into the library's directory. Changes nothing there. With
/// `overwrite`, the journal of the directory, the download replaces what has the document's name.
///
/// # Errors
/// When another kind of file has its name.
pub(in crate::cli) fn plan(
    library: &SharedLibrary,
    document: Document,
    candidates: Vec<Source>,
    digest: Option<Digest>,
    overwrite: Option<&Journal>,
) -> io::Result<Plan> {
    let (shared, target) = {
        let library = library.read();
        (library.entry(&document).map(|entry| entry.path()), library.target_for(&document))
    };
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_file());
    if let Some(path) = shared.filter(|path| overwrite.is_none() && is_file(path)) {
        return Ok(Plan::Here(path));
    }
    let target = match target {
        Ok(target) => target,
        Err(reason) => return Ok(Plan::NotSaved(reason)),
    };
    let target = match overwrite {
        Some(journal) => replacing(target, journal),
        None => target,
    };
    let overwrite = overwrite.is_some();
    let looked = Instant::now();
    let is_file = target.check(overwrite)?;
    if !overwrite && is_file && target.is_here()? {
        return Ok(Plan::Here(target.path()));
    }
    let request = DownloadRequest { document, sources: Source::distinct(candidates), digest };
    let found_free = (!is_file).then_some(looked);
    let cancel = Cancel::new();
    Ok(Plan::Fetch(DownloadJob { request, target, overwrite, found_free, cancel }))
}

/// The target of a forced download, which may replace a directory of downloaded files.
pub(in crate::cli) fn replacing(target: SaveTarget, journal: &Journal) -> SaveTarget {
    match target.is_directory() {
        true => target.with_downloaded(&journal.fetched()),
        false => target,
    }
}

/// Records after a forced download that downloaded documents in its place are gone.
pub(in crate::cli) fn record_replaced(journal: &Journal, target: &SaveTarget) {
    let downloaded = journal.fetched().into_keys().filter(|document| target.excludes(document));
    journal.add_all(downloaded.map(|document| (document, JournalEvent::Replaced)));
}

/// Records why a document was not downloaded, unless the errors of its holders were recorded.
pub(in crate::cli) fn record_reason(context: &Context, document: &Document, error: &CommandError) {
    let is_recorded =
        matches!(error, CommandError::Fetch(error) if failures(error).next().is_some());
    if !is_recorded {
        context.journal.add(document, JournalEvent::NotFetched(error_chain(error)));
    }
}
