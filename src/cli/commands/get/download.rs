//! Saves one document to a file or a stream, from holders or from a local copy.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use super::out::cannot_save;
use super::stream_out::write_to;
use crate::cli::context::Context;
use crate::cli::downloads::many::part_files;
use crate::cli::downloads::running::Running;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::outcome::shown;
use crate::cli::progress::{OneDownload, Transfer, warn_of_length};
use crate::cli::values::quantity::message_size;
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::library::{Entry, Hasher, PartFiles, PartialFile, SaveTarget, Saved};
use crate::limits;
use crate::peer::{
    CompletedDownload, DownloadError, DownloadProgress, DownloadRequest, JournalEvent,
};
use crate::protocol::{Digest, Document};

/// The result of a download into a file.
pub(super) enum Downloaded {
    /// The file is renamed into place.
    Saved(CompletedDownload, Saved, Transfer),
    /// Another process has saved the document.
    Present,
}

/// Downloads into a file, which appears only when it is complete.
pub(super) fn save(
    context: &Context,
    overwrite: bool,
    request: &DownloadRequest,
    target: &SaveTarget,
    running: Option<&Running>,
) -> Result<Downloaded, CommandError> {
    let path = target.path();
    let cannot_save = |source| cannot_save(&path, source);
    let parts = part_files(target.root(), &context.library()?, &context.journal);
    let mut partial = PartialFile::begin_with(target, &parts).map_err(cannot_save)?;
    context.interrupt.replace_temporary(partial.temporary_path().map(PathBuf::from));
    let fetched = download(context, request, &mut partial, overwrite, running);
    context.interrupt.replace_temporary(None);
    let (fetched, transfer) = match fetched {
        Ok(fetched) => fetched,
        Err(error) => return not_fetched(context, request, partial, &parts, error),
    };
    if let Some(date) = fetched.last_modified {
        partial.set_modified(date.time());
    }
    let saved = match partial.commit(overwrite) {
        // Another process may have downloaded the same document.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Saved::existing(target, fetched.digest).ok().flatten().ok_or(error)
        }
        saved => saved,
    };
    Ok(Downloaded::Saved(fetched, saved.map_err(cannot_save)?, transfer))
}

/// Keeps or deletes the partial file of a document that was not downloaded.
fn not_fetched(
    context: &Context,
    request: &DownloadRequest,
    partial: PartialFile,
    parts: &PartFiles,
    error: DownloadError,
) -> Result<Downloaded, CommandError> {
    let document = &request.document;
    match (error, partial.resumable_bytes()) {
        (DownloadError::Present(_), _) => {
            partial.delete();
            Ok(Downloaded::Present)
        }
        (DownloadError::Cancelled(document), kept) => Err(interrupted(context, &document, kept)),
        // A partial file that has filled the disk would leave no space for other documents.
        (error @ DownloadError::File { .. }, kept) if error.is_disk_full() => {
            let deleted = kept.map_or_else(String::new, |length| {
                format!("{} of {document} deleted; ", message_size(length))
            });
            log::warn!(
                "the disk is full: {deleted}free some space, and `get` downloads {document} again"
            );
            partial.delete_own();
            Err(error.into())
        }
        (error @ DownloadError::File { .. }, _) => Err(error.into()),
        (error, _) if error.is_in_use() => Err(error.into()),
        (error, Some(length)) if request.is_trusted() || error.kept().is_some() => {
            log::warn!("{} kept: the next `get` resumes there", message_size(length));
            partial.suspend(parts, request.is_trusted());
            Err(error.into())
        }
        (error, kept) => {
            if let Some(length) = kept {
                let length = message_size(length);
                log::warn!(
                    "{length} of {document} deleted: any peer may have announced the digest; \
                     `get --from HOLDER` or `--digests FILE` keeps what was received"
                );
            }
            partial.delete();
            Err(error.into())
        }
    }
}

/// The message after an interrupt: what is kept, and how to resume.
fn interrupted(context: &Context, document: &Document, kept: Option<u64>) -> CommandError {
    let typed = escaped(&context.typed);
    let kept = match kept {
        Some(length) => format!("{} kept, and `{typed}` resumes there", message_size(length)),
        None => format!("nothing of it is kept, and `{typed}` starts again"),
    };
    CommandError::Interrupted(format!("the download of {document} was interrupted: {kept}"))
}

/// Downloads to standard output, or to a device or FIFO, through a temporary file: nothing is written if
/// a holder fails before the end.
pub(super) fn stream(
    context: &Context,
    request: &DownloadRequest,
    path: Option<&Path>,
) -> Result<(CompletedDownload, Transfer), CommandError> {
    let cannot_keep =
        |source| CommandError::File { what: "cannot use a temporary file".into(), source };
    let directory = tempfile::tempdir().map_err(cannot_keep)?;
    context.interrupt.replace_temporary(Some(directory.path().into()));
    let mut partial =
        PartialFile::begin(&directory.path().join("document")).map_err(cannot_keep)?;
    let fetched = download(context, request, &mut partial, true, None);
    context.interrupt.replace_temporary(None);
    let fetched = fetched.map_err(|error| match error {
        DownloadError::Cancelled(document) => interrupted(context, &document, None),
        error => error.into(),
    })?;
    partial.file().rewind().map_err(cannot_keep)?;
    write(context, partial.file(), path)?;
    Ok(fetched)
}

/// Copies a shared document to a file, which appears only when it is complete.
pub(super) fn copy_file(
    context: &Context,
    entry: &Entry,
    path: &Path,
    overwrite: bool,
) -> Result<(u64, Digest), CommandError> {
    let cannot_save = |source| cannot_save(path, source);
    let open = entry.open().map_err(|source| cannot_read(entry, source))?;
    let mut partial = PartialFile::begin(path).map_err(cannot_save)?;
    let mut hasher = Hasher::default();
    let mut length = 0;
    let mut chunk = vec![0; limits::VERIFY_BUFFER];
    loop {
        context.check_interrupt()?;
        let count = io::Read::read(&mut &open.file, &mut chunk)
            .map_err(|source| cannot_read(entry, source))?;
        let Some(some @ [_, ..]) = chunk.get(..count) else { break };
        hasher.update(some);
        partial.file().write_all(some).map_err(cannot_save)?;
        length += some.len() as u64;
    }
    partial.set_modified(open.modified);
    partial.commit(overwrite).map_err(cannot_save)?;
    Ok((length, hasher.finish()))
}

/// Copies a shared document to standard output, or to a device or FIFO.
pub(super) fn copy_stream(
    context: &Context,
    entry: &Entry,
    path: Option<&Path>,
) -> Result<(u64, Digest), CommandError> {
    let open = entry.open().map_err(|source| cannot_read(entry, source))?;
    let mut copied = Hashed { from: &open.file, hasher: Hasher::default(), length: 0 };
    write(context, &mut copied, path)?;
    Ok((copied.length, copied.hasher.finish()))
}

/// A reader that computes the digest of a document.
struct Hashed<'a> {
    from: &'a File,
    hasher: Hasher,
    length: u64,
}

impl io::Read for Hashed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.length = self.length.saturating_add(count as u64);
        Ok(count)
    }
}

fn write(
    context: &Context,
    mut document: impl io::Read,
    path: Option<&Path>,
) -> Result<(), CommandError> {
    let Some(path) = path else {
        let mut output = io::stdout().lock();
        return io::copy(&mut document, &mut output)
            .and_then(|_| output.flush())
            .map_err(CommandError::Output);
    };
    write_to(path, document, context.cancel())
}

fn cannot_read(entry: &Entry, source: io::Error) -> CommandError {
    CommandError::File { what: format!("cannot read `{}`", shown(&entry.path())), source }
}

/// Downloads, and resumes lost connections as long as there is progress.
fn download(
    context: &Context,
    request: &DownloadRequest,
    partial: &mut PartialFile,
    overwrite: bool,
    running: Option<&Running>,
) -> Result<(CompletedDownload, Transfer), DownloadError> {
    let document = &request.document;
    let mut progress = OneDownload::new(document);
    let fetched =
        context.downloader.download_with_retries(request, partial, overwrite, &mut |attempt| {
            let event = match &attempt {
                DownloadProgress::Failed(holder, error) => {
                    Some(JournalEvent::Failed((*holder).clone(), error_chain(error)))
                }
                DownloadProgress::Retrying(_, pause) => Some(JournalEvent::Waits(*pause)),
                DownloadProgress::Asking(_)
                | DownloadProgress::Receiving(_)
                | DownloadProgress::Bytes(..) => None,
            };
            if let Some(event) = event {
                context.journal.add(document, event);
            }
            if let Some(running) = running {
                running.follow(document, &attempt);
            }
            progress.show(&attempt);
        });
    let transfer = progress.end();
    let fetched = fetched?;
    warn_of_length(document, &fetched);
    Ok((fetched, transfer))
}
