//! `sync`: download all listed documents that are missing here (protocol.md sections 4.4 and 5.7).

mod announced;
mod lengths;
mod planned;
mod selection;
mod verified;

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Instant;

use crate::cli::command::Sync;
use crate::cli::commands::batch::{Batch, BatchResult};
use crate::cli::context::Context;
use crate::cli::downloads::share_directory::{cannot_continue, create_share_directory};
use crate::cli::downloads::trusted::{check_all_local, trusted_digests};
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::output::format::Format;
use crate::cli::output::incomplete::{check_complete, note_incomplete, print_incomplete};
use crate::cli::output::outcome::{not_saved as not_saved_text, print_failed, print_not_saved};
use crate::cli::output::print::{print_json, print_prose};
use crate::error_chain::error_chain;
use crate::peer::{Completeness, DownloadJob, GapCause, IndexError, JournalEvent};
use crate::protocol::Document;
use announced::set_announced;
use lengths::Lengths;
use planned::print_planned;
use selection::{Missing, missing, select};
use verified::set_verified_addresses;

/// Downloads all missing documents. A failed document is reported, and the others are downloaded.
pub(in crate::cli) fn sync(context: &Context, command: &Sync) -> Result<(), CommandError> {
    let begun = Instant::now();
    let library = context.library()?;
    let selection = select(context, &library, command);
    let kept = || "interrupted: nothing was downloaded; the next `sync` starts again".into();
    context.check_interrupt_with(kept)?;
    let mut selection = selection?;
    note_incomplete(&selection.listed);
    selection.check(command)?;
    let records = std::mem::take(&mut selection.missing);
    let list = trusted_digests(context, command.digests.as_deref())?;
    let is_listed: HashSet<&Document> =
        records.iter().map(|(record, _)| &record.document).collect();
    list.note_unmatched(|document| {
        is_listed.contains(document) || library.read().entry(document).is_some()
    });
    let Missing { mut jobs, not_saved, failed } = missing(&library, records, &list.digests);
    for (document, reason) in &not_saved {
        log::warn!("{document} is not fetched: {}", not_saved_text(document, *reason));
        print_not_saved(context.format, document, *reason)?;
    }
    let mut given_up = Vec::new();
    for (document, source) in failed {
        let error = CommandError::File { what: format!("cannot save {document}"), source };
        log::warn!("{}", error_chain(&error));
        print_failed(context.format, Some(&document), &error)?;
        given_up.push(error.failure());
    }
    for (document, error) in check_all_local(context, &library, &list)? {
        log::warn!("{}", error_chain(&error));
        print_failed(context.format, Some(&document), &error)?;
        given_up.push(error.failure());
    }
    if command.dry_run {
        let lengths = Lengths::look_up(&context.index, &jobs);
        context.check_interrupt_with(kept)?;
        let summary = match jobs.is_empty() && given_up.is_empty() {
            true => selection.nothing_to_do(command, not_saved.len()),
            false => lengths.summary(&jobs),
        };
        print_planned(context, &jobs, &lengths, summary)?;
        return ending(context, given_up, &selection.listed);
    }
    set_verified_addresses(&context.index, &mut jobs)?;
    // Afterwards, because an address shows the network of a name.
    set_announced(context, &mut jobs);
    context.check_interrupt_with(kept)?;
    let wanted = |job: &DownloadJob| {
        (job.request.document.clone(), JournalEvent::Wanted(job.request.digest))
    };
    context.journal.add_all(jobs.iter().map(wanted));
    if !jobs.is_empty() {
        create_share_directory(context)?;
    }
    let nothing_to_do = (jobs.is_empty() && given_up.is_empty())
        .then(|| selection.nothing_to_do(command, not_saved.len()));
    // On a terminal a bar and the summary are shown instead.
    let prints_each = matches!(context.format, Format::Json) || !io::stdout().is_terminal();
    let digests = command.digests.as_deref();
    // Only a bar shows the remaining time.
    let lengths = match io::stderr().is_terminal() {
        true => Lengths::look_up(&context.index, &jobs).into_known(),
        false => HashMap::new(),
    };
    let failures = given_up;
    let batch = Batch { context, library: &library, digests, lengths, failures, prints_each };
    let BatchResult { end, output, failures, progress, .. } = batch.download(jobs, &mut |_| {});
    // Digests of files that were just written need not be computed again.
    let digests = library.read().digests();
    if let Err(error) = digests.save() {
        log::warn!("the digests are not stored: {error}");
    }
    output?;
    let summary = nothing_to_do.unwrap_or_else(|| progress.summary(begun.elapsed()));
    end.map_err(|source| match source.kind() {
        io::ErrorKind::Interrupted => CommandError::Interrupted(format!(
            "interrupted: {summary}; what was received of the others is kept, and the next `sync`, or \
             `get` alone, resumes them"
        )),
        _ => {
            log::warn!("{summary}; the others cannot be saved");
            cannot_continue(context, source)
        }
    })?;
    match context.format {
        Format::Raw | Format::Table => print_prose(&summary),
        Format::Json => print_json(&progress.json(begun.elapsed())),
    }
    .map_err(CommandError::Output)?;
    ending(context, failures, &selection.listed)
}

/// The most severe failure of the documents and of an incomplete list.
fn ending(
    context: &Context,
    given_up: Vec<Failure>,
    listed: &Completeness,
) -> Result<(), CommandError> {
    let of_list = match listed {
        Completeness::Incomplete(gap) => {
            print_incomplete(context.format, listed)?;
            let message = format!("documents may be missing from the list: {}", gap.reason);
            let error = match &gap.cause {
                GapCause::NoReply(error) => IndexError::Away(Arc::clone(error)).into(),
                GapCause::Failed(_) | GapCause::Closed | GapCause::Unmarked => {
                    CommandError::Incomplete(message)
                }
            };
            check_complete(listed, true).and(Err(error))
        }
        Completeness::Complete | Completeness::Stopped => Ok(()),
    };
    if given_up.is_empty() {
        return of_list;
    }
    if let Err(error) = &of_list {
        log::warn!("{}", error_chain(error));
    }
    let of_list = of_list.err().map(|error| error.failure());
    Failure::worst(of_list.into_iter().chain(given_up))
        .map_or(Ok(()), |failure| Err(CommandError::GivenUp(failure)))
}
