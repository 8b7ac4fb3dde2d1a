//! Runs the commands. `get` has a file of its own.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::command::{Add, Command, Format};
use super::context::Context;
use super::exit::{CommandError, Failure};
use super::find::{browse, peers, print_holders, search};
use super::get::get;
use super::meant::{file_of_number, hint, meant};
use super::other_kind::note_upload_server;
use super::output::{print_note, say, say_json, table};
use super::probe::probe_all;
use super::reply::{ReplyPrinter, document_json, refused, with_fields};
use super::status::status;
use super::sync::sync;
use super::verify::verify;
use super::why::why;
use crate::escape::escaped;
use crate::library::{candidates, document_of, file_name_of};
use crate::peer::{AskIndex, Query};
use crate::protocol::{Document, Listing, Refusal, RfcNumber};

impl Context {
    pub(super) fn run(&self, command: &Command) -> Result<(), CommandError> {
        self.index.cancel_queries_with(self.cancel());
        let outcome = self.act(command);
        self.index.close_queries();
        self.remove_empty_directories();
        if let Err(error) = &outcome {
            note_upload_server(self, error);
        }
        match (command, &outcome) {
            // A command that had ended before the interrupt has succeeded.
            (Command::Get(_) | Command::Sync(_) | Command::Add(_), Ok(())) => outcome,
            (_, Ok(()) | Err(CommandError::Index(_) | CommandError::Printed { .. })) => {
                self.check_interrupt().and(outcome)
            }
            (_, Err(_)) => outcome,
        }
    }

    fn act(&self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::List(list) => {
                let listing = if list.files { Listing::Files } else { Listing::Rfcs };
                self.ask_and_print(Query::List(listing))
            }
            Command::Lookup(lookup) if lookup.probe => probe_all(self, &lookup.document),
            Command::Lookup(lookup) => print_holders(self, &lookup.document),
            Command::Search(command) => search(self, command),
            Command::Browse(command) => browse(self, &command.peer),
            Command::Peers => peers(self),
            Command::Get(command) => get(self, command),
            Command::Sync(command) => sync(self, command),
            Command::Verify(command) => verify(self, &command.documents),
            Command::Why(named) => why(self, &named.document),
            Command::Add(command) => self.add(command),
            Command::Docs => self.docs(),
            Command::Status => status(self),
        }
    }

    fn ask_and_print(&self, query: Query<'_>) -> Result<(), CommandError> {
        self.ask_unless_done(query, false)
    }

    /// The same. If the document of a REMOVE was shared until now, a missing record is no failure.
    fn ask_unless_done(&self, query: Query<'_>, was_shared: bool) -> Result<(), CommandError> {
        let mut printer = ReplyPrinter::new(self.format, &self.listed);
        let asked = self.index.ask(query, &mut |part, bytes| {
            if self.cancel().is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            printer.take(&part, bytes)
        });
        let asked = printer.or_flush(asked);
        self.check_interrupt()?;
        let completeness = asked?;
        let failed = match (printer.refusal(), query) {
            (None, _) | (Some((Refusal::NotFound, _)), Query::List(_)) => None,
            (Some((Refusal::NotFound, _)), Query::Remove(document)) if was_shared => {
                print_note(format_args!(
                    "{document} is not shared any more; it was not registered"
                ));
                None
            }
            (Some((Refusal::NotFound, _)), Query::Remove(document)) => {
                let message = format!("{document} is not shared here");
                Some(CommandError::Printed { failure: Failure::NotFound, message })
            }
            (Some((refusal, reason)), _) => Some(refused(self.index.server(), refusal, reason)),
        };
        printer.end(&completeness, failed)
    }

    fn add(&self, command: &Add) -> Result<(), CommandError> {
        let library = self.library()?;
        let path = self.path_of(&command.what);
        let document = library.add_file(&path, command.title.clone()).map_err(|source| {
            let what = format!("cannot share `{}`", escaped(path.as_os_str().as_encoded_bytes()));
            match source.kind() {
                io::ErrorKind::NotFound => CommandError::NotFound(format!(
                    "{what}: {source}; `add` shares a file that is here, and `get` downloads one"
                )),
                _ => CommandError::File { what, source },
            }
        })?;
        let title = library.read().entry(&document).map(|entry| entry.title().clone());
        let title = title.unwrap_or_default();
        let asked = self.ask_and_print(Query::Add { document: &document, title: &title });
        let is_interrupted = matches!(asked, Err(CommandError::Interrupted(_)));
        if !is_interrupted {
            asked?;
        }
        if let Some(hashing) = &self.hashing {
            // Its digest follows. If the thread is gone, so is the session.
            let _ = hashing.send(document.clone());
        }
        if is_interrupted {
            self.announce_later(&document);
            return Err(CommandError::Interrupted(format!(
                "interrupted: {document} is shared, and is registered when the index answers"
            )));
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
            Err(_) if !path.exists() => self.escaped_path(what).unwrap_or_else(|| path.into()),
            Err(_) => path.into(),
        }
    }

    /// The file of the shared directory whose name is printed like this in lists.
    fn escaped_path(&self, what: &str) -> Option<PathBuf> {
        let forms = candidates(&document_of(what)?);
        let paths = forms.iter().filter_map(|form| file_name_of(form).ok());
        paths.map(|name| self.folder.join(name)).find(|path| path.exists())
    }

    /// Stops sharing a document, which only a session can.
    pub(super) fn remove(&self, typed: &Document) -> Result<(), CommandError> {
        self.index.cancel_queries_with(self.cancel());
        let mut document = typed.clone();
        let mut was_shared = false;
        if let Some(library) = self.library.get() {
            let mut library = library.write();
            document = meant(typed, |form| library.entry(form).is_some());
            let file = file_of_number(&document).filter(|file| library.entry(file).is_some());
            if let Some(file) = file.filter(|_| library.entry(&document).is_none()) {
                let message = format!("{document} is not shared here{}", hint(&file));
                return Err(CommandError::NotFound(message));
            }
            was_shared = library.forget(&document).is_some();
        }
        let asked = self.ask_unless_done(Query::Remove(&document), was_shared);
        if let Err(CommandError::Interrupted(_)) = &asked {
            self.announce_later(&document);
            return Err(CommandError::Interrupted(format!(
                "interrupted: {document} is not shared any more, and the index is told when it \
                 answers"
            )));
        }
        asked
    }

    fn docs(&self) -> Result<(), CommandError> {
        let library = self.library()?;
        if !self.folder.is_dir() {
            let folder = escaped(self.folder.as_os_str().as_encoded_bytes());
            log::warn!("the share directory `{folder}` does not exist");
        }
        // The reader of the output may be slow, so the library is not locked meanwhile.
        let documents: Vec<_> = library
            .read()
            .documents()
            .map(|(document, title)| (document.clone(), title.clone()))
            .collect();
        let mut table = table(["document", "title"]);
        for (document, title) in &documents {
            match self.format {
                Format::Raw => say(format_args!("{} {}", document.wire(), escaped(title.as_str()))),
                Format::Json => {
                    let title = ("title", json!(title.as_str()));
                    say_json(&with_fields(document_json(document), [title]))
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
}
