//! Doing what was typed. `get` has a file of its own.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use serde_json::json;

use super::command::{Add, Command, Format};
use super::digest_list;
use super::exit::{CommandError, failure_of_refusal};
use super::find::{browse, peers, search};
use super::get::get;
use super::index_access::IndexAccess;
use super::interrupt::Unfinished;
use super::many::Destination;
use super::output::{say, table};
use super::probe::probe_all;
use super::reply::{ReplyPrinter, document_json};
use super::sync::sync;
use super::user_folder::stored_digests;
use super::verify::verify;
use super::why::why;
use crate::escape::escaped;
use crate::library::{Depth, Library, SharedLibrary};
use crate::peer::{AskIndex, Fetcher, Journal, Query, request_records};
use crate::protocol::{Digest, Document, Endpoint, Listing, Refusal, RfcNumber};

/// What commands act on.
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
    pub(super) uploading_from: Option<SocketAddr>,
    pub(super) format: Format,
    pub(super) fetcher: Fetcher,
    /// What was tried before.
    pub(super) journal: Arc<Journal>,
    pub(super) unfinished: Unfinished,
    /// Whether a person can be asked.
    pub(super) interactive: bool,
}

impl Context {
    pub(super) fn run(&self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::List(list) => {
                let listing = if list.files { Listing::Files } else { Listing::Rfcs };
                self.ask_and_print(Query::List(listing))
            }
            Command::Lookup(lookup) if lookup.probe => probe_all(self, &lookup.document),
            Command::Lookup(lookup) => {
                let document = &lookup.document;
                self.ask_and_print(Query::Lookup { document, title: None, want_attributes: false })
            }
            Command::Search(command) => search(self, command),
            Command::Browse(command) => browse(self, &command.peer),
            Command::Peers => peers(self),
            Command::Get(command) => get(self, command),
            Command::Sync(command) => sync(self, command),
            Command::Verify(command) => verify(self, &command.documents),
            Command::Why(named) => why(self, &named.document),
            Command::Add(command) => self.add(command),
            Command::Remove(named) => self.remove(&named.document),
            Command::Docs => self.docs(),
            Command::Status => self.status(),
        }
    }

    /// Stores how fast other peers were. Without it the next downloads only begin less well.
    pub(super) fn remember_neighbours(&self) {
        if let Err(error) = self.fetcher.neighbours().save() {
            log::debug!("what is known of other peers is not stored: {error}");
        }
    }

    /// Where documents go that are fetched into a library.
    pub(super) fn destination<'a>(&'a self, library: &'a SharedLibrary) -> Destination<'a> {
        Destination {
            fetcher: &self.fetcher,
            journal: &self.journal,
            library,
            membership: self.index.membership(),
        }
    }

    /// The digests that a list vouches for.
    pub(super) fn vouched_for(
        &self,
        list: Option<&Path>,
    ) -> Result<HashMap<Document, Digest>, CommandError> {
        let Some(path) = list else { return Ok(HashMap::new()) };
        digest_list::read(path).map_err(|source| CommandError::File {
            what: format!("cannot use `{}`", escaped(path.as_os_str().as_encoded_bytes())),
            source,
        })
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
        library.write().set_digests(stored_digests());
        Ok(self.library.get_or_init(|| library).clone())
    }

    fn ask_and_print(&self, query: Query<'_>) -> Result<(), CommandError> {
        let mut printer = ReplyPrinter::new(self.format);
        let completeness = self.index.ask(query, &mut |part, bytes| printer.take(&part, bytes))?;
        printer.end(&completeness).map_err(CommandError::Output)?;
        match (printer.refused(), query) {
            (None, _) | (Some(Refusal::NotFound), Query::List(_)) => Ok(()),
            (Some(refusal), _) => Err(CommandError::Refused(failure_of_refusal(refusal))),
        }
    }

    fn add(&self, command: &Add) -> Result<(), CommandError> {
        let library = self.library()?;
        let path = self.path_of(&command.what);
        let document = library.add_file(&path, command.title.clone()).map_err(|source| {
            let what = format!("cannot share `{}`", escaped(path.as_os_str().as_encoded_bytes()));
            match source.kind() {
                std::io::ErrorKind::NotFound => CommandError::NotFound(format!("{what}: {source}")),
                _ => CommandError::File { what, source },
            }
        })?;
        let title = library.read().entry(&document).map(|entry| entry.title().clone());
        let title = title.unwrap_or_default();
        self.ask_and_print(Query::Add { document: &document, title: &title })?;
        if let Some(hashing) = &self.hashing {
            // Its digest follows. If the thread is gone, so is the session.
            let _ = hashing.send(document);
        }
        if self.index.membership().is_none() {
            log::warn!("the record is gone with this connection: `share` and the shell keep it");
        }
        Ok(())
    }

    /// A number is an RFC of the shared folder; a path that does not exist here may be a name
    /// there.
    fn path_of(&self, what: &str) -> PathBuf {
        // In the shell nobody else does this.
        if let Some(rest) = what.strip_prefix("~/")
            && let Some(home) = std::env::home_dir()
        {
            return home.join(rest);
        }
        let path = Path::new(what);
        match what.parse::<RfcNumber>() {
            Ok(number) => self.folder.join(format!("rfc{number}.txt")),
            Err(_) if !path.exists() && self.folder.join(path).exists() => self.folder.join(path),
            Err(_) => path.into(),
        }
    }

    fn remove(&self, document: &Document) -> Result<(), CommandError> {
        if let Some(library) = self.library.get() {
            library.write().forget(document);
        }
        self.ask_and_print(Query::Remove(document))
    }

    fn docs(&self) -> Result<(), CommandError> {
        let library = self.library()?;
        let library = library.read();
        let mut table = table(["document", "title"]);
        for (document, title) in library.documents() {
            match self.format {
                Format::Raw => say(format_args!("{document} {}", escaped(title.as_str()))),
                Format::Json => {
                    let mut object = document_json(document);
                    object["title"] = json!(title.as_str());
                    say(object)
                }
                Format::Table => {
                    table.add_row([document.to_string(), escaped(title.as_str()).to_string()]);
                    Ok(())
                }
            }
            .map_err(CommandError::Output)?;
        }
        if let Format::Table = self.format {
            say(table.trim_fmt()).map_err(CommandError::Output)?;
        }
        Ok(())
    }

    fn status(&self) -> Result<(), CommandError> {
        // A single command has no connection yet, and wants to know whether there can be one.
        if self.index.membership().is_none() {
            let _ = request_records(&self.index, Query::List(Listing::Rfcs), &mut |_| {
                ControlFlow::Break(())
            })?;
        }
        let own = self.index.own().map(|own| own.to_string());
        let documents = self.library()?.read().len();
        let uploading = self.uploading_from.map(|address| address.to_string());
        if let Format::Json = self.format {
            return say(json!({
                "v": 1,
                "index": self.server.to_string(),
                "own": own,
                "uploading_from": uploading,
                "folder": self.folder.to_string_lossy(),
                "documents": documents,
            }))
            .map_err(CommandError::Output);
        }
        let folder = escaped(self.folder.as_os_str().as_encoded_bytes()).to_string();
        let rows = [
            ("index", self.server.to_string()),
            ("known there as", own.unwrap_or_else(|| "not connected".into())),
            ("uploading from", uploading.unwrap_or_else(|| "not uploading".into())),
            ("folder", folder),
            ("documents", documents.to_string()),
        ];
        for (what, value) in rows {
            say(format_args!("{what:<16}{value}")).map_err(CommandError::Output)?;
        }
        Ok(())
    }
}
