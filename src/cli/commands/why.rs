//! `why`: the download history of a document, its file or partial file, and the next attempt.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::meant::{file_of_number, hint, meant};
use crate::cli::output::format::Format;
use crate::cli::output::outcome::not_saved;
use crate::cli::output::outcome::shown;
use crate::cli::output::print::{print_json, print_line};
use crate::cli::output::reply::{document_json, with_fields};
use crate::cli::output::times::{local, rfc_3339};
use crate::cli::values::quantity::counted;
use crate::escape::escaped;
use crate::library::{SaveTarget, kept_bytes};
use crate::peer::{JournalEntry, JournalEvent};
use crate::protocol::Document;

/// The local knowledge about a document.
struct Known {
    entries: Vec<JournalEntry>,
    /// The path at which the document is shared or saved.
    path: Option<PathBuf>,
    /// The length of the partial file with which a download resumes.
    kept: Option<u64>,
    /// Why the document is never saved in the shared directory.
    not_saved: Option<String>,
}

impl Known {
    fn of(context: &Context, document: &Document) -> Result<Self, CommandError> {
        let library = context.library()?;
        let (target, shared) = {
            let library = library.read();
            (library.target_for(document), library.entry(document).cloned())
        };
        let (target, not_saved) = match target {
            Ok(target) => (Some(target), None),
            Err(reason) => (None, Some(not_saved(document, reason))),
        };
        let saved = target.as_ref().filter(|target| target.is_here().is_ok_and(|here| here));
        let path = shared.map(|entry| entry.path()).or_else(|| saved.map(SaveTarget::path));
        let kept = target.as_ref().and_then(kept_bytes);
        Ok(Self { entries: context.journal.of(document), path, kept, not_saved })
    }

    /// Whether anything is known.
    fn is_something(&self) -> bool {
        !self.entries.is_empty() || self.path.is_some() || self.kept.is_some()
    }

    /// The lines after the history.
    fn lines(&self, next: Option<&str>) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(path) = &self.path {
            lines.push(format!("here: {}", shown(path)));
        }
        if let Some(bytes) = self.kept {
            lines.push(format!(
                "kept: {}, with which the next download resumes",
                counted(bytes, "byte")
            ));
        }
        if let Some(reason) = &self.not_saved {
            lines.push(format!("never saved in the shared directory: {reason}"));
        }
        lines.extend(next.map(|next| format!("next try: {next}")));
        lines
    }

    fn json(&self, document: &Document, next: Option<&str>) -> Value {
        let path = self.path.as_ref().map(|path| path.to_string_lossy());
        let fields = [
            ("here", json!(path)),
            ("kept_bytes", json!(self.kept.unwrap_or(0))),
            ("not_saved", json!(self.not_saved)),
            ("next_try", json!(next)),
        ];
        with_fields(document_json(document), fields)
    }
}

/// Prints the download history of a document, and what is stored of it.
pub(in crate::cli) fn why(context: &Context, typed: &Document) -> Result<(), CommandError> {
    let is_something =
        |document: &Document| Known::of(context, document).is_ok_and(|known| known.is_something());
    let document = &meant(typed, is_something);
    let known = Known::of(context, document)?;
    if !known.is_something() {
        let file = file_of_number(document).filter(is_something);
        let hint = file.map_or_else(String::new, |file| hint(&file));
        return Err(CommandError::NotFound(format!("{document} was never requested here{hint}")));
    }
    for entry in &known.entries {
        let (time, text) = (local(entry.time), text(&entry.event));
        match context.format {
            Format::Raw | Format::Table => print_line(format_args!("{time}  {}", escaped(&text))),
            Format::Json => {
                let fields = [("time", json!(rfc_3339(entry.time))), ("what", json!(text))];
                print_json(&with_fields(document_json(document), fields))
            }
        }
        .map_err(CommandError::Output)?;
    }
    let next = known.entries.last().filter(|_| known.path.is_none()).and_then(next_try);
    match context.format {
        Format::Raw | Format::Table => known.lines(next.as_deref()).iter().try_for_each(print_line),
        Format::Json => print_json(&known.json(document, next.as_deref())),
    }
    .map_err(CommandError::Output)
}

fn text(event: &JournalEvent) -> String {
    match event {
        JournalEvent::Wanted(None) => "wanted".to_string(),
        JournalEvent::Wanted(Some(digest)) => format!("wanted with {digest}"),
        JournalEvent::Failed(holder, reason) => format!("{holder}: {reason}"),
        JournalEvent::NotFetched(reason) => format!("not fetched: {reason}"),
        JournalEvent::Waits(pause) => format!("tried again in {} seconds", pause.as_secs()),
        JournalEvent::Fetched(digest, length, holder) => {
            format!("fetched from {holder}: {}, {digest}", counted(*length, "byte"))
        }
        JournalEvent::GivenUp => "given up".to_string(),
        JournalEvent::Replaced => "replaced by another document".to_string(),
    }
}

/// The time of the next attempt; `None` if the document was downloaded.
fn next_try(last: &JournalEntry) -> Option<String> {
    match last.event {
        JournalEvent::Fetched(..) => None,
        JournalEvent::GivenUp | JournalEvent::Replaced => {
            Some("when `get` or `sync` is asked again".into())
        }
        JournalEvent::Wanted(_) | JournalEvent::Failed(..) | JournalEvent::NotFetched(_) => Some(
            "now, if a download runs; else when a session begins, or with `get` alone".to_string(),
        ),
        JournalEvent::Waits(pause) => {
            let due = last.time.checked_add(pause)?;
            Some(match due > SystemTime::now() {
                true => local(due),
                false => "it was due; when a session begins, or with `get` alone".to_string(),
            })
        }
    }
}
