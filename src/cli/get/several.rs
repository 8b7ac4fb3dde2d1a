//! `get` of several documents: eight at once, as `sync` does.

use std::collections::HashMap;

use super::{already_here, check, find_holders, say_already_here, say_fetched, target};
use crate::cli::act::Context;
use crate::cli::command::Get;
use crate::cli::exit::{CommandError, failure_of, report};
use crate::cli::many::{Plan, plan};
use crate::cli::progress::ManyDownloads;
use crate::library::SharedLibrary;
use crate::peer::{Happening, JournalEvent, Order};
use crate::protocol::{Digest, Document};

/// Several at once. All are tried; the failure is that of the first that was not fetched.
pub(super) fn get_many(
    context: &Context,
    command: &Get,
    documents: Vec<Document>,
    vouched_for: &HashMap<Document, Digest>,
) -> Result<(), CommandError> {
    let all = documents.len();
    let library = context.library()?;
    let mut failures = Vec::new();
    let mut orders = Vec::new();
    for document in documents {
        match find_order(context, command, &library, &document, vouched_for) {
            Ok(order) => orders.extend(order),
            // Without an index there is no sense in trying the next.
            Err(error @ CommandError::Index(_)) => return Err(error),
            Err(error) if error.is_closed_pipe() => return Err(error),
            Err(error) => {
                report("peer", &error);
                context.journal.add(&document, JournalEvent::GivenUp);
                failures.push(error.failure());
            }
        }
    }
    let mut progress = ManyDownloads::new(orders.len());
    let mut output = Ok(());
    let outcome = context.destination(&library).fetch_all(orders, &mut |happening| {
        match happening {
            Happening::Fetched(order, fetched, _) if output.is_ok() => {
                let document = &order.wanted.document;
                progress.aside(|| {
                    output = say_fetched(context.format, document, &order.target.path(), fetched);
                });
            }
            Happening::GivenUp(_, error) => failures.push(failure_of(error)),
            Happening::Fetched(..) | Happening::Bytes(_) | Happening::Waits(..) => {}
        }
        progress.show(happening);
    });
    progress.end();
    outcome.map_err(|source| CommandError::File { what: "cannot go on".into(), source })?;
    output?;
    let failed = failures.len();
    match failures.first() {
        None => Ok(()),
        Some(failure) => Err(CommandError::Some { failed, all, failure: *failure }),
    }
}

/// What is to be done for one of several; nothing if it is here, which is said.
fn find_order(
    context: &Context,
    command: &Get,
    library: &SharedLibrary,
    document: &Document,
    vouched_for: &HashMap<Document, Digest>,
) -> Result<Option<Order>, CommandError> {
    let target = target(context, command, document)?;
    check(&target, document)?;
    if let Some(path) = already_here(&target, document).filter(|_| !command.force) {
        say_already_here(context.format, document, &path)?;
        return Ok(None);
    }
    let (sources, title) = match &command.from {
        Some(from) => (vec![from.clone().into()], None),
        None => find_holders(context, document)?,
    };
    let digest = vouched_for.get(document).copied();
    let planned = plan(library, document.clone(), sources, title, digest, command.force);
    match planned {
        Ok(Plan::Fetch(order)) => Ok(Some(order)),
        Ok(Plan::Here) => Ok(None),
        Ok(Plan::NotSaved(reason)) => Err(CommandError::Usage(format!("{document}: {reason}"))),
        Err(source) => Err(CommandError::File { what: format!("cannot save {document}"), source }),
    }
}
