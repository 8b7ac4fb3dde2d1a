//! The target of a download: the library, or the path of `--out`.

use std::path::PathBuf;

use super::out::{self, Out};
use crate::cli::command::Get;
use crate::cli::context::Context;
use crate::cli::downloads::many::replacing;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::outcome::not_saved;
use crate::library::{SaveTarget, SharedLibrary};
use crate::protocol::Document;

/// The target of a download.
#[derive(Debug)]
pub(super) enum Target {
    Out(Out),
    Library(SharedLibrary, SaveTarget),
}

pub(super) fn target(
    context: &Context,
    command: &Get,
    document: &Document,
) -> Result<Target, CommandError> {
    if let Some(path) = &command.out {
        return out::target(path, document, &context.directory).map(Target::Out);
    }
    let library = context.library()?;
    let target = library.read().target_for(document);
    let target = target.map_err(|reason| {
        CommandError::Usage(format!("{document}: {}", not_saved(document, reason)))
    })?;
    let target = if command.force { replacing(target, &context.journal) } else { target };
    Ok(Target::Library(library, target))
}

/// Fails if another kind of file has the name, or, without `force`, a file that would be replaced.
pub(super) fn check(
    target: &SaveTarget,
    document: &Document,
    force: bool,
) -> Result<(), CommandError> {
    let what = || format!("cannot save {document}");
    target.check(force).map(drop).map_err(|source| CommandError::File { what: what(), source })
}

/// The file of a document that is already here.
pub(super) fn already_here(
    library: &SharedLibrary,
    target: &SaveTarget,
    document: &Document,
) -> Option<PathBuf> {
    let shared = library.read().entry(document).map(|entry| entry.path());
    let is_file = |path: &PathBuf| path.symlink_metadata().is_ok_and(|found| found.is_file());
    let saved = || target.is_here().is_ok_and(|is_here| is_here).then(|| target.path());
    shared.filter(is_file).or_else(saved)
}
