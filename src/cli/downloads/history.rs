//! The download history of a document, what is stored of it, and the next attempt: for `why` and the status page.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::output::objects::{document_json, with_fields};
use crate::cli::output::outcome::{not_saved, shown};
use crate::cli::output::times::local;
use crate::counted::counted;
use crate::library::{SaveTarget, SharedLibrary, kept_bytes};
use crate::peer::{Journal, JournalEntry, JournalEvent};
use crate::protocol::Document;

/// The local knowledge about a document.
pub(in crate::cli) struct History {
    entries: Vec<JournalEntry>,
    /// The path at which the document is shared or saved.
    path: Option<PathBuf>,
    /// The length of the partial file with which a download resumes.
    kept: Option<u64>,
    /// Why the document is never saved in the shared directory.
    not_saved: Option<String>,
    /// When the next attempt is, if it is known.
    next: Option<String>,
}

impl History {
    /// What is known of a document.
    pub(in crate::cli) fn of(
        library: &SharedLibrary,
        journal: &Journal,
        document: &Document,
    ) -> Self {
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
        let entries = journal.of(document);
        let next = entries.last().filter(|_| path.is_none()).and_then(next_try);
        Self { entries, path, kept, not_saved, next }
    }

    /// Whether anything is known.
    pub(in crate::cli) fn is_something(&self) -> bool {
        !self.entries.is_empty() || self.path.is_some() || self.kept.is_some()
    }

    /// What has happened, the oldest event first. `size` writes numbers of bytes.
    pub(in crate::cli) fn events(
        &self,
        size: fn(u64) -> String,
    ) -> impl Iterator<Item = (SystemTime, String)> {
        self.entries.iter().map(move |entry| (entry.time, text(&entry.event, size)))
    }

    /// The lines after the history.
    pub(in crate::cli) fn lines(&self, size: fn(u64) -> String) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(path) = &self.path {
            lines.push(format!("here: {}", shown(path)));
        }
        if let Some(bytes) = self.kept {
            lines.push(format!("kept: {}, with which the next download resumes", size(bytes)));
        }
        if let Some(reason) = &self.not_saved {
            lines.push(format!("never saved in the shared directory: {reason}"));
        }
        lines.extend(self.next.as_ref().map(|next| format!("next try: {next}")));
        lines
    }

    /// The same as JSON.
    pub(in crate::cli) fn json(&self, document: &Document) -> Value {
        let path = self.path.as_ref().map(|path| path.to_string_lossy());
        let fields = [
            ("here", json!(path)),
            ("kept_bytes", json!(self.kept.unwrap_or(0))),
            ("not_saved", json!(self.not_saved)),
            ("next_try", json!(self.next)),
        ];
        with_fields(document_json(document), fields)
    }
}

fn text(event: &JournalEvent, size: fn(u64) -> String) -> String {
    match event {
        JournalEvent::Wanted(None) => "wanted".to_string(),
        JournalEvent::Wanted(Some(digest)) => format!("wanted with {digest}"),
        JournalEvent::Found(sources) => format!("found: {sources}"),
        JournalEvent::Failed(holder, reason) => format!("{holder}: {reason}"),
        JournalEvent::NotFetched(reason) => format!("not fetched: {reason}"),
        JournalEvent::Waits(pause) => {
            format!("tried again in {}", counted(pause.as_secs(), "second"))
        }
        JournalEvent::Fetched(digest, length, holder) => {
            format!("fetched from {holder}: {}, {digest}", size(*length))
        }
        JournalEvent::Present => "found here".to_string(),
        JournalEvent::GivenUp => "given up".to_string(),
        JournalEvent::Replaced => "replaced by another document".to_string(),
    }
}

/// The time of the next attempt; `None` if the document is here.
fn next_try(last: &JournalEntry) -> Option<String> {
    match last.event {
        JournalEvent::Fetched(..) | JournalEvent::Present => None,
        JournalEvent::GivenUp | JournalEvent::Replaced => {
            Some("when `get` or `sync` is asked again".into())
        }
        JournalEvent::Wanted(_)
        | JournalEvent::Found(_)
        | JournalEvent::Failed(..)
        | JournalEvent::NotFetched(_) => Some(
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
