//! Lists and replies that may lack records: how commands report that, and when they fail
//! (protocol.md section 4.9).

use std::sync::Arc;

use serde_json::{Value, json};

use super::format::Format;
use super::objects::{document_json, with_fields, with_status};
use super::print::print_json;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::failure_of_index;
use crate::cli::errors::report::error_json;
use crate::peer::{Completeness, Gap, GapCause, IndexError};
use crate::protocol::Document;

/// Fails if the index has not sent all records: with the error that ended its reply, or if nothing was
/// found and the reply may have more. The records that have arrived
/// and the object for programs were printed.
pub(in crate::cli) fn check_complete(
    listed: &Completeness,
    has_records: bool,
) -> Result<(), CommandError> {
    let Completeness::Incomplete(Gap { cause, .. }) = listed else { return Ok(()) };
    match cause {
        GapCause::Failed(error) => {
            let error = IndexError::Away(Arc::clone(error));
            Err(CommandError::Said(Box::new(error.into())))
        }
        GapCause::Closed if !has_records => Err(CommandError::Incomplete(
            "nothing was found before the index closed the connection".into(),
        )),
        GapCause::Unmarked if !has_records => Err(CommandError::Incomplete(
            "nothing was found in a reply whose end is not marked".into(),
        )),
        // Another server has replied.
        GapCause::Closed | GapCause::Unmarked | GapCause::NoReply(_) => Ok(()),
    }
}

/// Warns that records may be missing. After an error the error reports that.
pub(in crate::cli) fn note_incomplete(listed: &Completeness) {
    match listed {
        Completeness::Incomplete(Gap { cause: GapCause::Failed(_), .. })
        | Completeness::Complete
        | Completeness::Stopped => {}
        Completeness::Incomplete(Gap { reason, .. }) => {
            log::warn!("the result may be incomplete: {reason}");
        }
    }
}

/// Warns that a document may have more holders.
pub(in crate::cli) fn note_missing_holders(document: &Document, listed: &Completeness) {
    if let Completeness::Incomplete(gap) = listed {
        log::warn!("not all holders of {document} may be known: {}", gap.reason);
    }
}

/// Prints as JSON that a document may have more holders. That is no failure.
pub(in crate::cli) fn print_missing_holders(
    format: Format,
    document: &Document,
    listed: &Completeness,
) -> Result<(), CommandError> {
    match (format, listed) {
        (Format::Json, Completeness::Incomplete(Gap { reason, .. })) => {
            let fields = [("complete", json!(false)), ("reason", json!(reason))];
            print_json(&with_fields(document_json(document), fields)).map_err(CommandError::Output)
        }
        _ => Ok(()),
    }
}

/// Prints as JSON that records may be missing.
pub(in crate::cli) fn print_incomplete(
    format: Format,
    listed: &Completeness,
) -> Result<(), CommandError> {
    match (format, listed) {
        (Format::Json, Completeness::Incomplete(gap)) => {
            print_json(&incomplete_json(gap)).map_err(CommandError::Output)
        }
        _ => Ok(()),
    }
}

/// The last JSON object of a command whose records may not be all that there are.
pub(in crate::cli) fn incomplete_json(gap: &Gap) -> Value {
    let object = json!({"v": 1, "complete": false, "reason": gap.reason});
    let GapCause::Failed(error) = &gap.cause else { return object };
    let object = match error.refusal() {
        Some((refusal, _)) => with_status(object, refusal),
        None => object,
    };
    with_fields(object, [("error", error_json(failure_of_index(error), &gap.reason))])
}
