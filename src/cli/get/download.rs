//! One document on its way to a file or a stream, from holders or from a local copy.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use super::out;
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::outcome::shown;
use crate::cli::progress::OneDownload;
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::library::{Entry, Hasher, Incoming, PartFiles, SaveTarget, Saved};
use crate::limits;
use crate::peer::{Attempt, FetchError, Fetched, JournalEvent, Wanted};
use crate::protocol::{Digest, Document};

/// Downloads into a file, which appears as a whole.
pub(super) fn save(
    context: &Context,
    overwrite: bool,
    wanted: &Wanted,
    target: &SaveTarget,
) -> Result<(Fetched, Saved), CommandError> {
    let path = target.path();
    let cannot_save = |source| cannot_save(&path, source);
    let parts = PartFiles::in_folder(target.root());
    let mut incoming = Incoming::begin_among(target, &parts).map_err(cannot_save)?;
    context.interrupt.replace_temporary(incoming.temporary_path().map(PathBuf::from));
    let fetched = download(context, wanted, &mut incoming);
    context.interrupt.replace_temporary(None);
    let kept = incoming.kept_length();
    let fetched = match (fetched, kept) {
        (Err(CommandError::Fetch(FetchError::Cancelled(document))), kept) => {
            return Err(interrupted(&document, kept));
        }
        (Err(error), Some(length)) => {
            log::warn!("{length} bytes are kept: the next `get` resumes there");
            return Err(error);
        }
        (fetched, _) => fetched?,
    };
    if let Some(date) = fetched.last_modified {
        incoming.set_modified(date.time());
    }
    let saved = match incoming.finish(overwrite) {
        // Another process may have fetched the same document.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Saved::existing(target, fetched.digest).and_then(|same| same.ok_or(error))
        }
        saved => saved,
    };
    Ok((fetched, saved.map_err(cannot_save)?))
}

/// What a person is told whose download was interrupted.
fn interrupted(document: &Document, kept: Option<u64>) -> CommandError {
    let name = document.name();
    let name = shlex::try_quote(&name).map_or(name.as_str().into(), |name| name);
    let kept = match kept {
        Some(length) => format!("{length} bytes are kept, and `get {name}` resumes there"),
        None => format!("nothing of it is kept, and `get {name}` starts again"),
    };
    CommandError::Interrupted(format!("the download of {document} was interrupted: {kept}"))
}

/// Downloads to standard output, or to what the path names, through a temporary file: a holder that
/// fails in the middle leaves nothing there.
pub(super) fn stream(
    context: &Context,
    wanted: &Wanted,
    path: Option<&Path>,
) -> Result<(), CommandError> {
    let cannot_keep =
        |source| CommandError::File { what: "cannot use a temporary file".into(), source };
    let folder = tempfile::tempdir().map_err(cannot_keep)?;
    context.interrupt.replace_temporary(Some(folder.path().into()));
    let mut incoming = Incoming::begin(&folder.path().join("document")).map_err(cannot_keep)?;
    let fetched = download(context, wanted, &mut incoming);
    context.interrupt.replace_temporary(None);
    fetched?;
    incoming.file().rewind().map_err(cannot_keep)?;
    write(context, incoming.file(), path)
}

/// Copies a shared document to a file, which appears as a whole.
pub(super) fn copy_file(
    context: &Context,
    entry: &Entry,
    path: &Path,
    overwrite: bool,
) -> Result<(u64, Digest), CommandError> {
    let cannot_save = |source| cannot_save(path, source);
    let open = entry.open().map_err(|source| cannot_read(entry, source))?;
    let mut incoming = Incoming::begin(path).map_err(cannot_save)?;
    let mut hasher = Hasher::default();
    let mut length = 0;
    let mut chunk = vec![0; limits::VERIFY_BUFFER];
    loop {
        context.check_interrupt()?;
        let count = io::Read::read(&mut &open.file, &mut chunk)
            .map_err(|source| cannot_read(entry, source))?;
        let Some(some @ [_, ..]) = chunk.get(..count) else { break };
        hasher.update(some);
        incoming.file().write_all(some).map_err(cannot_save)?;
        length += some.len() as u64;
    }
    incoming.set_modified(open.modified);
    incoming.finish(overwrite).map_err(cannot_save)?;
    Ok((length, hasher.finish()))
}

/// Copies a shared document to standard output, or to what the path names.
pub(super) fn copy_stream(
    context: &Context,
    entry: &Entry,
    path: Option<&Path>,
) -> Result<(), CommandError> {
    let open = entry.open().map_err(|source| cannot_read(entry, source))?;
    write(context, &open.file, path)
}

fn write(context: &Context, mut document: &File, path: Option<&Path>) -> Result<(), CommandError> {
    let Some(path) = path else {
        let mut output = io::stdout().lock();
        return io::copy(&mut document, &mut output)
            .and_then(|_| output.flush())
            .map_err(CommandError::Output);
    };
    out::write_to(path, document, context.cancel())
}

fn cannot_save(path: &Path, source: io::Error) -> CommandError {
    CommandError::File { what: format!("cannot save `{}`", shown(path)), source }
}

fn cannot_read(entry: &Entry, source: io::Error) -> CommandError {
    CommandError::File { what: format!("cannot read `{}`", shown(&entry.path())), source }
}

/// Tries as long as there is progress: a broken connection is resumed after a pause.
fn download(
    context: &Context,
    wanted: &Wanted,
    incoming: &mut Incoming,
) -> Result<Fetched, CommandError> {
    let document = &wanted.document;
    let mut progress = OneDownload::new(document);
    let mut kept = incoming.kept_length();
    let fetched = loop {
        let fetched = context.fetcher.fetch(wanted, incoming, &mut |attempt| {
            if let Attempt::Failed(holder, error) = &attempt {
                let failed = JournalEvent::Failed((*holder).clone(), error_chain(error));
                context.journal.add(document, failed);
            }
            progress.show(&attempt);
        });
        let Err(error) = &fetched else { break fetched };
        let now = incoming.kept_length();
        let pause = match error.rest() {
            Some(rest) => rest,
            None if error.is_transient() && now > kept && !error.is_too_slow() => limits::ASK_AGAIN,
            None => break fetched,
        };
        kept = now;
        context.journal.add(document, JournalEvent::Waits(pause));
        progress
            .aside(|| log::warn!("{document} is tried again in {} seconds", pause.as_secs() + 1));
        if context.fetcher.cancel().sleep(pause) {
            break Err(FetchError::Cancelled(document.clone()));
        }
    };
    progress.end();
    let fetched = fetched?;
    if let (false, Some(holder)) = (fetched.length_checked, fetched.holders.first()) {
        let holder = escaped(&holder.to_string()).to_string();
        log::warn!("{holder} did not send the length of {document}: it may be truncated");
    }
    Ok(fetched)
}
