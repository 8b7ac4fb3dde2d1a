//! The bytes that a document has on disk: those of the file at the path under which it is saved, whether
//! or not it is shared now. If nothing is there, the file that is shared as the document is read instead.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::values::named::typed as typed_name;
use crate::library::{Entry, Hasher, candidates, file_name_of};
use crate::limits;
use crate::protocol::{Digest, Document};
use crate::system::open_regular;

/// The digest of the document's file, which is read; `None` if there is no file.
///
/// # Errors
/// When the shared directory cannot be scanned; within the result, when the file cannot be read, or
/// the command was cancelled.
pub(in crate::cli) fn digest_on_disk(
    context: &Context,
    document: &Document,
) -> Result<io::Result<Option<Digest>>, CommandError> {
    let open = match file_name_of(document) {
        Ok(name) => open_regular(&context.directory, &name).map(|(file, _)| file),
        Err(_) => Err(io::ErrorKind::NotFound.into()),
    };
    let found = match open {
        Err(error) if is_missing(&error) => match entry(context, document)? {
            None => return Ok(Ok(None)),
            Some(entry) => entry.open().and_then(|open| digest(context, &open.file)),
        },
        open => open.and_then(|file| digest(context, &file)),
    };
    Ok(match found {
        Err(error) if is_missing(&error) => Ok(None),
        found => found.map(Some),
    })
}

/// The document of a typed name that is shared here, and its file.
///
/// # Errors
/// When the shared directory cannot be scanned, or does not have it.
pub(in crate::cli) fn shared_entry(
    context: &Context,
    typed: &Document,
) -> Result<(Document, Arc<Entry>), CommandError> {
    let library = context.library()?;
    let library = library.read();
    let found = candidates(typed).into_iter().find_map(|form| {
        let entry = library.entry(&form).cloned();
        entry.map(|entry| (form, entry))
    });
    found.ok_or_else(|| {
        let command = typed_name(typed);
        CommandError::NotFound(format!("{typed} is not here: `get {command}` downloads it"))
    })
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The shared file of a document, which may have another name, or may have to be unpacked.
fn entry(context: &Context, document: &Document) -> Result<Option<Arc<Entry>>, CommandError> {
    let library = context.library()?;
    let entry = library.read().entry(document).cloned();
    Ok(entry)
}

fn digest(context: &Context, mut file: &File) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut chunk = vec![0; limits::VERIFY_BUFFER];
    while !context.cancel().is_cancelled() {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(chunk.get(..count).unwrap_or(&chunk)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // The caller checks for the interrupt.
    Err(io::ErrorKind::Interrupted.into())
}
