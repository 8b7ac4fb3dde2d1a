//! `get`: find the holders of a document, download it, and share it (protocol.md sections 4.3 and 5).

mod choose;
mod download;
mod holders;
mod local;
mod missing;
mod one;
mod out;
mod several;
mod stream_out;
mod target;

use std::collections::{BTreeMap, HashSet};

use self::one::get_one;
use self::several::get_many;
use self::target::already_here;
use crate::cli::command::Get;
use crate::cli::context::Context;
use crate::cli::downloads::trusted::trusted_digests;
use crate::cli::errors::command_error::CommandError;
use crate::cli::meant::{NameLookup, here_or_known};
use crate::cli::output::print::{print_note, print_text};
use crate::cli::values::named::Range;
use crate::counted::counted;
use crate::library::candidates;
use crate::peer::{JournalEvent, probe};
use crate::protocol::Document;

/// Downloads a document, or several.
pub(in crate::cli) fn get(context: &Context, command: &Get) -> Result<(), CommandError> {
    let list = trusted_digests(context, command.digests.as_deref())?;
    let mut trusted = list.digests.clone();
    let mut documents: Vec<Document> = match &command.documents[..] {
        [] => {
            let unfinished = context.journal.unfinished();
            for (document, digest) in &unfinished {
                if let Some(digest) = digest {
                    trusted.entry(document.clone()).or_insert(*digest);
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
        return print_text(context.format, "no unfinished download: nothing to resume")
            .map_err(CommandError::Output);
    }
    // Needed only if the user can be asked.
    let wanted_before =
        if context.interactive { context.journal.unfinished() } else { BTreeMap::new() };
    if command.out.is_none() {
        let library = context.library()?;
        let is_wanted =
            |document: &&Document| command.force || library.read().entry(document).is_none();
        let wanted = documents.iter().filter(is_wanted).map(|document| {
            (document.clone(), JournalEvent::Wanted(trusted.get(document).copied()))
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
        [document] => get_one(context, command, document, trusted.get(document).copied()),
        _ if command.out.is_some() => Err(CommandError::Usage(format!(
            "expected one document with --out, found {}: give each its own `get`, or save all of them \
                 in a directory with `--share DIR`",
            documents.len()
        ))),
        _ => get_many(context, command, documents.clone(), &trusted),
    };
    if let Err(error) = &outcome
        && (error.has_not_begun() || error.is_of_index())
    {
        let given_up = newly_wanted.into_iter().map(|document| (document, JournalEvent::GivenUp));
        context.journal.add_all(given_up);
    }
    if command.out.is_none() && !command.force {
        record_present(context, &documents);
    }
    if let Err(error) = &outcome
        && context.interactive
        && command.out.is_none()
    {
        note_failed(context, &documents, error);
    }
    context.journal.sync();
    outcome
}

/// Records that documents that are here are not wanted. They need not be shared, such as after `remove`.
fn record_present(context: &Context, documents: &[Document]) {
    let Ok(library) = context.library() else { return };
    let unfinished = context.journal.unfinished();
    let is_present = |document: &&Document| {
        let target = library.read().target_for(document);
        unfinished.contains_key(*document)
            && target.is_ok_and(|target| already_here(&library, &target, document).is_some())
    };
    let present: Vec<&Document> = documents.iter().filter(is_present).collect();
    let events = present.into_iter().map(|document| (document.clone(), JournalEvent::Present));
    context.journal.add_all(events);
}

/// Names the documents of a failed command that are still wanted, which a later session resumes, or those that
/// were not requested because the index does not answer.
fn note_failed(context: &Context, documents: &[Document], error: &CommandError) {
    let unfinished = context.journal.unfinished();
    let is_wanted = |document: &&Document| unfinished.contains_key(*document);
    let wanted: Vec<&Document> = documents.iter().filter(is_wanted).collect();
    let name = |some: &[&Document]| match some {
        [document] => document.to_string(),
        some => counted(some.len(), "document"),
    };
    match &wanted[..] {
        [] if error.is_of_index() => {
            let all: Vec<&Document> = documents.iter().collect();
            print_note(format_args!("not downloaded, and not requested later: {}", name(&all)));
        }
        [] => {}
        wanted => print_note(format_args!(
            "still wanted: {}; `get` alone resumes, and so does the next session",
            name(wanted)
        )),
    }
}

/// The first form of the typed document that is shared here, or that the index or the holder of `--from`
/// has; if there is none, the typed form.
fn known_form(context: &Context, command: &Get, typed: Document) -> Document {
    if candidates(&typed).len() == 1 {
        return typed;
    }
    let is_here = |form: &Document| {
        context.library().is_ok_and(|library| library.read().entry(form).is_some())
    };
    if command.from.is_none()
        && !candidates(&typed).iter().any(is_here)
        && let Some(rfc) = NameLookup::of(context).rfc_for_unknown_index(&typed)
    {
        return rfc;
    }
    here_or_known(context, &typed, |form| match &command.from {
        Some(holder) => probe(&context.downloader, form, &holder.clone().into()).is_ok(),
        None => NameLookup::of(context).is_listed(form).unwrap_or(false),
    })
}
