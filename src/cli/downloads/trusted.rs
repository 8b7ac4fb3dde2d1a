//! The digests that the user trusts, and documents that are here already, compared with them.

use std::path::Path;

use super::on_disk::digest_on_disk;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::values::digest_list::{self, DigestList};
use crate::escape::escaped;
use crate::library::SharedLibrary;
use crate::protocol::{Digest, Document};

/// The digests of a list that the user trusts.
pub(in crate::cli) fn trusted_digests(
    context: &Context,
    list: Option<&Path>,
) -> Result<DigestList, CommandError> {
    let Some(path) = list else { return Ok(DigestList::default()) };
    digest_list::read(path, &context.directory).map_err(|source| CommandError::File {
        what: format!("cannot use `{}`", escaped(path.as_os_str().as_encoded_bytes())),
        source,
    })
}

/// Fails if a document is here with other content than expected. Its file is read unless its digest
/// is known in its present state.
pub(in crate::cli) fn check_local(
    context: &Context,
    library: &SharedLibrary,
    document: &Document,
    expected: Digest,
) -> Result<(), CommandError> {
    let found = match library.current_digest(document) {
        Some(found) => Some(found),
        None => {
            let read = digest_on_disk(context, document)?;
            context.check_interrupt()?;
            let what = || format!("cannot compare {document} with its trusted digest");
            read.map_err(|source| CommandError::File { what: what(), source })?
        }
    };
    match found {
        Some(found) if found != expected => {
            Err(CommandError::Differs { document: document.clone(), expected, found })
        }
        Some(_) | None => Ok(()),
    }
}

/// The documents of a list that are here with other content or cannot be read, each with its error.
///
/// # Errors
/// When the command was interrupted.
pub(in crate::cli) fn check_all_local(
    context: &Context,
    library: &SharedLibrary,
    list: &DigestList,
) -> Result<Vec<(Document, CommandError)>, CommandError> {
    let mut listed: Vec<_> = list.digests.iter().collect();
    listed.sort_by_key(|(document, _)| *document);
    let mut failed = Vec::new();
    for (document, expected) in listed {
        match check_local(context, library, document, *expected) {
            Ok(()) => {}
            Err(error @ CommandError::Interrupted(_)) => return Err(error),
            Err(error) => failed.push((document.clone(), error)),
        }
    }
    Ok(failed)
}
