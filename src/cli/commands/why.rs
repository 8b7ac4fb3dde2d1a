//! `why`: what was tried for a document, what came of it, what of it is here, and when it is tried next.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::format::Format;
use crate::cli::meant::{file_of_number, hint, meant};
use crate::cli::outcome::shown;
use crate::cli::output::{say, say_json};
use crate::cli::quantity::counted;
use crate::cli::reply::{document_json, with_fields};
use crate::cli::times::{local, rfc_3339};
use crate::escape::escaped;
use crate::library::{SaveTarget, kept_bytes};
use crate::peer::{JournalEntry, JournalEvent};
use crate::protocol::Document;

/// The local knowledge about a document.
struct Known {
    entries: Vec<JournalEntry>,
    /// Where it is shared or saved.
    path: Option<PathBuf>,
    /// Bytes that a download resumes with.
    kept: Option<u64>,
    /// Why it is never saved in the shared directory.
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
            Err(reason) => (None, Some(reason.to_string())),
        };
        let saved = target.as_ref().filter(|target| target.is_here().is_ok_and(|here| here));
        let path = shared.map(|entry| entry.path()).or_else(|| saved.map(SaveTarget::path));
        let kept = target.as_ref().and_then(kept_bytes);
        Ok(Self { entries: context.journal.of(document), path, kept, not_saved })
    }

    /// Whether there is anything to say.
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

/// Prints what was tried for a document, and what of it is here.
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
            Format::Raw | Format::Table => say(format_args!("{time}  {}", escaped(&text))),
            Format::Json => {
                let fields = [("time", json!(rfc_3339(entry.time))), ("what", json!(text))];
                say_json(&with_fields(document_json(document), fields))
            }
        }
        .map_err(CommandError::Output)?;
    }
    let next = known.entries.last().filter(|_| known.path.is_none()).and_then(next_try);
    match context.format {
        Format::Raw | Format::Table => known.lines(next.as_deref()).iter().try_for_each(say),
        Format::Json => say_json(&known.json(document, next.as_deref())),
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
    }
}

/// When it is tried next; nothing if it was fetched.
fn next_try(last: &JournalEntry) -> Option<String> {
    match last.event {
        JournalEvent::Fetched(..) => None,
        JournalEvent::GivenUp => Some("when `get` or `sync` is asked again".into()),
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
