//! The state that commands use: the index, the shared directory, the journal, running downloads, and
//! whether a person can be asked.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::args::Args;
use super::downloads::running::Downloads;
use super::downloads::subdirectories::share_downloaded;
use super::errors::command_error::CommandError;
use super::output::format::Format;
use super::session::index_access::IndexAccess;
use super::session::interrupt::Interrupt;
use super::shell::listed::Listed;
use super::user_directory::stored_digests;
use super::values::endpoints::Servers;
use crate::admin::ObservedTable;
use crate::escape::escaped;
use crate::library::{Depth, Library, SharedDirectory, SharedLibrary};
use crate::peer::{Announcements, Cancel, Downloader, Journal, UploadServer};
use crate::protocol::{Document, Title};

/// The state that commands use.
pub(super) struct Context {
    /// The index servers that the user has named, or DNS for the names of the user.
    pub(super) server: Servers,
    pub(super) index: IndexAccess,
    pub(super) directory: PathBuf,
    pub(super) depth: Depth,
    /// The shared directories after the first one.
    pub(super) more_directories: Vec<SharedDirectory>,
    /// The library of a session. A single command scans the directory when it needs to.
    pub(super) library: OnceCell<SharedLibrary>,
    /// The queue of documents whose digests a session computes.
    pub(super) hashing: Option<Sender<Document>>,
    /// The queue of documents that a session announces when the index is reachable.
    pub(super) announcements: Option<Announcements>,
    /// The upload server of a session.
    pub(super) uploads: Option<Arc<UploadServer>>,
    pub(super) format: Format,
    pub(super) downloader: Downloader,
    /// The history of downloads.
    pub(super) journal: Arc<Journal>,
    pub(super) interrupt: Interrupt,
    pub(super) downloads: Downloads,
    /// The last printed list.
    pub(super) listed: Listed,
    /// Directories that the running command has created, the innermost first.
    pub(super) created: RefCell<Vec<PathBuf>>,
    /// The command as it was typed, for messages: in the shell without the name of the program.
    pub(super) typed: String,
    /// Whether the user can be asked.
    pub(super) interactive: bool,
    /// Whether holders are found in a distributed hash table, too.
    pub(super) has_table: bool,
    /// The node of a session.
    pub(super) table: ObservedTable,
    /// Whether output that is longer than the screen goes to a pager.
    pub(super) is_paged: bool,
}

impl Context {
    /// The state of a single command, which has no session, and whose user cannot be asked.
    pub(super) fn new(
        args: &Args,
        server: Servers,
        index: IndexAccess,
        downloader: Downloader,
        journal: Arc<Journal>,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            server,
            index,
            directory: args.share.clone(),
            depth: args.depth(),
            more_directories: args.more_shares.clone(),
            library: OnceCell::new(),
            hashing: None,
            announcements: None,
            uploads: None,
            format: args.format(),
            downloader,
            journal,
            interrupt,
            downloads: Downloads::default(),
            listed: Listed::default(),
            created: RefCell::default(),
            typed: String::new(),
            interactive: false,
            has_table: args.dht.is_used(),
            table: ObservedTable::default(),
            is_paged: false,
        }
    }

    /// The handle by which a signal cancels the running command.
    pub(super) fn cancel(&self) -> &Cancel {
        self.downloader.cancel()
    }

    /// Fails if the running command was interrupted.
    pub(super) fn check_interrupt(&self) -> Result<(), CommandError> {
        self.check_interrupt_with(|| "interrupted".into())
    }

    /// The same before a download has begun. After an interrupt at a terminal the documents are not wanted.
    pub(super) fn check_interrupt_before_download(
        &self,
        kept: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        self.check_interrupt_with(kept).map_err(|error| match self.interactive {
            true => CommandError::NotBegun(Box::new(error)),
            false => error,
        })
    }

    /// The same. The message of `kept` states what is kept, and how to resume.
    pub(super) fn check_interrupt_with(
        &self,
        kept: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        match self.cancel().is_cancelled() {
            true => Err(CommandError::Interrupted(kept())),
            false => Ok(()),
        }
    }

    /// Has the session announce the state of a document as soon as the index is reachable.
    pub(super) fn announce_later(&self, document: &Document) {
        if let Some(announcements) = &self.announcements {
            announcements.send(document);
        }
    }

    /// The library of the session, or a scan of the directory.
    pub(super) fn library(&self) -> Result<SharedLibrary, CommandError> {
        if let Some(library) = self.library.get() {
            return Ok(library.clone());
        }
        let library = Library::scan_all(&self.directory, self.depth, &self.more_directories)
            .map_err(|source| CommandError::File {
                what: format!(
                    "cannot read the directory `{}`",
                    escaped(self.directory.as_os_str().as_encoded_bytes())
                ),
                source,
            })?;
        let digests = stored_digests();
        library.write().set_digests(digests);
        share_downloaded(&library, &self.journal);
        Ok(self.library.get_or_init(|| library).clone())
    }

    /// The title of a document, if the library was scanned and has it.
    pub(super) fn known_title(&self, document: &Document) -> Option<Title> {
        self.library.get().and_then(|library| library.read().known_title(document))
    }
}

/// Stores the speeds of other peers. Without them the next downloads begin with a worse order.
pub(super) fn store_peer_stats(downloader: &Downloader) {
    if let Err(error) = downloader.stats().save() {
        log::debug!("what is known of other peers is not stored: {error}");
    }
}
