//! The state that commands use: the index, the shared directory, the journal, running downloads, and
//! whether a person can be asked.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::downloads::Downloads;
use super::exit::CommandError;
use super::format::Format;
use super::index_access::IndexAccess;
use super::interrupt::Interrupt;
use super::listed::Listed;
use super::user_folder::stored_digests;
use crate::escape::escaped;
use crate::library::{Depth, Library, SharedLibrary};
use crate::peer::{Cancel, Downloader, Journal, UploadServer};
use crate::protocol::{Document, Endpoint, Title};

/// The state that commands use.
pub(super) struct Context {
    /// Where the index is, as it was asked for.
    pub(super) server: Endpoint,
    pub(super) index: IndexAccess,
    pub(super) folder: PathBuf,
    pub(super) depth: Depth,
    /// Of a session; a single command looks through the folder when it needs to.
    pub(super) library: OnceCell<SharedLibrary>,
    /// Where a session puts documents whose digest is to be computed.
    pub(super) hashing: Option<Sender<Document>>,
    /// Where a session puts documents of which the index is to be told when that is possible.
    pub(super) announcements: Option<Sender<Document>>,
    /// Of a session.
    pub(super) uploads: Option<Arc<UploadServer>>,
    pub(super) format: Format,
    pub(super) fetcher: Downloader,
    /// The history of downloads.
    pub(super) journal: Arc<Journal>,
    pub(super) interrupt: Interrupt,
    pub(super) downloads: Downloads,
    /// The last printed list.
    pub(super) listed: Listed,
    /// Directories that the running command has created, the innermost first.
    pub(super) created: RefCell<Vec<PathBuf>>,
    /// The command as it was typed: in the shell without the name of the program.
    pub(super) typed: String,
    /// Whether a person can be asked.
    pub(super) interactive: bool,
}

impl Context {
    /// The handle with which a signal cancels the running command.
    pub(super) fn cancel(&self) -> &Cancel {
        self.fetcher.cancel()
    }

    /// Fails if the running command was interrupted.
    pub(super) fn check_interrupt(&self) -> Result<(), CommandError> {
        self.check_interrupt_with(|| "interrupted".into())
    }

    /// The same before a download has begun: then a person who interrupts it wants none.
    pub(super) fn check_interrupt_before_download(
        &self,
        kept: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        self.check_interrupt_with(kept).map_err(|error| match self.interactive {
            true => CommandError::NotBegun(Box::new(error)),
            false => error,
        })
    }

    /// The same; `kept` says what is kept, and how to resume.
    pub(super) fn check_interrupt_with(
        &self,
        kept: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        match self.cancel().is_cancelled() {
            true => Err(CommandError::Interrupted(kept())),
            false => Ok(()),
        }
    }

    /// Has the session tell the index what the library says of a document, as soon as the index
    /// answers.
    pub(super) fn announce_later(&self, document: &Document) {
        if let Some(announcements) = &self.announcements {
            // If the thread is gone, so is the session.
            let _ = announcements.send(document.clone());
        }
    }

    /// Stores how fast other peers were. Without it the next downloads only begin less well.
    pub(super) fn remember_neighbours(&self) {
        if let Err(error) = self.fetcher.stats().save() {
            log::debug!("what is known of other peers is not stored: {error}");
        }
    }

    /// The library: that of the session, or the folder as it is now.
    pub(super) fn library(&self) -> Result<SharedLibrary, CommandError> {
        if let Some(library) = self.library.get() {
            return Ok(library.clone());
        }
        let library =
            Library::scan(&self.folder, self.depth).map_err(|source| CommandError::File {
                what: format!(
                    "cannot read the folder `{}`",
                    escaped(self.folder.as_os_str().as_encoded_bytes())
                ),
                source,
            })?;
        let digests = stored_digests();
        library.write().set_digests(digests);
        Ok(self.library.get_or_init(|| library).clone())
    }

    /// The title of a document, if the library was read and knows it.
    pub(super) fn known_title(&self, document: &Document) -> Option<Title> {
        self.library.get().and_then(|library| library.read().known_title(document))
    }
}
