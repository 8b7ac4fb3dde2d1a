//! `get` of one document.

use std::path::Path;
use std::{io, iter};

use super::choose::choose;
use super::download::{Downloaded, save, stream};
use super::holders::{self, Chosen};
use super::local::{copy, local_copy, print_streamed};
use super::out::{Out, is_standard_output};
use super::target::{Target, already_here, check, target};
use crate::cli::command::Get;
use crate::cli::context::Context;
use crate::cli::downloads::change::Earlier;
use crate::cli::downloads::many::{record_reason, record_replaced};
use crate::cli::downloads::one::Finish;
use crate::cli::downloads::running::{Running, wait};
use crate::cli::downloads::share_directory::create_share_directory;
use crate::cli::downloads::trusted::check_local;
use crate::cli::errors::command_error::CommandError;
use crate::cli::other_kind::note_holder;
use crate::cli::output::incomplete::print_missing_holders;
use crate::cli::output::outcome::{Outcome, print_failed, shown};
use crate::error_chain::error_chain;
use crate::library::{SaveTarget, Saved, SharedLibrary};
use crate::peer::{
    CompletedDownload, DownloadError, DownloadRequest, Holders, JournalEvent, Source,
};
use crate::protocol::{Digest, Document, Title};

/// Downloads one document. Unless it is still wanted, the journal records that it is given up.
pub(super) fn get_one(
    context: &Context,
    command: &Get,
    document: &Document,
    digest: Option<Digest>,
) -> Result<(), CommandError> {
    let outcome = get_unless_here(context, command, document, digest);
    let Err(error) = outcome else { return Ok(()) };
    if command.out.is_none() {
        record_reason(context, document, &error);
    }
    if let (Some(holder), CommandError::Fetch(error)) = (&command.from, &error) {
        note_holder(holder, error);
    }
    match &error {
        // A document that could not be written or requested is still wanted.
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
    // Standard output may be the target of the document.
    if command.out.as_deref().is_none_or(|out| !is_standard_output(out)) {
        print_failed(context.format, Some(document), &error)?;
    }
    Err(CommandError::Said(Box::new(error)))
}

fn get_unless_here(
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
                return Outcome::Present(&path).print(context.format, document);
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
            let earlier = Earlier::read(context, library, iter::once((document, true)));
            match attach(context, document)? {
                Attached::Fetched(fetched) => {
                    let change = earlier.change(document, fetched.digest);
                    let path = target.path();
                    let (fetched, list, transfer) = (&*fetched, None, None);
                    let fetched = Outcome::Fetched { path: &path, fetched, change, list, transfer };
                    return fetched.print(context.format, document);
                }
                Attached::Claimed(running) => (Some(running), Some(earlier)),
            }
        }
    };
    let sources = match &command.from {
        Some(from) => vec![from.clone().into()],
        None => find_sources(context, document, command.out.as_deref())?,
    };
    let request = DownloadRequest { document: document.clone(), sources, digest };
    let list = command.digests.as_deref();
    match target {
        Target::Out(Out::StandardOutput) => stream(context, &request, None).map(drop),
        Target::Out(Out::Stream(path)) => {
            let (fetched, transfer) = stream(context, &request, Some(&path))?;
            let (fetched, change, transfer) = (&fetched, None, Some(transfer));
            let fetched = Outcome::Fetched { path: &path, fetched, change, list, transfer };
            print_streamed(context, document, &path, &fetched)
        }
        Target::Out(Out::File(path)) => {
            let downloaded =
                save(context, command.force, &request, &SaveTarget::file(&path), None)?;
            let outcome = match &downloaded {
                Downloaded::Saved(fetched, _, transfer) => {
                    let (change, transfer) = (None, Some(*transfer));
                    Outcome::Fetched { path: &path, fetched, change, list, transfer }
                }
                Downloaded::Present => Outcome::Present(&path),
            };
            outcome.print(context.format, document)
        }
        Target::Library(library, target) => {
            create_share_directory(context)?;
            let running = running.as_ref();
            let downloaded = save(context, command.force, &request, &target, running);
            if let (Err(error), Some(running)) = (&downloaded, running) {
                running.fail(document, error_chain(error));
            }
            let (fetched, saved, transfer) = match downloaded? {
                Downloaded::Saved(fetched, saved, transfer) => (fetched, saved, transfer),
                // The other process records and shares the document.
                Downloaded::Present => {
                    if let Some(running) = running {
                        running.present(document);
                    }
                    return Outcome::Present(&target.path()).print(context.format, document);
                }
            };
            if let Some(running) = running {
                running.complete(document, &fetched, saved);
            }
            if let Some(holder) = fetched.holders.first() {
                let event = JournalEvent::Fetched(fetched.digest, fetched.length, holder.clone());
                context.journal.add(document, event);
            }
            if command.force {
                record_replaced(&context.journal, &target);
            }
            // The line is printed last: a script may rely on the document being shared.
            let title = request.title_of(&fetched.holders).cloned();
            let shared = share(context, &library, document, title, saved, fetched.digest);
            let change = earlier.and_then(|earlier| earlier.change(document, fetched.digest));
            let (path, fetched, transfer) = (&target.path(), &fetched, Some(transfer));
            let fetched = Outcome::Fetched { path, fetched, change, list, transfer };
            fetched.print(context.format, document)?;
            shared
        }
    }
}

/// The result of an attempt to download a document here.
enum Attached {
    /// Another download of the document was running, and is complete.
    Fetched(Box<CompletedDownload>),
    /// No other download of the document is running.
    Claimed(Running),
}

/// Waits for a running download of a document, if there is one. If that fails, the caller downloads the
/// document.
fn attach(context: &Context, document: &Document) -> Result<Attached, CommandError> {
    loop {
        let (running, mut others) =
            context.downloads.claim([(document, context.cancel())].into_iter());
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

/// The holders of a document, in the order in which they are asked.
fn find_sources(
    context: &Context,
    document: &Document,
    out: Option<&Path>,
) -> Result<Vec<Source>, CommandError> {
    let Holders { found, completeness } = holders::find_holders(context, document)?;
    // Standard output may be the target of the document.
    if out.is_none_or(|out| !is_standard_output(out)) {
        print_missing_holders(context.format, document, &completeness)?;
    }
    let chosen = match context.interactive && found.len() > 1 {
        true => choose(document, &found, context.cancel())?.map_or(Chosen::None, Chosen::Number),
        false => Chosen::None,
    };
    Ok(holders::sources(document, found, &chosen))
}

/// Shares the downloaded document. A lost connection to the index is no failure of the download: the
/// document is registered after reconnecting.
fn share(
    context: &Context,
    library: &SharedLibrary,
    document: &Document,
    title: Option<Title>,
    saved: Saved,
    digest: Digest,
) -> Result<(), CommandError> {
    let Some(registrations) = context.index.registrations() else { return Ok(()) };
    let added = library.add_saved(document, title, saved, digest);
    added.map_err(|source| CommandError::File {
        what: format!("cannot share {document}"),
        source,
    })?;
    if let Err(error) = registrations.update(std::slice::from_ref(document), context.cancel()) {
        log::warn!("{document} is not registered yet: {}", error_chain(&error));
        context.announce_later(document);
    }
    Ok(())
}
