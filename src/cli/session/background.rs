//! Downloads that are requested while a session runs, and run in its background: a few at a time, and the others
//! wait for their turn.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::downloads::SessionDownloads;
use crate::cli::downloads::many::{Plan, plan};
use crate::cli::downloads::one::DownloadResult;
use crate::cli::downloads::share_directory::create_directory;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::outcome::not_saved;
use crate::error_chain::error_chain;
use crate::limits;
use crate::peer::{Cancel, DownloadEvent, JournalEvent};
use crate::protocol::Document;

/// The downloads of a session that were requested. Clones share them.
#[derive(Clone)]
pub(in crate::cli) struct BackgroundDownloads {
    pub(in crate::cli) session: SessionDownloads,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Requested>,
    /// The documents whose holders a thread searches, or which it downloads.
    running: Vec<Requested>,
    threads: usize,
}

#[derive(Clone)]
struct Requested {
    document: Document,
    cancel: Cancel,
}

/// Why a download does not begin.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum NotRequested {
    #[error("{0} is shared here already")]
    Here(Document),
    #[error("{0} is being downloaded already")]
    Running(Document),
    #[error("{document}: {reason}")]
    NotSaved { document: Document, reason: String },
    #[error(
        "expected at most {} waiting downloads; cancel some, or wait until some have ended",
        limits::REQUESTED_DOWNLOADS
    )]
    TooMany,
    #[error("cannot start a thread: too few threads; raise the limit of processes (`ulimit -u`)")]
    Thread(#[source] io::Error),
}

impl BackgroundDownloads {
    /// No download was requested yet.
    pub(in crate::cli) fn new(session: SessionDownloads) -> Self {
        Self { session, state: Arc::default() }
    }

    /// Requests the download of a document. It begins soon, and its end is noted in the register of downloads.
    ///
    /// # Errors
    /// When the document is here or is being downloaded, may not be saved, or too many downloads wait.
    pub(in crate::cli) fn request(&self, document: &Document) -> Result<(), NotRequested> {
        let library = self.session.library.read();
        let target = library.target_for(document).map_err(|reason| NotRequested::NotSaved {
            document: document.clone(),
            reason: not_saved(document, reason),
        })?;
        let shared = library.entry(document).cloned();
        drop(library);
        let is_file =
            |path: std::path::PathBuf| path.symlink_metadata().is_ok_and(|found| found.is_file());
        if shared.is_some_and(|entry| is_file(entry.path())) || target.is_here().is_ok_and(|it| it)
        {
            return Err(NotRequested::Here(document.clone()));
        }
        // Before a thread may note the end.
        self.session.journal.add(document, JournalEvent::Wanted(None));
        let queued = self.queue(document);
        if let Err(NotRequested::TooMany | NotRequested::Thread(_)) = queued {
            self.session.journal.add(document, JournalEvent::GivenUp);
        }
        queued
    }

    fn queue(&self, document: &Document) -> Result<(), NotRequested> {
        let mut state = self.lock();
        if state.has(document) || self.session.downloads.is_running(document) {
            return Err(NotRequested::Running(document.clone()));
        }
        if state.waiting.len() >= limits::REQUESTED_DOWNLOADS {
            return Err(NotRequested::TooMany);
        }
        state.waiting.push_back(Requested { document: document.clone(), cancel: Cancel::new() });
        if state.threads < limits::BACKGROUND_DOWNLOADS {
            let this = self.clone();
            let thread = thread::Builder::new().name("background".into());
            match thread.spawn(move || this.work()) {
                Ok(_) => state.threads += 1,
                // Another thread takes it later.
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    state.waiting.pop_back();
                    return Err(NotRequested::Thread(error));
                }
            }
        }
        Ok(())
    }

    /// Cancels the download of a document, which is no longer wanted; `false` if there is none. Also downloads
    /// of commands and of earlier sessions are cancelled.
    pub(in crate::cli) fn cancel(&self, document: &Document) -> bool {
        let mut state = self.lock();
        let at = state.waiting.iter().position(|one| one.document == *document);
        let was_waiting = at.is_some_and(|at| state.waiting.remove(at).is_some());
        let running = state.running.iter().find(|one| one.document == *document).cloned();
        drop(state);
        let Self { session, .. } = self;
        if was_waiting {
            session.downloads.note_ended(document, DownloadResult::Cancelled);
        }
        if let Some(one) = &running {
            one.cancel.cancel();
        }
        // The same document may be downloaded by a command.
        let is_cancelled = session.downloads.cancel(document) || was_waiting || running.is_some();
        if is_cancelled {
            session.journal.add(document, JournalEvent::GivenUp);
            session.journal.sync();
        }
        is_cancelled
    }

    /// The documents that wait, or of which holders are looked for.
    pub(in crate::cli) fn waiting(&self, most: usize) -> (Vec<Document>, usize) {
        let state = self.lock();
        let downloads = &self.session.downloads;
        // A cancelled one ends in a moment.
        let is_searched =
            |one: &&Requested| !one.cancel.is_cancelled() && !downloads.is_running(&one.document);
        let searched = state.running.iter().filter(is_searched);
        let all: Vec<&Requested> = searched.chain(&state.waiting).collect();
        (all.iter().take(most).map(|one| one.document.clone()).collect(), all.len())
    }

    /// Downloads what waits, until nothing does.
    fn work(&self) {
        loop {
            let mut state = self.lock();
            let Some(next) = state.waiting.pop_front() else {
                state.threads -= 1;
                return;
            };
            state.running.push(next.clone());
            drop(state);
            self.download(&next);
            self.lock().running.retain(|one| one.document != next.document);
        }
    }

    fn download(&self, one: &Requested) {
        let Requested { document, cancel } = one;
        let SessionDownloads { journal, downloads, notices, .. } = &self.session;
        let mut has_ended = false;
        let outcome = self.fetch(one, &mut |event| {
            has_ended |= matches!(
                event,
                DownloadEvent::Completed(..)
                    | DownloadEvent::Present(_)
                    | DownloadEvent::GivenUp(..)
            );
            self.session.print(event);
        });
        match outcome {
            Ok(Fetch::Here) => downloads.note_ended(document, DownloadResult::Present),
            Ok(Fetch::Tried) => {}
            Err(_) if has_ended => {}
            Err(_) if cancel.is_cancelled() => {
                downloads.note_ended(document, DownloadResult::Cancelled);
            }
            Err(error) => {
                let reason = error_chain(&error);
                notices.print(&reason);
                journal.add(document, JournalEvent::NotFetched(reason.clone()));
                // What cannot be written is still wanted.
                if !matches!(error, CommandError::File { .. }) {
                    journal.add(document, JournalEvent::GivenUp);
                }
                downloads.note_ended(document, DownloadResult::Failed(reason));
            }
        }
        journal.sync();
    }

    fn fetch(
        &self,
        one: &Requested,
        on_event: &mut dyn FnMut(&DownloadEvent<'_>),
    ) -> Result<Fetch, CommandError> {
        let Requested { document, cancel } = one;
        let SessionDownloads { downloader, library, registrations, notices, .. } = &self.session;
        let index = registrations.queries();
        index.cancel_with(cancel);
        let sources = self.session.sources(&index, document)?;
        index.close();
        let cannot_save =
            |source| CommandError::File { what: format!("cannot save {document}"), source };
        let planned = plan(library, document.clone(), sources, None, None).map_err(cannot_save)?;
        let mut job = match planned {
            Plan::Fetch(job) => job,
            Plan::Here(_) => return Ok(Fetch::Here),
            Plan::NotSaved(reason) => {
                let reason = not_saved(document, reason);
                return Err(CommandError::Usage(format!("{document}: {reason}")));
            }
        };
        job.cancel = cancel.clone();
        let directory = library.read().directory().to_path_buf();
        if let Some((note, _)) = create_directory(&directory).map_err(cannot_save)? {
            notices.print(&note);
        }
        let downloader = downloader.with_cancel(cancel.clone());
        let destination = self.session.destination(&downloader);
        destination.fetch_all(vec![job], on_event).map_err(cannot_save)?;
        Ok(Fetch::Tried)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one insertion or removal.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has(&self, document: &Document) -> bool {
        self.waiting.iter().chain(&self.running).any(|one| one.document == *document)
    }
}

/// The result of looking for a document.
enum Fetch {
    /// It was here.
    Here,
    /// It was downloaded, or given up, which was reported.
    Tried,
}
