//! `get`: who has it, which one to take, download it, and share it.

mod several;

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::act::Context;
use super::choose::choose;
use super::command::{Format, Get, Range};
use super::exit::CommandError;
use super::output::say;
use super::progress::OneDownload;
use super::reply::document_json;
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::library::{Incoming, PartFiles, SaveTarget, Saved, SharedLibrary};
use crate::limits;
use crate::peer::{Attempt, Fetched, JournalEvent, Source, Wanted, lookup};
use crate::protocol::{Digest, Document, Title};
use several::get_many;

/// Where the document goes.
enum Target {
    StandardOutput,
    File(PathBuf),
    Library(SharedLibrary, SaveTarget),
}

/// Downloads a document, or several.
pub(super) fn get(context: &Context, command: &Get) -> Result<(), CommandError> {
    let mut vouched_for = context.vouched_for(command.digests.as_deref())?;
    let documents: Vec<Document> = match &command.documents[..] {
        [] => {
            let unfinished = context.journal.unfinished();
            for (document, digest) in &unfinished {
                if let Some(digest) = digest {
                    vouched_for.entry(document.clone()).or_insert(*digest);
                }
            }
            unfinished.into_keys().collect()
        }
        some => some.iter().flat_map(Range::documents).collect(),
    };
    if documents.is_empty() {
        return say("nothing to go on with").map_err(CommandError::Output);
    }
    if command.out.is_none() {
        let library = context.library()?;
        let library = library.read();
        let is_wanted = |document: &&Document| command.force || library.entry(document).is_none();
        for document in documents.iter().filter(is_wanted) {
            let digest = vouched_for.get(document).copied();
            context.journal.add(document, JournalEvent::Wanted(digest));
        }
    }
    if let [document] = &documents[..] {
        return get_one(context, command, document, vouched_for.get(document).copied());
    }
    if command.out.is_some() {
        return Err(CommandError::Usage("expected one document with --out, found several".into()));
    }
    get_many(context, command, documents, &vouched_for)
}

fn get_one(
    context: &Context,
    command: &Get,
    document: &Document,
    digest: Option<Digest>,
) -> Result<(), CommandError> {
    let outcome = get_wanted(context, command, document, digest);
    match &outcome {
        // What could not be written or asked for is still wanted.
        Ok(()) | Err(CommandError::File { .. } | CommandError::Index(_)) => {}
        Err(_) if command.out.is_some() => {}
        Err(_) => context.journal.add(document, JournalEvent::GivenUp),
    }
    outcome
}

fn get_wanted(
    context: &Context,
    command: &Get,
    document: &Document,
    digest: Option<Digest>,
) -> Result<(), CommandError> {
    let target = target(context, command, document)?;
    check(&target, document)?;
    if let Some(path) = already_here(&target, document).filter(|_| !command.force) {
        return match target {
            Target::Library(..) => say_already_here(context.format, document, &path),
            _ => Err(CommandError::File {
                what: format!("`{}` is not overwritten without --force", shown(&path)),
                source: io::ErrorKind::AlreadyExists.into(),
            }),
        };
    }
    let (sources, title) = match &command.from {
        Some(from) => (vec![from.clone().into()], None),
        None => find_holders(context, document)?,
    };
    let wanted = Wanted { document: document.clone(), sources, digest };
    match target {
        Target::StandardOutput => to_standard_output(context, &wanted),
        Target::File(path) => {
            let (fetched, _) = to_file(context, command, &wanted, &SaveTarget::file(&path))?;
            say_fetched(context.format, document, &path, &fetched)
        }
        Target::Library(library, target) => {
            let (fetched, saved) = to_file(context, command, &wanted, &target)?;
            let event =
                JournalEvent::Fetched(fetched.digest, fetched.length, fetched.holders[0].clone());
            context.journal.add(document, event);
            // Who reads the line may rely on the document being shared.
            let shared = share(context, &library, document, title, saved, fetched.digest);
            say_fetched(context.format, document, &target.path(), &fetched)?;
            shared
        }
    }
}

fn target(context: &Context, command: &Get, document: &Document) -> Result<Target, CommandError> {
    match &command.out {
        Some(path) if path.as_os_str() == "-" => Ok(Target::StandardOutput),
        Some(path) => Ok(Target::File(path.clone())),
        None => {
            let library = context.library()?;
            let target = library.read().target_for(document);
            let target =
                target.map_err(|reason| CommandError::Usage(format!("{document}: {reason}")))?;
            Ok(Target::Library(library, target))
        }
    }
}

/// Fails if something else has the name of the file.
fn check(target: &Target, document: &Document) -> Result<(), CommandError> {
    match target {
        Target::StandardOutput | Target::File(_) => Ok(()),
        Target::Library(_, target) => target.check().map_err(|source| CommandError::File {
            what: format!("cannot save {document}"),
            source,
        }),
    }
}

fn already_here(target: &Target, document: &Document) -> Option<PathBuf> {
    match target {
        Target::StandardOutput => None,
        Target::File(path) => path.exists().then(|| path.clone()),
        Target::Library(library, target) => {
            let shared = library.read().entry(document).map(|entry| entry.path());
            let is_file = |path: &PathBuf| path.symlink_metadata().is_ok_and(|m| m.is_file());
            let saved = || target.is_here().is_ok_and(|is_here| is_here).then(|| target.path());
            shared.filter(is_file).or_else(saved)
        }
    }
}

/// Who has it, the one to ask first in front, and what it is called.
fn find_holders(
    context: &Context,
    document: &Document,
) -> Result<(Vec<Source>, Option<Title>), CommandError> {
    let mut holdings = lookup(&context.index, document)?;
    let own = context.index.own();
    holdings.retain(|holding| Some(&holding.record.holder) != own.as_ref());
    if holdings.is_empty() {
        return Err(CommandError::NotFound(format!("nobody has {document}")));
    }
    let has_chosen = context.interactive && holdings.len() > 1;
    if has_chosen {
        let chosen = choose(document, &holdings)?;
        holdings[..=chosen].rotate_right(1);
    }
    let title = holdings.first().map(|holding| holding.record.title.clone());
    let mut sources: Vec<Source> = Vec::new();
    for source in holdings.into_iter().map(Source::from) {
        if sources.iter().all(|other| other.holder != source.holder) {
            sources.push(source);
        }
    }
    if let Some(first) = sources.first_mut() {
        first.is_chosen = has_chosen;
    }
    say_versions(document, &sources);
    Ok((sources, title.filter(|title| !title.as_str().is_empty())))
}

/// Says it when holders say to have different bytes.
fn say_versions(document: &Document, sources: &[Source]) {
    let mut versions: Vec<(Digest, Vec<String>)> = Vec::new();
    for source in sources {
        let Some(digest) = source.content.digest else { continue };
        let holder = escaped(&source.holder.to_string()).to_string();
        match versions.iter_mut().find(|(other, _)| *other == digest) {
            Some((_, holders)) => holders.push(holder),
            None => versions.push((digest, vec![holder])),
        }
    }
    if versions.len() > 1 {
        log::warn!("the holders of {document} have different versions of it:");
        for (digest, holders) in versions {
            log::warn!("{digest}: {}", holders.join(", "));
        }
    }
}

fn to_file(
    context: &Context,
    command: &Get,
    wanted: &Wanted,
    target: &SaveTarget,
) -> Result<(Fetched, Saved), CommandError> {
    let cannot_save = |source| {
        let what = format!("cannot save `{}`", shown(&target.path()));
        CommandError::File { what, source }
    };
    let parts = PartFiles::in_folder(target.root());
    let mut incoming = Incoming::begin_among(target, &parts).map_err(cannot_save)?;
    context.unfinished.replace(incoming.temporary_path().map(PathBuf::from));
    let fetched = download(context, wanted, &mut incoming);
    context.unfinished.replace(None);
    if let Some(length) = incoming.kept_length().filter(|_| fetched.is_err()) {
        log::warn!("{length} bytes are kept, the next `get` goes on behind them");
    }
    let fetched = fetched?;
    if let Some(date) = fetched.last_modified {
        incoming.set_modified(date.time());
    }
    let saved = match incoming.finish(command.force) {
        // Another process may have fetched the same document.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Saved::existing(target, fetched.digest).and_then(|same| same.ok_or(error))
        }
        saved => saved,
    };
    Ok((fetched, saved.map_err(cannot_save)?))
}

/// Through a temporary file: a holder that fails half-way leaves nothing on standard output.
fn to_standard_output(context: &Context, wanted: &Wanted) -> Result<(), CommandError> {
    let cannot_keep =
        |source| CommandError::File { what: "cannot use a temporary file".into(), source };
    let folder = tempfile::tempdir().map_err(cannot_keep)?;
    context.unfinished.replace(Some(folder.path().into()));
    let mut incoming = Incoming::begin(&folder.path().join("document")).map_err(cannot_keep)?;
    download(context, wanted, &mut incoming)?;
    incoming.file().seek(SeekFrom::Start(0)).map_err(cannot_keep)?;
    let mut output = io::stdout().lock();
    io::copy(&mut incoming.file(), &mut output)
        .and_then(|_| output.flush())
        .map_err(CommandError::Output)
}

/// Tries as long as something comes of it: a line that breaks is gone on with in a while.
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
        std::thread::sleep(pause);
    };
    progress.end();
    let fetched = fetched?;
    if !fetched.length_checked {
        let holder = &fetched.holders[0];
        log::warn!("{holder} did not say how long {document} is: it may be cut short");
    }
    Ok(fetched)
}

/// Shares what was fetched. That the index is away is no failure of the download: all is added
/// when it is back.
fn share(
    context: &Context,
    library: &SharedLibrary,
    document: &Document,
    title: Option<Title>,
    saved: Saved,
    digest: Digest,
) -> Result<(), CommandError> {
    let Some(membership) = context.index.membership() else { return Ok(()) };
    let added = library.add_saved(document, title, saved, digest);
    added.map_err(|source| CommandError::File {
        what: format!("cannot share {document}"),
        source,
    })?;
    if let Err(error) = membership.update(std::slice::from_ref(document)) {
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
    let Fetched { holders, length, length_checked, digest, digest_checked, .. } = fetched;
    let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
    match format {
        Format::Raw | Format::Table => {
            let checked = if *digest_checked { "sha-256 checked" } else { "no digest to check" };
            let (holders, path) = (escaped(&holders.join(", ")).to_string(), shown(path));
            say(format_args!(
                "{document}: {length} bytes from {holders}, {checked}, saved as {path}"
            ))
        }
        Format::Json => {
            let mut object = document_json(document);
            object["path"] = json!(path.to_string_lossy());
            object["fetched"] = json!(true);
            object["bytes"] = json!(length);
            object["length_checked"] = json!(length_checked);
            object["digest"] = json!(digest.to_string());
            object["digest_checked"] = json!(digest_checked);
            object["holder"] = json!(holders.first());
            object["holders"] = json!(holders);
            say(object)
        }
    }
    .map_err(CommandError::Output)
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes()).to_string()
}
