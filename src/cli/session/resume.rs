//! Resuming the downloads that an earlier run did not complete, in the background of a session
//! (protocol.md section 5.6).

use std::collections::BTreeMap;
use std::io;
use std::thread;

use super::downloads::SessionDownloads;
use crate::cli::downloads::many::{Plan, plan};
use crate::cli::downloads::share_directory::create_directory;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::outcome::not_saved;
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::limits::doubled;
use crate::peer::{DownloadJob, JournalEvent};
use crate::protocol::{Digest, Document};

/// Starts a thread that resumes unfinished downloads. It ends when they are complete or given up, or with the
/// program.
///
/// Does nothing while another process may be downloading into the same directory.
pub(in crate::cli) fn resume_unfinished(session: &SessionDownloads) {
    let unfinished = session.journal.unfinished();
    if unfinished.is_empty() || !session.journal.was_alone() {
        return;
    }
    let session = session.clone();
    let work = move || {
        if let Err(error) = Resumption(&session).run(unfinished) {
            log::warn!("cannot resume unfinished downloads: {}", error_chain(&error));
        }
    };
    if let Err(error) = thread::Builder::new().name("resume".into()).spawn(work) {
        log::warn!("unfinished downloads are not resumed: cannot start a thread: {error}");
    }
}

struct Resumption<'a>(&'a SessionDownloads);

impl Resumption<'_> {
    /// Repeats rounds until all documents were downloaded or given up.
    fn run(&self, mut left: BTreeMap<Document, Option<Digest>>) -> io::Result<()> {
        let SessionDownloads { downloader, journal, library, notices, .. } = self.0;
        let limits = downloader.limits();
        let mut pause = limits.no_holders;
        loop {
            let mut jobs = Vec::new();
            for (document, digest) in &left {
                jobs.extend(self.job(document, *digest));
            }
            if !jobs.is_empty() {
                let count = jobs.len();
                let downloads = counted(count, "unfinished download");
                notices.print(&format!("resuming {downloads}"));
                let directory = library.read().directory().to_path_buf();
                if let Some((note, _)) = create_directory(&directory)? {
                    notices.print(&note);
                }
                // No signal cancels these downloads.
                let destination = self.0.destination(downloader);
                destination.fetch_all(jobs, &mut |event| self.0.print(event))?;
            }
            let unfinished = journal.unfinished();
            let before = left.len();
            // The document may also have been added in another way.
            let is_here = |document: &Document| library.read().entry(document).is_some();
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
        let SessionDownloads { downloader, journal, library, registrations, .. } = self.0;
        // These queries have their own connection, which is closed between two rounds.
        let index = registrations.queries();
        let sources = loop {
            match self.0.sources(&index, document) {
                Ok(sources) => break sources,
                Err(CommandError::Index(error)) if error.is_transient() => {
                    thread::sleep(downloader.limits().retry);
                }
                Err(error) => {
                    let reason = error_chain(&error);
                    if !matches!(error, CommandError::NoHolder { .. }) {
                        log::warn!("{document}: {reason}");
                    }
                    journal.add(document, JournalEvent::NotFetched(reason));
                    return None;
                }
            }
        };
        match plan(library, document.clone(), sources, digest, None) {
            Ok(Plan::Fetch(job)) => return Some(job),
            Ok(Plan::Here(_)) => {}
            Ok(Plan::NotSaved(reason)) => {
                log::warn!("{document} is not fetched: {}", not_saved(document, reason));
            }
            Err(error) => log::warn!("cannot save {document}: {error}"),
        }
        journal.add(document, JournalEvent::GivenUp);
        None
    }
}
