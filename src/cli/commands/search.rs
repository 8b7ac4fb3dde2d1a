//! `search`: the records whose titles match all words (protocol.md section 4.10).

use std::ops::ControlFlow;

use crate::cli::command::Search;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::reply::ReplyPrinter;
use crate::cli::search_records::search_each;
use crate::limits;
use crate::peer::{AskIndex, Completeness, IndexError, Query, each_record};
use crate::protocol::{Limit, ListSearch, Refusal, ReplyPart, Words};
use crate::system::listed_bytes;

/// Prints the records whose titles match all words. If the index does not know SEARCH, its list is
/// requested and searched here.
pub(in crate::cli) fn search(context: &Context, command: &Search) -> Result<(), CommandError> {
    let words = command.words().map_err(|error| CommandError::Usage(error.to_string()))?;
    let limit = command.limit;
    if !context.server.others.is_empty() {
        return search_all(context, &words, limit);
    }
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    let (mut refused, mut reason, mut has_begun) = (None, None, false);
    let query = Query::Search { words: &words, limit };
    let asked = context.index.ask(query, &mut |part, bytes| match part {
        ReplyPart::Refused(refusal) => {
            refused = Some(refusal);
            Ok(())
        }
        ReplyPart::Reason(text) => {
            reason = Some(text);
            Ok(())
        }
        _ if refused.is_some() => Ok(()),
        part => {
            has_begun = true;
            printer.take(&part, bytes)
        }
    });
    context.check_interrupt()?;
    let asked = match asked {
        // An index server without SEARCH may close the connection, or not reply.
        Err(IndexError::Lost { .. } | IndexError::Silent { .. })
            if !has_begun && !context.index.dialect().shows_extensions() =>
        {
            return search_list(context, &words, limit);
        }
        asked => printer.or_flush(asked)?,
    };
    match refused {
        None | Some(Refusal::NotFound) => printer.end(&asked, None),
        Some(Refusal::BadRequest) => search_list(context, &words, limit),
        Some(refusal) => {
            let index = context.index.server().clone();
            Err(IndexError::Refused { index, refusal, reason }.into())
        }
    }
}

/// Searches several index servers, and merges the records.
fn search_all(context: &Context, words: &Words, limit: Option<Limit>) -> Result<(), CommandError> {
    let most = limit.map_or(limits::LISTED_RECORDS, |limit| {
        usize::try_from(limit.value()).unwrap_or(usize::MAX).min(limits::LISTED_RECORDS)
    });
    let members = context.index.members()?;
    let (records, listed) =
        search_each(&members, words, limit, most, || context.check_interrupt())?;
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    let printed = printer.take_merged(records.iter());
    printed.map_err(CommandError::Output)?;
    printer.end(&listed, None)
}

/// Searches the list of an index. Reads at most [`limits::LISTED_RECORDS`] records, and stops when the
/// matching ones take more than [`listed_bytes`].
fn search_list(context: &Context, words: &Words, limit: Option<Limit>) -> Result<(), CommandError> {
    let mut search = ListSearch::new(words);
    let mut read = 0;
    let (mut has_room, listed_bytes) = (true, listed_bytes());
    let listed = each_record(&context.index, &mut |record| {
        search.take(record);
        read += 1;
        has_room = read < limits::LISTED_RECORDS && search.kept_bytes() < listed_bytes;
        if has_room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    context.check_interrupt()?;
    let truncated = format!("only the first {read} records are searched");
    let listed = if has_room { listed } else { Completeness::incomplete(truncated) };
    let most = limit.and_then(|limit| usize::try_from(limit.value()).ok());
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    for record in search.finish().iter().take(most.unwrap_or(usize::MAX)) {
        printer.take_record(record).map_err(CommandError::Output)?;
    }
    printer.end(&listed, None)
}
