//! `docs`: the documents that are shared.

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::objects::{document_json, with_fields};
use crate::cli::output::print::{print_json, print_line, print_prose};
use crate::cli::output::record_table::row_number;
use crate::cli::output::table::{Fit, Table};
use crate::cli::values::named::named;
use crate::counted::counted;
use crate::escape::escaped;

pub(in crate::cli) fn docs(context: &Context) -> Result<(), CommandError> {
    let library = context.library()?;
    // Files elsewhere may have been added.
    if !context.directory.is_dir() && library.read().is_empty() {
        let directory = escaped(context.directory.as_os_str().as_encoded_bytes());
        let text = format!("the share directory `{directory}` does not exist");
        return Err(CommandError::NotFound(text));
    }
    // The reader of the output may be slow, so the library is not locked while documents are printed.
    let documents: Vec<_> = library
        .read()
        .documents()
        .map(|(document, title)| (document.clone(), title.clone()))
        .collect();
    context.listed.replace(documents.iter().map(|(document, _)| document));
    let has_numbers = context.listed.has_numbers();
    let columns = [("document", Fit::Name), ("title", Fit::Shortened)];
    let mut table = Table::numbered(has_numbers, columns);
    for (at, (document, title)) in documents.iter().enumerate() {
        match context.format {
            Format::Raw => {
                print_line(format_args!("{} {}", document.wire(), escaped(title.as_str())))
            }
            Format::Json => {
                let title = ("title", json!(title.as_str()));
                print_json(&with_fields(document_json(document), [title]))
            }
            Format::Table => {
                let number = has_numbers.then(|| row_number(at + 1));
                let cells = [named(document), escaped(title.as_str()).to_string()];
                table.add_row(number.into_iter().chain(cells));
                Ok(())
            }
        }
        .map_err(CommandError::Output)?;
    }
    if let Format::Table = context.format {
        let count = counted(documents.len(), "document");
        let text = match &documents[..] {
            [] => format!("{count} shared"),
            _ => format!("{}\n{count} shared", table.text()),
        };
        print_prose(text).map_err(CommandError::Output)?;
    }
    Ok(())
}
