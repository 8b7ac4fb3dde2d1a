//! `browse`: the records of one peer, selected from the list of the index (protocol.md section 4.4).

use std::io;
use std::ops::ControlFlow;

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::reply::ReplyPrinter;
use crate::escape::escaped;
use crate::peer::{Completeness, each_record};
use crate::protocol::{Endpoint, Record};

/// Prints what one peer shares.
pub(in crate::cli) fn browse(context: &Context, peer: &Endpoint) -> Result<(), CommandError> {
    let mut similar = None;
    let mut is_its = |record: &Record| {
        if record.holder == *peer {
            return Keep::Yes;
        }
        if similar.is_none() && record.holder.port == peer.port {
            similar = Some(record.holder.clone());
        }
        Keep::No
    };
    let (printed, listed) = print_records(context, &mut is_its)?;
    match (printed, listed) {
        (0, Completeness::Incomplete(_)) => {
            let message = format!("{}, as far as is known", not_listed(peer, similar.as_ref()));
            Err(CommandError::Incomplete(message))
        }
        (0, _) => Err(not_listed(peer, similar.as_ref())),
        _ => Ok(()),
    }
}

/// The error that the index lists no record of a peer. `similar` is a listed peer with the same port.
pub(super) fn not_listed(peer: &Endpoint, similar: Option<&Endpoint>) -> CommandError {
    let peer = escaped(&peer.to_string()).to_string();
    let hint = similar.map_or_else(String::new, |similar| {
        format!("; a peer with that port is listed as {}", escaped(&similar.to_string()))
    });
    CommandError::NotFound(format!("the index lists no document of {peer}{hint}"))
}

/// Whether a record is printed.
enum Keep {
    No,
    Yes,
}

/// Prints the records that `keep` selects, while they arrive. Returns their number, and whether records
/// may be missing.
fn print_records(
    context: &Context,
    keep: &mut dyn FnMut(&Record) -> Keep,
) -> Result<(usize, Completeness), CommandError> {
    let mut printer = ReplyPrinter::new(context.format, &context.listed);
    let (mut printed, mut output) = (0, Ok(()));
    let mut print = |record: &Record| -> io::Result<()> {
        printed += 1;
        printer.take_record(record)
    };
    let listed = each_record(&context.index, &mut |record| {
        let keep = keep(&record);
        if let Keep::Yes = keep {
            output = print(&record);
        }
        match &output {
            Err(_) => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
        }
    })?;
    context.check_interrupt()?;
    output.map_err(CommandError::Output)?;
    printer.end_selected(&listed)?;
    Ok((printed, listed))
}
