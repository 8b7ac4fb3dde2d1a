//! `get --out` of a document that is shared here: the file is copied, and nothing is downloaded.

use std::path::Path;
use std::sync::Arc;

use super::download::{copy_file, copy_stream};
use super::out::{Out, is_standard_output};
use crate::cli::command::Get;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::format::Format;
use crate::cli::output::outcome::Outcome;
use crate::library::Entry;
use crate::protocol::{Digest, Document};

/// The shared document that `--out` copies. `None` if the user names a holder, or a list of digests
/// expects other content.
pub(super) fn local_copy(
    context: &Context,
    command: &Get,
    document: &Document,
    digest: Option<Digest>,
) -> Result<Option<Arc<Entry>>, CommandError> {
    if command.from.is_some() {
        return Ok(None);
    }
    let library = context.library()?;
    let entry = library.read().entry(document).cloned();
    Ok(entry.filter(|entry| match digest {
        None => entry.path().exists(),
        Some(expected) => entry.digest().is_ok_and(|found| found == expected),
    }))
}

pub(super) fn copy(
    context: &Context,
    command: &Get,
    document: &Document,
    entry: &Entry,
    out: &Out,
) -> Result<(), CommandError> {
    match out {
        Out::StandardOutput => copy_stream(context, entry, None).map(drop),
        Out::Stream(path) => {
            let (length, digest) = copy_stream(context, entry, Some(path))?;
            let copied = Outcome::Copied { from: &entry.path(), to: path, length, digest };
            print_streamed(context, document, path, &copied)
        }
        Out::File(to) => {
            let (length, digest) = copy_file(context, entry, to, command.force)?;
            let copied = Outcome::Copied { from: &entry.path(), to, length, digest };
            copied.print(context.format, document)
        }
    }
}

/// Prints the outcome of a document that was written to a device, a FIFO or a descriptor as JSON; nothing
/// if that is standard output.
pub(super) fn print_streamed(
    context: &Context,
    document: &Document,
    path: &Path,
    outcome: &Outcome<'_>,
) -> Result<(), CommandError> {
    match context.format {
        Format::Json if !is_standard_output(path) => outcome.print(context.format, document),
        Format::Json | Format::Raw | Format::Table => Ok(()),
    }
}
