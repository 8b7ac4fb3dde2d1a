//! `get`: find the holders of a document, download it, and share it (protocol.md sections 4.3 and 5).

mod choose;
mod download;
mod holders;
mod local;
mod missing;
mod out;
mod several;
mod target;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::{io, iter};

use self::download::{Downloaded, save, stream};
use crate::cli::change::Earlier;
use crate::cli::command::Get;
use crate::cli::context::Context;
use crate::cli::downloads::{Finish, Running, wait};
use crate::cli::exit::CommandError;
use crate::cli::incomplete::say_missing_holders;
use crate::cli::many::remember_reason;
use crate::cli::meant::{here_or_known, is_listed, rfc_for_unknown_index};
use crate::cli::named::Range;
use crate::cli::other_kind::note_index_server;
use crate::cli::outcome::{Outcome, say_failed, shown};
use crate::cli::output::say;
use crate::cli::share_directory::create_share_directory;
use crate::cli::trusted::{check_local, trusted_digests};
use crate::error_chain::error_chain;
use crate::library::{SaveTarget, Saved, SharedLibrary, candidates};
use crate::peer::{
    CompletedDownload, DownloadError, DownloadRequest, Holders, JournalEvent, Source, probe,
};
use crate::protocol::{Digest, Document, Title};
use choose::choose;
use holders::Chosen;
use local::{copy, local_copy, say_streamed};
use out::{Out, is_standard_output};
use several::get_many;
use target::{Target, already_here, check, target};

/// Downloads a document, or several.
pub(in crate::cli) fn get(context: &Context, command: &Get) -> Result<(), CommandError> {
    let list = trusted_digests(context, command.digests.as_deref())?;
    let mut vouched_for = list.digests.clone();
    let mut documents: Vec<Document> = match &command.documents[..] {
        [] => {
            let unfinished = context.journal.unfinished();
            for (document, digest) in &unfinished {
                if let Some(digest) = digest {
                    vouched_for.entry(document.clone()).or_insert(*digest);
                }
            }
            unfinished.into_keys().collect()
        }
        some => {
            let documents = some.iter().flat_map(Range::documents);
            documents.map(|document| known_form(context, command, document)).collect()
        }
    };
    let mut seen = HashSet::new();
    documents.retain(|document| seen.insert(document.clone()));
    list.note_unmatched(|document| seen.contains(document));
    if documents.is_empty() {
        return say("no unfinished download: nothing to resume").map_err(CommandError::Output);
    }
    // Read only where a person can be asked.
    let wanted_before =
        if context.interactive { context.journal.unfinished() } else { BTreeMap::new() };
    if command.out.is_none() {
        let library = context.library()?;
        let is_wanted =
            |document: &&Document| command.force || library.read().entry(document).is_none();
        let wanted = documents.iter().filter(is_wanted).map(|document| {
            (document.clone(), JournalEvent::Wanted(vouched_for.get(document).copied()))
        });
        context.journal.add_all(wanted);
    }
    // A download that was not begun is not resumed by a later session.
    let newly_wanted: Vec<Document> = match context.interactive && command.out.is_none() {
        true => documents
            .iter()
            .filter(|document| !wanted_before.contains_key(*document))
            .cloned()
            .collect(),
        false => Vec::new(),
    };
    let outcome = match &documents[..] {
        [document] => get_one(context, command, document, vouched_for.get(document).copied()),
        _ if command.out.is_some() => Err(CommandError::Usage(format!(
            "expected one document with --out, found {}: give each its own `get`, or save all of them \
                 in a directory with `--share DIR`",
            documents.len()
        ))),
        _ => get_many(context, command, documents, &vouched_for),
    };
    if outcome.as_ref().is_err_and(CommandError::is_not_begun) {
        let given_up = newly_wanted.into_iter().map(|document| (document, JournalEvent::GivenUp));
        context.journal.add_all(given_up);
    }
    context.journal.sync();
    outcome
}

/// The document as it was typed, or in the form in which it is here, or known to the index or to the
/// holder that a person names.
fn known_form(context: &Context, command: &Get, typed: Document) -> Document {
    if candidates(&typed).len() == 1 {
        return typed;
    }
    let is_here = |form: &Document| {
        context.library().is_ok_and(|library| library.read().entry(form).is_some())
    };
    if command.from.is_none()
        && !candidates(&typed).iter().any(is_here)
        && let Some(rfc) = rfc_for_unknown_index(context, &typed)
    {
        return rfc;
    }
    here_or_known(context, &typed, |form| match &command.from {
        Some(holder) => probe(&context.fetcher, form, &holder.clone().into()).is_ok(),
        None => is_listed(context, form).unwrap_or(false),
    })
}

fn get_one(
    context: &Context,
    command: &Get,
    document: &Document,
    digest: Option<Digest>,
) -> Result<(), CommandError> {
    let outcome = get_wanted(context, command, document, digest);
    let Err(error) = outcome else { return Ok(()) };
    if command.out.is_none() {
        remember_reason(context, document, &error);
    }
    if let (Some(holder), CommandError::Fetch(error)) = (&command.from, &error) {
        note_index_server(holder, error);
    }
    match &error {
        // A document that could not be written or asked for is still wanted.
        CommandError::File { .. }
        | CommandError::Index(_)
        | CommandError::Interrupted(_)
        | CommandError::Fetch(DownloadError::Cancelled(_)) => {}
        // The caller knows which documents had been wanted before.
        CommandError::NotBegun(_) => {}
        // Another process is still downloading it, or it resumes when a holder is back.
        CommandError::Fetch(error) if error.is_in_use() || error.kept().is_some() => {}
        _ if command.out.is_some() => {}
        _ => context.journal.add(document, JournalEvent::GivenUp),
    }
    // Standard output may be where the document was to go.
    if command.out.as_deref().is_none_or(|out| !is_standard_output(out)) {
        say_failed(context.format, Some(document), &error)?;
    }
    Err(CommandError::Said(Box::new(error)))
}

fn get_wanted(
    context: &Context,
    command: &Get,
    document: &Document,
    digest: Option<Digest>,
) -> Result<(), CommandError> {
    let target = target(context, command, document)?;
    match &target {
        Target::Out(Out::File(path)) if path.exists() && !command.force => {
            return Err(CommandError::File {
                what: format!("`{}` is not overwritten without --force", shown(path)),
                source: io::Error::new(io::ErrorKind::AlreadyExists, "it exists"),
            });
        }
        Target::Library(library, target) => {
            check(target, document, command.force)?;
            if let Some(path) = already_here(library, target, document).filter(|_| !command.force) {
                if let Some(expected) = digest {
                    check_local(context, library, document, expected)?;
                }
                return Outcome::Present(&path).say(context.format, document);
            }
        }
        _ => {}
    }
    if let Target::Out(out) = &target
        && let Some(entry) = local_copy(context, command, document, digest)?
    {
        return copy(context, command, document, &entry, out);
    }
    let (running, earlier) = match &target {
        Target::Out(_) => (None, None),
        Target::Library(library, target) => {
            let earlier = Earlier::read(context, library, iter::once(document));
            match attach(context, document)? {
                Attached::Fetched(fetched) => {
                    let change = earlier.change(document, fetched.digest);
                    let path = target.path();
                    let fetched =
                        Outcome::Fetched { path: &path, fetched: &fetched, change, list: None };
                    return fetched.say(context.format, document);
                }
                Attached::Claimed(running) => (Some(running), Some(earlier)),
            }
        }
    };
    let sources = match &command.from {
        Some(from) => vec![from.clone().into()],
        None => find_sources(context, document, command.out.as_deref())?,
    };
    let wanted = DownloadRequest { document: document.clone(), sources, digest };
    let list = command.digests.as_deref();
    match target {
        Target::Out(Out::StandardOutput) => stream(context, &wanted, None).map(drop),
        Target::Out(Out::Stream(path)) => {
            let fetched = stream(context, &wanted, Some(&path))?;
            let fetched = Outcome::Fetched { path: &path, fetched: &fetched, change: None, list };
            say_streamed(context, document, &path, &fetched)
        }
        Target::Out(Out::File(path)) => {
            let downloaded = save(context, command.force, &wanted, &SaveTarget::file(&path))?;
            let outcome = match &downloaded {
                Downloaded::Saved(fetched, _) => {
                    Outcome::Fetched { path: &path, fetched, change: None, list }
                }
                Downloaded::Present => Outcome::Present(&path),
            };
            outcome.say(context.format, document)
        }
        Target::Library(library, target) => {
            create_share_directory(context)?;
            let (fetched, saved) = match save(context, command.force, &wanted, &target)? {
                Downloaded::Saved(fetched, saved) => (fetched, saved),
                // The other process has recorded and shares what it saved.
                Downloaded::Present => {
                    return Outcome::Present(&target.path()).say(context.format, document);
                }
            };
            if let Some(running) = running {
                let finish = || Finish::Fetched(Box::new(fetched.clone()), saved);
                running.finish(document, finish);
            }
            if let Some(holder) = fetched.holders.first() {
                let event = JournalEvent::Fetched(fetched.digest, fetched.length, holder.clone());
                context.journal.add(document, event);
            }
            // A reader of the line may rely on the document being shared.
            let title = wanted.title_of(&fetched.holders).cloned();
            let shared = share(context, &library, document, title, saved, fetched.digest);
            let change = earlier.and_then(|earlier| earlier.change(document, fetched.digest));
            let fetched =
                Outcome::Fetched { path: &target.path(), fetched: &fetched, change, list };
            fetched.say(context.format, document)?;
            shared
        }
    }
}

/// The result of an attempt to download a document here.
enum Attached {
    /// A download of it was running already, and is complete.
    Fetched(Box<CompletedDownload>),
    /// No download of it is running but this one.
    Claimed(Running),
}

/// Waits for a running download of a document, if there is one. If it fails, it is for the caller to
/// try again.
fn attach(context: &Context, document: &Document) -> Result<Attached, CommandError> {
    loop {
        let (running, mut others) = context.downloads.claim([document].into_iter());
        let Some(end) = others.remove(document) else { return Ok(Attached::Claimed(running)) };
        log::warn!("{document} is being downloaded in the background: waiting for it");
        let finish = wait(&end, context.cancel());
        if context.cancel().is_cancelled() {
            return Err(CommandError::Interrupted(format!(
                "interrupted: {document} is still being downloaded in the background"
            )));
        }
        if let Some(Finish::Fetched(fetched, _)) = finish {
            return Ok(Attached::Fetched(fetched));
        }
    }
}

/// The holders of a document, the one to ask first in front.
fn find_sources(
    context: &Context,
    document: &Document,
    out: Option<&Path>,
) -> Result<Vec<Source>, CommandError> {
    let Holders { found: holdings, completeness } = holders::holdings(context, document)?;
    // Standard output may be where the document goes.
    if out.is_none_or(|out| !is_standard_output(out)) {
        say_missing_holders(context.format, document, &completeness)?;
    }
    let chosen = match context.interactive && holdings.len() > 1 {
        true => choose(document, &holdings, context.cancel())?.map_or(Chosen::None, Chosen::Number),
        false => Chosen::None,
    };
    Ok(holders::sources(document, holdings, &chosen))
}

/// Shares what was fetched. A lost connection to the index is no failure of the download: all is
/// registered when it is back.
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
    if let Err(error) = membership.update(std::slice::from_ref(document), context.cancel()) {
        log::warn!("{document} is not registered yet: {}", error_chain(&error));
        context.announce_later(document);
    }
    Ok(())
}
