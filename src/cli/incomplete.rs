//! Lists and replies that may lack records: how every command says so, and when it fails
//! (protocol.md section 4.9).

use std::sync::Arc;

use serde_json::{Value, json};

use super::exit::{CommandError, error_json, failure_of_index};
use super::format::Format;
use super::objects::{document_json, with_fields, with_status};
use super::output::say_json;
use crate::peer::{Completeness, Gap, GapCause, IndexError};
use crate::protocol::Document;

/// Fails if the index has not sent all records: with the error that ended its reply, or if nothing was
/// found and the connection was closed before the end of the reply. The records that have arrived
/// and the object for programs were printed.
pub(super) fn check_complete(listed: &Completeness, has_records: bool) -> Result<(), CommandError> {
    let Completeness::Incomplete(Gap { cause, .. }) = listed else { return Ok(()) };
    match cause {
        GapCause::Failed(error) => {
            let error = IndexError::Away(Arc::clone(error));
            Err(CommandError::Said(Box::new(error.into())))
        }
        GapCause::Closed if !has_records => Err(CommandError::Incomplete(
            "nothing was found before the index closed the connection".into(),
        )),
        GapCause::Closed | GapCause::Unmarked => Ok(()),
    }
}

/// Says on standard error that records may be missing. An error says so itself.
pub(super) fn note_incomplete(listed: &Completeness) {
    match listed {
        Completeness::Incomplete(Gap { cause: GapCause::Failed(_), .. })
        | Completeness::Complete
        | Completeness::Stopped => {}
        Completeness::Incomplete(Gap { reason, .. }) => {
            log::warn!("the result may be incomplete: {reason}");
        }
    }
}

/// Says on standard error that a document may have more holders.
pub(super) fn note_missing_holders(document: &Document, listed: &Completeness) {
    if let Completeness::Incomplete(gap) = listed {
        log::warn!("not all holders of {document} may be known: {}", gap.reason);
    }
}

/// Prints, for programs, that a document may have more holders. That is no failure.
pub(super) fn say_missing_holders(
    format: Format,
    document: &Document,
    listed: &Completeness,
) -> Result<(), CommandError> {
    match (format, listed) {
        (Format::Json, Completeness::Incomplete(Gap { reason, .. })) => {
            let fields = [("complete", json!(false)), ("reason", json!(reason))];
            say_json(&with_fields(document_json(document), fields)).map_err(CommandError::Output)
        }
        _ => Ok(()),
    }
}

/// Prints, for programs, that records may be missing.
pub(super) fn say_incomplete(format: Format, listed: &Completeness) -> Result<(), CommandError> {
    match (format, listed) {
        (Format::Json, Completeness::Incomplete(gap)) => {
            say_json(&incomplete_json(gap)).map_err(CommandError::Output)
        }
        _ => Ok(()),
    }
}

/// The last JSON object of a command whose records may not be all that there are.
pub(super) fn incomplete_json(gap: &Gap) -> Value {
    let object = json!({"v": 1, "complete": false, "reason": gap.reason});
    let GapCause::Failed(error) = &gap.cause else { return object };
    let object = match error.refusal() {
        Some((refusal, _)) => with_status(object, refusal),
        None => object,
    };
    with_fields(object, [("error", error_json(failure_of_index(error), &gap.reason))])
}
