//! `why`: the download history of a document, its file or partial file, and the next attempt.

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::downloads::history::History;
use crate::cli::errors::command_error::CommandError;
use crate::cli::meant::{file_of_number, hint, meant};
use crate::cli::output::format::Format;
use crate::cli::output::print::{print_json, print_prose};
use crate::cli::output::reply::{document_json, with_fields};
use crate::cli::output::times::{local, rfc_3339};
use crate::cli::values::quantity::size;
use crate::counted::counted;
use crate::escape::escaped;
use crate::protocol::Document;

/// Prints the download history of a document, and what is stored of it.
pub(in crate::cli) fn why(context: &Context, typed: &Document) -> Result<(), CommandError> {
    let library = context.library()?;
    let history = |document: &Document| History::of(&library, &context.journal, document);
    let is_something = |document: &Document| history(document).is_something();
    let document = &meant(typed, is_something);
    let known = history(document);
    if !known.is_something() {
        let file = file_of_number(document).filter(is_something);
        let hint = file.map_or_else(String::new, |file| hint(&file));
        return Err(CommandError::NotFound(format!("{document} was never requested here{hint}")));
    }
    let shown_size = match context.format {
        Format::Table => size,
        Format::Raw | Format::Json => |bytes| counted(bytes, "byte"),
    };
    for (time, text) in known.events(shown_size) {
        match context.format {
            Format::Raw | Format::Table => {
                print_prose(format_args!("{}  {}", local(time), escaped(&text)))
            }
            Format::Json => {
                let fields = [("time", json!(rfc_3339(time))), ("what", json!(text))];
                print_json(&with_fields(document_json(document), fields))
            }
        }
        .map_err(CommandError::Output)?;
    }
    match context.format {
        Format::Raw | Format::Table => known.lines(shown_size).iter().try_for_each(print_prose),
        Format::Json => print_json(&known.json(document)),
    }
    .map_err(CommandError::Output)
}
