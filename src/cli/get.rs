//! `get`: who has it, which one to take, download it, and share it.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::act::Context;
use super::choose::choose;
use super::command::{Format, Get};
use super::exit::CommandError;
use super::output::say;
use super::progress::Progress;
use super::reply::document_json;
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::library::{Entry, Incoming, SharedLibrary};
use crate::peer::{Fetched, fetch, lookup};
use crate::protocol::{Document, Endpoint, Record, Title};

/// Where the document goes.
enum Target {
    StandardOutput,
    File(PathBuf),
    Library(SharedLibrary, PathBuf),
}

/// Downloads a document.
pub(super) fn get(context: &Context, command: &Get) -> Result<(), CommandError> {
    let document = &command.document;
    let target = target(context, command)?;
    if let Some(path) = already_here(&target, document).filter(|_| !command.force) {
        return match target {
            Target::Library(..) => say_already_here(context.format, document, &path),
            _ => Err(CommandError::File {
                what: format!("`{}` is not overwritten without --force", shown(&path)),
                source: io::ErrorKind::AlreadyExists.into(),
            }),
        };
    }
    let (holders, title) = match &command.from {
        Some(from) => (vec![from.clone()], None),
        None => find_holders(context, document)?,
    };
    match target {
        Target::StandardOutput => to_standard_output(context, document, &holders),
        Target::File(path) => {
            let fetched = to_file(context, command, &holders, &path)?;
            say_fetched(context.format, document, &path, &fetched)
        }
        Target::Library(library, path) => {
            let fetched = to_file(context, command, &holders, &path)?;
            // Who reads the line may rely on the document being shared.
            let shared = share(context, &library, &path, title);
            say_fetched(context.format, document, &path, &fetched)?;
            shared
        }
    }
}

fn target(context: &Context, command: &Get) -> Result<Target, CommandError> {
    match &command.out {
        Some(path) if path.as_os_str() == "-" => Ok(Target::StandardOutput),
        Some(path) => Ok(Target::File(path.clone())),
        None => {
            let library = context.library()?;
            let path = library.read().path_for(&command.document);
            let path = path.ok_or_else(|| {
                let document = &command.document;
                CommandError::Usage(format!("{document} cannot be kept in the folder: use --out"))
            })?;
            Ok(Target::Library(library, path))
        }
    }
}

fn already_here(target: &Target, document: &Document) -> Option<PathBuf> {
    match target {
        Target::StandardOutput => None,
        Target::File(path) => path.exists().then(|| path.clone()),
        Target::Library(library, path) => {
            let shared = library.read().entry(document).map(Entry::path);
            shared.filter(|path| path.exists()).or_else(|| path.exists().then(|| path.clone()))
        }
    }
}

/// Who has it, the one to ask first in front, and what it is called.
fn find_holders(
    context: &Context,
    document: &Document,
) -> Result<(Vec<Endpoint>, Option<Title>), CommandError> {
    let holdings = lookup(&context.index, document)?;
    let mut records: Vec<Record> = holdings.into_iter().map(|holding| holding.record).collect();
    let own = context.index.own();
    records.retain(|record| Some(&record.holder) != own.as_ref());
    if records.is_empty() {
        return Err(CommandError::NotFound(format!("nobody has {document}")));
    }
    if context.interactive && records.len() > 1 {
        let chosen = choose(document, &records)?;
        records[..=chosen].rotate_right(1);
    }
    let title = records.first().map(|record| record.title.clone());
    let mut holders: Vec<Endpoint> = Vec::new();
    for record in records {
        if !holders.contains(&record.holder) {
            holders.push(record.holder);
        }
    }
    Ok((holders, title.filter(|title| !title.as_str().is_empty())))
}

fn to_file(
    context: &Context,
    command: &Get,
    holders: &[Endpoint],
    path: &Path,
) -> Result<Fetched, CommandError> {
    let cannot_save =
        |source| CommandError::File { what: format!("cannot save `{}`", shown(path)), source };
    let mut incoming = Incoming::begin(path).map_err(cannot_save)?;
    context.unfinished.replace(incoming.temporary_path().map(PathBuf::from));
    let fetched = download(&command.document, holders, &mut incoming);
    context.unfinished.replace(None);
    if let Some(length) = incoming.kept_length().filter(|_| fetched.is_err()) {
        log::warn!("{length} bytes are kept, the next `get` goes on behind them");
    }
    let fetched = fetched?;
    if let Some(date) = fetched.last_modified {
        // A time that the file system cannot keep is no reason to lose the document.
        let _ = incoming.file().set_modified(date.time());
    }
    incoming.finish(command.force).map_err(cannot_save)?;
    Ok(fetched)
}

/// Through a temporary file: a holder that fails half-way leaves nothing on standard output.
fn to_standard_output(
    context: &Context,
    document: &Document,
    holders: &[Endpoint],
) -> Result<(), CommandError> {
    let cannot_keep =
        |source| CommandError::File { what: "cannot use a temporary file".into(), source };
    let folder = tempfile::tempdir().map_err(cannot_keep)?;
    context.unfinished.replace(Some(folder.path().into()));
    let mut incoming = Incoming::begin(&folder.path().join("document")).map_err(cannot_keep)?;
    download(document, holders, &mut incoming)?;
    incoming.file().seek(SeekFrom::Start(0)).map_err(cannot_keep)?;
    let mut output = io::stdout().lock();
    io::copy(incoming.file(), &mut output)
        .and_then(|_| output.flush())
        .map_err(CommandError::Output)
}

fn download(
    document: &Document,
    holders: &[Endpoint],
    incoming: &mut Incoming,
) -> Result<Fetched, CommandError> {
    let mut progress = Progress::default();
    let fetched = fetch(document, holders, incoming, &mut |attempt| progress.show(&attempt));
    progress.clear();
    let fetched = fetched?;
    if !fetched.length_checked {
        log::warn!("{} did not say how long {document} is: it may be cut short", fetched.holder);
    }
    Ok(fetched)
}

/// Shares what was fetched. That the index is away is no failure of the download: all is added
/// when it is back.
fn share(
    context: &Context,
    library: &SharedLibrary,
    path: &Path,
    title: Option<Title>,
) -> Result<(), CommandError> {
    let Some(membership) = context.index.membership() else { return Ok(()) };
    let document = library.write().add_file(path, title).map_err(|source| CommandError::File {
        what: format!("cannot share `{}`", shown(path)),
        source,
    })?;
    if let Err(error) = membership.update(&document) {
        log::warn!("{document} is not registered yet: {}", error_chain(&error));
    }
    Ok(())
}

fn say_already_here(format: Format, document: &Document, path: &Path) -> Result<(), CommandError> {
    match format {
        Format::Raw | Format::Table => {
            say(format_args!("{document} is here already: {}", shown(path)))
        }
        Format::Json => {
            let mut object = document_json(document);
            object["path"] = json!(path.to_string_lossy());
            object["fetched"] = json!(false);
            say(object)
        }
    }
    .map_err(CommandError::Output)
}

fn say_fetched(
    format: Format,
    document: &Document,
    path: &Path,
    fetched: &Fetched,
) -> Result<(), CommandError> {
    let Fetched { holder, length, length_checked, digest, .. } = fetched;
    match format {
        Format::Raw | Format::Table => {
            let checked = digest.map_or("no digest to check", |_| "sha-256 checked");
            let path = shown(path);
            say(format_args!(
                "{document}: {length} bytes from {holder}, {checked}, saved as {path}"
            ))
        }
        Format::Json => {
            let mut object = document_json(document);
            object["path"] = json!(path.to_string_lossy());
            object["fetched"] = json!(true);
            object["bytes"] = json!(length);
            object["length_checked"] = json!(length_checked);
            object["digest"] = json!(digest.map(|digest| digest.to_string()));
            object["holder"] = json!(holder.to_string());
            say(object)
        }
    }
    .map_err(CommandError::Output)
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes()).to_string()
}
