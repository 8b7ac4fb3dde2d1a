//! `sync`: all that the index knows and is not here.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Instant;
use std::{io, iter};

use super::command::{Format, Sync};
use super::context::Context;
use super::exit::{CommandError, Failure, failure_of, failure_of_refusal};
use super::many::{Plan, plan};
use super::outcome::{Outcome, say_failed, say_not_fetched, say_not_saved};
use super::output::{say, say_json};
use super::progress::ManyDownloads;
use super::reply::{incomplete_json, note_incomplete};
use super::verified::set_verified_addresses;
use crate::error_chain::error_chain;
use crate::library::{NotSaved, SharedLibrary};
use crate::limits;
use crate::peer::{
    AskIndex, Completeness, FetchError, Happening, JournalEvent, Order, Source, each_record,
};
use crate::protocol::{Digest, Document, Record};

/// Downloads what is missing. What cannot be fetched is reported and does not keep the rest.
pub(super) fn sync(context: &Context, command: &Sync) -> Result<(), CommandError> {
    let begun = Instant::now();
    let library = context.library()?;
    let found = wanted_records(context, &library, command);
    context.check_interrupt()?;
    let (records, listed) = found?;
    note_incomplete(&listed);
    let list = context.trusted_digests(command.digests.as_deref())?;
    let is_listed: HashSet<&Document> = records.iter().map(|record| &record.document).collect();
    list.note_unmatched(|document| {
        is_listed.contains(document) || library.read().entry(document).is_some()
    });
    let told_by = context.index.address()?;
    let Missing { mut orders, not_saved, failed } =
        missing(&library, records, told_by, &list.digests);
    for (document, reason) in not_saved {
        log::warn!("{document} is not fetched: {reason}");
        say_not_saved(context.format, &document, reason)?;
    }
    let mut given_up = Vec::new();
    for (document, source) in failed {
        let error = CommandError::File { what: format!("cannot save {document}"), source };
        log::warn!("{}", error_chain(&error));
        say_failed(context.format, Some(&document), &error)?;
        given_up.push(error.failure());
    }
    if command.dry_run {
        for order in &orders {
            let holders = order.wanted.sources.iter().map(|source| &source.holder).collect();
            Outcome::Missing(holders).say(context.format, &order.wanted.document)?;
        }
        return ending(&given_up, &listed);
    }
    set_verified_addresses(&context.index, &mut orders)?;
    let wanted =
        |order: &Order| (order.wanted.document.clone(), JournalEvent::Wanted(order.wanted.digest));
    context.journal.add_all(orders.iter().map(wanted));
    if !orders.is_empty() {
        context.create_share_directory()?;
    }
    let mut progress = ManyDownloads::new(orders.len(), given_up.len());
    let mut output = Ok(());
    let outcome = context.destination(&library).fetch_all(orders, &mut |happening| {
        match happening {
            Happening::Fetched(order, fetched, _) => {
                if let (Format::Json, Ok(())) = (context.format, &output) {
                    let path = order.target.path();
                    let fetched = Outcome::Fetched(&path, fetched, command.digests.as_deref());
                    output = fetched.say(context.format, &order.wanted.document);
                }
            }
            Happening::GivenUp(_, FetchError::Cancelled(_)) => return,
            Happening::GivenUp(order, error) => {
                given_up.push(failure_of(error));
                if output.is_ok() {
                    output = say_not_fetched(context.format, &order.wanted.document, error);
                }
            }
            Happening::Committed(_)
            | Happening::Present(_)
            | Happening::Bytes(_)
            | Happening::Waits(..) => {}
        }
        progress.show(happening);
    });
    progress.end();
    // What was learned of files whose bytes were just seen need not be computed again.
    let digests = library.read().digests();
    if let Err(error) = digests.save() {
        log::warn!("the digests are not stored: {error}");
    }
    output?;
    let summary = progress.summary(begun.elapsed());
    outcome.map_err(|source| match source.kind() {
        io::ErrorKind::Interrupted => CommandError::Interrupted(format!(
            "interrupted: {summary}; what was received of the others is kept, and the next `sync`, or \
             `get` alone, resumes them"
        )),
        _ => {
            log::warn!("{summary}; the rest is fetched by the next `sync`");
            CommandError::File { what: "cannot continue".into(), source }
        }
    })?;
    if let Format::Raw | Format::Table = context.format {
        say(&summary).map_err(CommandError::Output)?;
    }
    if let (Format::Json, Completeness::Incomplete(gap)) = (context.format, &listed) {
        say_json(&incomplete_json(gap)).map_err(CommandError::Output)?;
    }
    ending(&given_up, &listed)
}

/// The exit code: that of the first document that failed, or that the list was incomplete.
fn ending(given_up: &[Failure], listed: &Completeness) -> Result<(), CommandError> {
    match (given_up.first(), listed) {
        (Some(failure), _) => Err(CommandError::GivenUp(*failure)),
        (None, Completeness::Incomplete(gap)) => {
            Err(CommandError::Incomplete(gap.refusal.map_or(Failure::Protocol, failure_of_refusal)))
        }
        (None, Completeness::Complete | Completeness::Stopped) => Ok(()),
    }
}

/// The records of others that the command asks for and the library lacks, within the limits of
/// memory.
fn wanted_records(
    context: &Context,
    library: &SharedLibrary,
    command: &Sync,
) -> Result<(Vec<Record>, Completeness), CommandError> {
    let (mut records, mut bytes, mut has_room) = (Vec::new(), 0, true);
    let mut own = None;
    let is_here = |document: &Document| library.read().entry(document).is_some();
    let listed = each_record(&context.index, &mut |record| {
        let own = own.get_or_insert_with(|| context.index.own());
        let is_wanted = Some(&record.holder) != own.as_ref()
            && command.from.as_ref().is_none_or(|from| record.holder == *from)
            && command.words.as_ref().is_none_or(|words| words.are_in(&record.title))
            && !is_here(&record.document);
        if is_wanted {
            bytes += record.kept_bytes();
            has_room = bytes <= limits::LISTED_BYTES && records.len() < limits::LISTED_RECORDS;
            if !has_room {
                return ControlFlow::Break(());
            }
            records.push(record);
        }
        ControlFlow::Continue(())
    })?;
    let listed = if has_room {
        listed
    } else {
        let reason = format!("only the first {} missing records are kept", records.len());
        Completeness::incomplete(reason)
    };
    Ok((records, listed))
}

/// What the library lacks.
struct Missing {
    orders: Vec<Order>,
    /// Documents that are never saved from the network. That is no failure.
    not_saved: Vec<(Document, NotSaved)>,
    /// Documents whose files cannot be created.
    failed: Vec<(Document, io::Error)>,
}

/// What the library lacks of these records, with all holders.
fn missing(
    library: &SharedLibrary,
    mut records: Vec<Record>,
    told_by: SocketAddr,
    vouched_for: &HashMap<Document, Digest>,
) -> Missing {
    // Sorted instead of collected by document: there can be a million.
    records.sort_by(|one, other| one.document.cmp(&other.document));
    let mut records = records.into_iter().peekable();
    let mut missing = Missing { orders: Vec::new(), not_saved: Vec::new(), failed: Vec::new() };
    while let Some(first) = records.next() {
        let document = first.document.clone();
        let more = iter::from_fn(|| records.next_if(|record| record.document == document));
        let records = iter::once(first).chain(more);
        let source = |record: Record| Source {
            told_by: Some(told_by),
            title: Some(record.title),
            ..record.holder.into()
        };
        let candidates: Vec<Source> = records.map(source).collect();
        let digest = vouched_for.get(&document).copied();
        match plan(library, document.clone(), candidates, digest, false) {
            Ok(Plan::Here(_)) => {}
            Ok(Plan::Fetch(order)) => missing.orders.push(order),
            Ok(Plan::NotSaved(reason)) => missing.not_saved.push((document, reason)),
            Err(error) => missing.failed.push((document, error)),
        }
    }
    missing
}
