//! `why`: what was tried for a document, what came of it, and when it is tried next.

use std::time::SystemTime;

use chrono::{DateTime, Local};
use serde_json::json;

use super::command::Format;
use super::context::Context;
use super::exit::CommandError;
use super::output::{say, say_json};
use super::reply::{document_json, with_fields};
use crate::escape::escaped;
use crate::peer::{JournalEntry, JournalEvent};
use crate::protocol::Document;

/// Prints what was tried for a document.
pub(super) fn why(context: &Context, document: &Document) -> Result<(), CommandError> {
    let entries = context.journal.of(document);
    let Some(last) = entries.last() else {
        return Err(CommandError::NotFound(format!("nobody has asked for {document} here")));
    };
    for entry in &entries {
        let time = local(entry.time);
        let text = match &entry.event {
            JournalEvent::Wanted(None) => "wanted".to_string(),
            JournalEvent::Wanted(Some(digest)) => format!("wanted with {digest}"),
            JournalEvent::Failed(holder, reason) => format!("{holder}: {reason}"),
            JournalEvent::Waits(pause) => format!("tried again in {} seconds", pause.as_secs()),
            JournalEvent::Fetched(digest, length, holder) => {
                format!("fetched from {holder}: {length} bytes, {digest}")
            }
            JournalEvent::GivenUp => "given up".to_string(),
        };
        match context.format {
            Format::Raw | Format::Table => say(format_args!("{time}  {}", escaped(&text))),
            Format::Json => {
                let fields = [("time", json!(time)), ("what", json!(text))];
                say_json(&with_fields(document_json(document), fields))
            }
        }
        .map_err(CommandError::Output)?;
    }
    match (next_try(last), context.format) {
        (Some(next), Format::Raw | Format::Table) => {
            say(format_args!("next try: {next}")).map_err(CommandError::Output)
        }
        (None, _) | (_, Format::Json) => Ok(()),
    }
}

/// When it is tried next; nothing if it is here.
fn next_try(last: &JournalEntry) -> Option<String> {
    match last.event {
        JournalEvent::Fetched(..) => None,
        JournalEvent::GivenUp => Some("when `get` or `sync` is asked again".into()),
        JournalEvent::Wanted(_) | JournalEvent::Failed(..) => Some(
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

/// A time as people here read it.
pub(super) fn local(time: SystemTime) -> String {
    DateTime::<Local>::from(time).format("%Y-%m-%d %H:%M:%S").to_string()
}
