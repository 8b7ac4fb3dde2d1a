//! `docs`: the documents that are shared.

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::objects::{document_json, with_fields};
use crate::cli::output::print::{print_json, print_line, table};
use crate::escape::escaped;

pub(in crate::cli) fn docs(context: &Context) -> Result<(), CommandError> {
    let library = context.library()?;
    // Files elsewhere may have been added.
    if !context.folder.is_dir() && library.read().is_empty() {
        let folder = escaped(context.folder.as_os_str().as_encoded_bytes());
        let text = format!("the share directory `{folder}` does not exist");
        return Err(CommandError::NotFound(text));
    }
    // The reader of the output may be slow, so the library is not locked while documents are printed.
    let documents: Vec<_> = library
        .read()
        .documents()
        .map(|(document, title)| (document.clone(), title.clone()))
        .collect();
    let mut table = table(["document", "title"]);
    for (document, title) in &documents {
        match context.format {
            Format::Raw => {
                print_line(format_args!("{} {}", document.wire(), escaped(title.as_str())))
            }
            Format::Json => {
                let title = ("title", json!(title.as_str()));
                print_json(&with_fields(document_json(document), [title]))
            }
            Format::Table => {
                table.add_row([document.to_string(), escaped(title.as_str()).to_string()]);
                Ok(())
            }
        }
        .map_err(CommandError::Output)?;
    }
    if let Format::Table = context.format {
        print_line(table.trim_fmt()).map_err(CommandError::Output)?;
    }
    Ok(())
}
