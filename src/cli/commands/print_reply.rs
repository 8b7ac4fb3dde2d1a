//! One request to the index, whose reply is printed while it arrives.

use std::io;

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::output::print::print_note;
use crate::cli::output::reply::{Change, ReplyPrinter, refused};
use crate::peer::{AskIndex, Query};
use crate::protocol::Refusal;

/// Sends a request and prints its reply.
pub(super) fn print_reply(context: &Context, query: Query<'_>) -> Result<(), CommandError> {
    print_reply_unless_done(context, query, false)
}

/// Sends a request and prints its reply. If the document of a REMOVE was shared until now, a missing
/// record is no failure.
pub(super) fn print_reply_unless_done(
    context: &Context,
    query: Query<'_>,
    was_shared: bool,
) -> Result<(), CommandError> {
    let (format, listed) = (context.format, &context.listed);
    let mut printer = match query {
        Query::Add { .. } => ReplyPrinter::of_change(format, listed, Change::Added),
        Query::Remove(_) => ReplyPrinter::of_change(format, listed, Change::Removed),
        _ => ReplyPrinter::new(format, listed),
    };
    let asked = context.index.ask(query, &mut |part, bytes| {
        if context.cancel().is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        printer.take(&part, bytes)
    });
    let asked = printer.or_flush(asked);
    context.check_interrupt()?;
    let completeness = asked?;
    let failed = match (printer.refusal(), query) {
        (None, _) | (Some((Refusal::NotFound, _)), Query::List(_)) => None,
        (Some((Refusal::NotFound, _)), Query::Remove(document)) if was_shared => {
            print_note(format_args!("{document} is not shared any more; it was not registered"));
            None
        }
        (Some((Refusal::NotFound, _)), Query::Remove(document)) => {
            let message = format!("{document} is not shared here");
            let failure = Failure::NotFound;
            Some(CommandError::Printed { failure, refusal: None, message })
        }
        (Some((refusal, reason)), _) => Some(refused(context.index.server(), refusal, reason)),
    };
    printer.end(&completeness, failed)
}
