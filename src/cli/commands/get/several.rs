//! `get` of several documents: eight at a time, as `sync` does.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use super::holders::{Chosen, choose_once, find_holders, sources};
use super::missing::report_missing;
use super::target::{Target, already_here, check, target};
use crate::cli::command::Get;
use crate::cli::commands::batch::{Batch, BatchResult};
use crate::cli::context::Context;
use crate::cli::downloads::many::{Plan, plan, record_reason};
use crate::cli::downloads::share_directory::{cannot_continue, create_share_directory};
use crate::cli::downloads::trusted::check_local;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::errors::report::report;
use crate::cli::other_kind::note_holder;
use crate::cli::output::format::Format;
use crate::cli::output::incomplete::print_missing_holders;
use crate::cli::output::outcome::{Outcome, not_saved, print_failed};
use crate::cli::output::print::print_prose;
use crate::cli::program::called;
use crate::counted::counted;
use crate::library::SharedLibrary;
use crate::peer::{DownloadJob, HolderInfo, Holders, IndexError, JournalEvent};
use crate::protocol::{Digest, Document};

/// Downloads several documents. All are tried, and the most severe failure decides the exit code.
pub(super) fn get_many(
    context: &Context,
    command: &Get,
    documents: Vec<Document>,
    trusted: &HashMap<Document, Digest>,
) -> Result<(), CommandError> {
    let (begun, all) = (Instant::now(), documents.len());
    let library = context.library()?;
    let (mut failures, mut missing) = (Vec::new(), Vec::new());
    let mut found: Vec<(Document, Vec<HolderInfo>)> = Vec::new();
    for document in documents {
        context.check_interrupt_before_download(|| "interrupted: nothing was downloaded".into())?;
        let digest = trusted.get(&document).copied();
        match find(context, command, &library, &document, digest) {
            Ok(holders) => found.extend(holders.map(|holders| (document, holders))),
            // Reported together: a range may have thousands.
            Err(error @ CommandError::NoHolder { .. }) if !error.has_hint() => {
                record_reason(context, &document, &error);
                failures.push(not_fetched(context, &document, &error)?);
                missing.push(document);
            }
            Err(error) => failures.push(failed(context, &document, error)?),
        }
    }
    report_missing(&missing);
    let chosen = choose_once(context, found.iter().map(|(_, holders)| holders))?;
    let mut jobs = Vec::new();
    for (document, holders) in found {
        let digest = trusted.get(&document).copied();
        match find_plan(context, command, &library, &document, holders, &chosen, digest) {
            Ok(Plan::Fetch(job)) => jobs.push(job),
            // Another process has saved it since the look-up.
            Ok(Plan::Here(path)) => Outcome::Present(&path).print(context.format, &document)?,
            Ok(Plan::NotSaved(reason)) => {
                let error =
                    CommandError::Usage(format!("{document}: {}", not_saved(&document, reason)));
                failures.push(failed(context, &document, error)?);
            }
            Err(error) => failures.push(failed(context, &document, error)?),
        }
    }
    if !jobs.is_empty() {
        create_share_directory(context)?;
    }
    let count = jobs.len();
    let digests = command.digests.as_deref();
    let lengths = lengths(&jobs);
    let batch = Batch { context, library: &library, digests, lengths, failures, prints_each: true };
    // The holder of `--from` that failed, for one note about its kind.
    let mut noted = command.from.as_ref();
    let result = batch.download(jobs, &mut |error| {
        if let Some(holder) = noted.take() {
            note_holder(holder, error);
        }
    });
    let BatchResult { end, output, downloaded, failures, progress } = result;
    let failed = failures.len();
    end.map_err(|source| match source.kind() {
        io::ErrorKind::Interrupted => CommandError::Interrupted(format!(
            "interrupted: {} downloaded; what was received of the others is kept, and the same \
             command, or `get` alone, resumes them",
            counted(downloaded, "document")
        )),
        _ => {
            let left = count.saturating_sub(downloaded);
            let all = counted(count, "document");
            log::warn!("{downloaded} of {all} fetched; {left} cannot be saved");
            cannot_continue(context, source)
        }
    })?;
    output?;
    // If all documents are here, their lines have said so.
    if matches!(context.format, Format::Table) && count + failed > 0 {
        print_prose(progress.summary(begun.elapsed())).map_err(CommandError::Output)?;
    }
    match Failure::worst(failures) {
        None => Ok(()),
        Some(failure) => Err(CommandError::Some { failed, all, failure }),
    }
}

/// The lengths that the index has sent with the holders.
fn lengths(jobs: &[DownloadJob]) -> HashMap<Document, u64> {
    let length = |job: &DownloadJob| {
        let lengths = job.request.sources.iter().filter_map(|source| source.content.length);
        Some((job.request.document.clone(), lengths.min()?))
    };
    jobs.iter().filter_map(length).collect()
}

/// Reports that one document is not downloaded; an error if the next ones would fail as well.
fn failed(
    context: &Context,
    document: &Document,
    error: CommandError,
) -> Result<Failure, CommandError> {
    record_reason(context, document, &error);
    match error {
        // It may still have a holder.
        CommandError::Index(IndexError::CutOff { .. } | IndexError::OtherDocument { .. }) => {
            report(&called("peer"), &error);
            print_failed(context.format, Some(document), &error)?;
            Ok(error.failure())
        }
        // Without an index the next ones would fail, too.
        CommandError::Index(_) => Err(error),
        // An interrupt ends the command, and the document is still wanted.
        CommandError::Interrupted(_) | CommandError::NotBegun(_) => Err(error),
        error if error.is_closed_pipe() => Err(error),
        error => {
            report(&called("peer"), &error);
            not_fetched(context, document, &error)
        }
    }
}

/// Records that one document is not downloaded, and prints that as JSON.
fn not_fetched(
    context: &Context,
    document: &Document,
    error: &CommandError,
) -> Result<Failure, CommandError> {
    print_failed(context.format, Some(document), error)?;
    context.journal.add(document, JournalEvent::GivenUp);
    Ok(error.failure())
}

/// The records of a document's holders; `None` if the document is here, which is printed.
fn find(
    context: &Context,
    command: &Get,
    library: &SharedLibrary,
    document: &Document,
    digest: Option<Digest>,
) -> Result<Option<Vec<HolderInfo>>, CommandError> {
    if let Target::Library(_, target) = target(context, command, document)? {
        check(&target, document, command.force)?;
        if let Some(path) = already_here(library, &target, document).filter(|_| !command.force) {
            if let Some(expected) = digest {
                check_local(context, library, document, expected)?;
            }
            Outcome::Present(&path).print(context.format, document)?;
            return Ok(None);
        }
    }
    match &command.from {
        Some(_) => Ok(Some(Vec::new())),
        None => {
            let Holders { found, completeness } = find_holders(context, document)?;
            print_missing_holders(context.format, document, &completeness)?;
            Ok(Some(found))
        }
    }
}

fn find_plan(
    context: &Context,
    command: &Get,
    library: &SharedLibrary,
    document: &Document,
    holders: Vec<HolderInfo>,
    chosen: &Chosen,
    digest: Option<Digest>,
) -> Result<Plan, CommandError> {
    let sources = match &command.from {
        Some(from) => vec![from.clone().into()],
        None => sources(document, holders, chosen),
    };
    let overwrite = command.force.then_some(&*context.journal);
    plan(library, document.clone(), sources, digest, overwrite)
        .map_err(|source| CommandError::File { what: format!("cannot save {document}"), source })
}
