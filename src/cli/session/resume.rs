//! Resuming the downloads that an earlier run did not complete, in the background of a session
//! (protocol.md section 5.6).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;

use crate::cli::downloads::many::{Destination, Plan, plan};
use crate::cli::downloads::running::Downloads;
use crate::cli::downloads::share_directory::create_directory;
use crate::cli::output::incomplete::note_missing_holders;
use crate::cli::output::notices::Notices;
use crate::cli::output::outcome::not_saved;
use crate::cli::progress::warn_of_length;
use crate::cli::values::quantity::counted;
use crate::error_chain::error_chain;
use crate::library::SharedLibrary;
use crate::limits::doubled;
use crate::peer::{
    DownloadEvent, DownloadJob, Downloader, Journal, JournalEvent, Registrations, Source, lookup,
};
use crate::protocol::{Digest, Document};

/// Starts a thread that resumes unfinished downloads. It ends when they are complete or given up, or with the
/// program.
///
/// Does nothing while another process may be downloading into the same directory.
pub(in crate::cli) fn resume_unfinished(
    downloader: &Downloader,
    journal: &Arc<Journal>,
    library: &SharedLibrary,
    registrations: &Registrations,
    downloads: &Downloads,
    notices: Notices,
) {
    let unfinished = journal.unfinished();
    if unfinished.is_empty() || !journal.was_alone() {
        return;
    }
    let (downloader, library, downloads) = (downloader.clone(), library.clone(), downloads.clone());
    let (journal, registrations) = (Arc::clone(journal), registrations.clone());
    let work = move || {
        let (downloader, journal, library) = (&downloader, &*journal, &library);
        let registrations = Some(&registrations);
        let downloads = &downloads;
        // No signal cancels these downloads, and the session registers everything after reconnecting.
        let announcements = None;
        let destination =
            Destination { downloader, journal, library, downloads, registrations, announcements };
        let resumption = Resumption { destination, notices };
        if let Err(error) = resumption.run(unfinished) {
            log::warn!("cannot resume unfinished downloads: {}", error_chain(&error));
        }
    };
    if let Err(error) = thread::Builder::new().name("resume".into()).spawn(work) {
        log::warn!("unfinished downloads are not resumed: cannot start a thread: {error}");
    }
}

struct Resumption<'a> {
    destination: Destination<'a>,
    notices: Notices,
}

impl Resumption<'_> {
    /// Repeats rounds until all documents were downloaded or given up.
    fn run(&self, mut left: BTreeMap<Document, Option<Digest>>) -> io::Result<()> {
        let journal = self.destination.journal;
        let limits = self.destination.downloader.limits();
        let mut pause = limits.no_holders;
        loop {
            let mut jobs = Vec::new();
            for (document, digest) in &left {
                jobs.extend(self.job(document, *digest));
            }
            if !jobs.is_empty() {
                let count = jobs.len();
                let downloads = counted(count, "unfinished download");
                self.notices.print(&format!("resuming {downloads}"));
                let directory = self.destination.library.read().directory().to_path_buf();
                if let Some((note, _)) = create_directory(&directory)? {
                    self.notices.print(&note);
                }
                self.destination.fetch_all(jobs, &mut |event| self.print(event))?;
            }
            let unfinished = journal.unfinished();
            let before = left.len();
            // The document may also have been added in another way.
            let is_here =
                |document: &Document| self.destination.library.read().entry(document).is_some();
            left.retain(|document, _| unfinished.contains_key(document) && !is_here(document));
            if left.is_empty() {
                return Ok(());
            }
            if left.len() < before {
                pause = limits.no_holders;
            }
            for document in left.keys() {
                journal.add(document, JournalEvent::Waits(pause));
            }
            thread::sleep(pause);
            pause = doubled(pause, limits.no_holders_max);
        }
    }

    /// The download of a document, if a peer has it. Waits until the index is reachable.
    fn job(&self, document: &Document, digest: Option<Digest>) -> Option<DownloadJob> {
        let registrations = self.destination.registrations?;
        // These queries have their own connection, which is closed between two rounds.
        let index = registrations.queries();
        let title = self.destination.library.read().known_title(document);
        let holders = loop {
            match lookup(&index, document, title.as_ref()) {
                Ok(holders) => {
                    note_missing_holders(document, &holders.completeness);
                    break holders.found;
                }
                Err(error) if error.is_transient() => {
                    thread::sleep(self.destination.downloader.limits().retry);
                }
                Err(error) => {
                    log::warn!("{document}: {}", error_chain(&error));
                    break Vec::new();
                }
            }
        };
        let owns = registrations.owns();
        let mut candidates: Vec<Source> = holders.into_iter().map(Into::into).collect();
        candidates.retain(|source| !owns.contains(&source.holder));
        if candidates.is_empty() {
            let event = JournalEvent::NotFetched(format!("no peer has {document}"));
            self.destination.journal.add(document, event);
            return None;
        }
        let library = self.destination.library;
        match plan(library, document.clone(), candidates, digest, None) {
            Ok(Plan::Fetch(job)) => return Some(job),
            Ok(Plan::Here(_)) => {}
            Ok(Plan::NotSaved(reason)) => {
                log::warn!("{document} is not fetched: {}", not_saved(document, reason));
            }
            Err(error) => log::warn!("cannot save {document}: {error}"),
        }
        self.destination.journal.add(document, JournalEvent::GivenUp);
        None
    }

    fn print(&self, event: &DownloadEvent<'_>) {
        match event {
            DownloadEvent::Bytes(_)
            | DownloadEvent::Running(..)
            | DownloadEvent::Committed(_)
            | DownloadEvent::Present(_) => {}
            DownloadEvent::Retrying(document, error, pause) => {
                log::info!("{document} is tried again in {pause:?}: {}", error_chain(error));
            }
            DownloadEvent::Completed(job, fetched, _) => {
                warn_of_length(&job.request.document, fetched);
                let (document, bytes) = (&job.request.document, counted(fetched.length, "byte"));
                self.notices.print(&format!("{document}: {bytes} downloaded"));
            }
            DownloadEvent::GivenUp(_, error) => self.notices.print(&error_chain(error)),
        }
    }
}
