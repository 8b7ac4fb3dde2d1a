//! Downloads in the background of a session: what they need, and what they have in common.

use std::sync::Arc;

use crate::cli::downloads::found::record_found;
use crate::cli::downloads::many::Destination;
use crate::cli::downloads::running::Downloads;
use crate::cli::errors::command_error::CommandError;
use crate::cli::meant::NameLookup;
use crate::cli::output::incomplete::note_missing_holders;
use crate::cli::output::notices::Notices;
use crate::cli::progress::warn_of_length;
use crate::cli::values::quantity::message_size;
use crate::error_chain::error_chain;
use crate::library::SharedLibrary;
use crate::peer::{AskIndex, DownloadEvent, Downloader, Journal, Registrations, Source};
use crate::protocol::Document;

/// What the downloads in the background of a session need. Clones share it.
#[derive(Clone)]
pub(in crate::cli) struct SessionDownloads {
    pub(in crate::cli) downloader: Downloader,
    pub(in crate::cli) journal: Arc<Journal>,
    pub(in crate::cli) library: SharedLibrary,
    pub(in crate::cli) registrations: Registrations,
    pub(in crate::cli) downloads: Downloads,
    pub(in crate::cli) notices: Notices,
}

impl SessionDownloads {
    /// Where a downloader saves documents.
    pub(in crate::cli) fn destination<'a>(&'a self, downloader: &'a Downloader) -> Destination<'a> {
        Destination {
            downloader,
            journal: &self.journal,
            library: &self.library,
            downloads: &self.downloads,
            registrations: Some(&self.registrations),
            // The session registers everything after reconnecting.
            announcements: None,
        }
    }

    /// The holders of a document except this peer.
    ///
    /// # Errors
    /// When there are none, or the index does not answer.
    pub(in crate::cli) fn sources(
        &self,
        index: &dyn AskIndex,
        document: &Document,
    ) -> Result<Vec<Source>, CommandError> {
        let names = NameLookup { index, library: Some(&self.library) };
        let holders = names.holders(document)?;
        note_missing_holders(document, &holders.completeness);
        let owns = self.registrations.owns();
        let mut found = holders.found;
        found.retain(|holder| !owns.contains(&holder.record.holder));
        record_found(&self.journal, document, &found);
        match found.is_empty() {
            true => Err(CommandError::NoHolder { document: document.clone(), hint: String::new() }),
            false => Ok(found.into_iter().map(Source::from).collect()),
        }
    }

    /// Prints an event as a notice.
    pub(in crate::cli) fn print(&self, event: &DownloadEvent<'_>) {
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
                let (document, bytes) = (&job.request.document, message_size(fetched.length));
                self.notices.print(&format!("{document}: {bytes} downloaded"));
            }
            DownloadEvent::GivenUp(_, error) => self.notices.print(&error_chain(error)),
        }
    }
}
