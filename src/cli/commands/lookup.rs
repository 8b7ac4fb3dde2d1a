//! `lookup`: the holders of a document (protocol.md section 4.3).

mod probe;

use self::probe::probe_all;
use crate::cli::command::Lookup;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::meant::{NameLookup, no_holder};
use crate::cli::output::reply::{ReplyPrinter, refused as refused_by};
use crate::error_chain::error_chain;
use crate::peer::{
    AskIndex, Completeness, Holders, IndexError, Query, lookup as find_holders, lookup_in_list,
};
use crate::protocol::{Document, Refusal, ReplyPart};

pub(in crate::cli) fn lookup(context: &Context, command: &Lookup) -> Result<(), CommandError> {
    match command.probe {
        true => probe_all(context, &command.document),
        false => print_holders(context, &command.document),
    }
}

/// Prints the records of a document that several index servers list.
fn print_merged(context: &Context, document: &Document) -> Result<(), CommandError> {
    let title = context.known_title(document);
    let Holders { found, completeness } = find_holders(&context.index, document, title.as_ref())?;
    context.check_interrupt()?;
    if found.is_empty() {
        return Err(no_holder(context, document));
    }
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    let printed = printer.take_merged(found.iter().map(|holder| &holder.record));
    printed.map_err(CommandError::Output)?;
    printer.end(&completeness, None)
}

/// Prints the records of a document. An index that has shown no extension and finds nothing may
/// compare titles. Then the peer requests the list and searches it.
fn print_holders(context: &Context, typed: &Document) -> Result<(), CommandError> {
    let index = &context.index;
    let document = &NameLookup::of(context).listed_form(typed);
    if !context.server.others.is_empty() {
        return print_merged(context, document);
    }
    let title = context.known_title(document);
    let query = Query::lookup(document, title.as_ref(), index.dialect());
    let before = index.dialect().extensions();
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    // A refusal is printed only after the list was searched.
    let (mut refused, mut reason, mut found, mut held) = (None, None, false, Vec::new());
    let mut other = None;
    let asked = index.ask(query, &mut |part, bytes| {
        match part {
            ReplyPart::Refused(refusal) => refused = Some(refusal),
            ReplyPart::Reason(ref text) => reason = Some(text.clone()),
            ReplyPart::Record(record) if record.document != *document => {
                other.get_or_insert(record.document);
                return Ok(());
            }
            ReplyPart::Record(_) if refused.is_none() && !found => {
                found = true;
                held.drain(..)
                    .try_for_each(|(part, bytes): (_, Vec<u8>)| printer.take(&part, &bytes))?;
            }
            _ => {}
        }
        if !found {
            held.push((part, bytes.to_vec()));
            return Ok(());
        }
        printer.take(&part, bytes)
    });
    if asked.as_ref().is_err_and(|error| index.dialect().repeats_lookup(before, error)) {
        // The index may not reply to requests with unknown headers.
        return print_holders(context, typed);
    }
    let may_compare_titles = index.dialect().may_compare_titles(document)
        && matches!(refused, None | Some(Refusal::NotFound | Refusal::BadRequest));
    let was_ignored = asked.as_ref().is_err_and(|error| index.dialect().may_ignore_lookup(error));
    if !found && may_compare_titles && (was_ignored || asked.is_ok()) {
        let Holders { found, completeness } = match lookup_in_list(index, document) {
            // The index has already replied that it has no record.
            Err(_) if was_ignored || refused != Some(Refusal::BadRequest) => {
                Holders { found: Vec::new(), completeness: Completeness::Complete }
            }
            listed => listed?,
        };
        if !found.is_empty() {
            let printed = found.iter().try_for_each(|one| printer.take_record(&one.record));
            printed.map_err(CommandError::Output)?;
            return printer.end(&completeness, None);
        }
        if refused == Some(Refusal::BadRequest) {
            return Err(CommandError::NoHolder { document: document.clone(), hint: String::new() });
        }
    }
    let completeness = printer.or_flush(asked)?;
    match other {
        Some(other) if found => log::warn!(
            "the index also sent records of other documents, such as {other}: they are not printed"
        ),
        Some(found) => {
            let (index, requested) = (index.server().clone(), document.clone());
            return Err(IndexError::OtherDocument { index, requested, found }.into());
        }
        None => {}
    }
    let failed = refused.map(|refusal| match refusal {
        Refusal::NotFound => {
            let failure = Failure::NotFound;
            let message = error_chain(&no_holder(context, document));
            CommandError::Printed { failure, refusal: None, message }
        }
        refusal => refused_by(index.server(), refusal, reason),
    });
    let is_refused = failed.is_some();
    let printed = held.iter().try_for_each(|(part, bytes)| printer.take(part, bytes));
    printed.map_err(CommandError::Output)?;
    printer.end(&completeness, failed)?;
    match is_refused || printer.has_records() {
        true => Ok(()),
        // Some index servers reply 200 without records instead of 404.
        false => Err(no_holder(context, document)),
    }
}
