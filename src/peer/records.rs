//! Requesting records from an index: streamed to a callback, a refusal returned as an error
//! (protocol.md sections 4.3, 4.4, 4.10 and 6.1).

use std::io;
use std::ops::ControlFlow;

use super::index_error::IndexError;
use super::query::{AskIndex, Completeness, Query};
use crate::protocol::{Listing, Record, Refusal, ReplyPart};

/// Requests records and passes the parts of the reply to `take`, which may stop: then the
/// connection is closed before the rest arrives. A refusal is not passed on.
///
/// A 404 to LIST or SEARCH is an empty list: many index servers answer so.
///
/// # Errors
/// When there is no reply, or it is a refusal.
pub fn request_records(
    index: &dyn AskIndex,
    query: Query<'_>,
    take: &mut dyn FnMut(ReplyPart) -> ControlFlow<()>,
) -> Result<Completeness, IndexError> {
    let (mut refused, mut reason, mut stopped) = (None, None, false);
    let asked = index.ask(query, &mut |part, _| {
        match part {
            ReplyPart::Refused(refusal) => refused = Some(refusal),
            ReplyPart::Reason(text) => reason = Some(text),
            part => {
                if take(part).is_break() {
                    stopped = true;
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
        }
        Ok(())
    });
    let completeness = match asked {
        Err(IndexError::Taker(_)) if stopped => return Ok(Completeness::Stopped),
        outcome => outcome?,
    };
    match (refused, query) {
        (None, _) => Ok(completeness),
        (Some(Refusal::NotFound), Query::List(_) | Query::Search { .. }) => {
            Ok(Completeness::Complete)
        }
        (Some(refusal), _) => {
            Err(IndexError::Refused { index: index.server().clone(), refusal, reason })
        }
    }
}

/// Streams all records, RFCs first. `take` may stop.
///
/// # Errors
/// When there is no reply, or it is a refusal.
pub fn each_record(
    index: &dyn AskIndex,
    take: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<Completeness, IndexError> {
    let rfcs = list(index, Listing::Rfcs, take)?;
    if rfcs == Completeness::Stopped {
        return Ok(rfcs);
    }
    match list(index, Listing::Files, take) {
        // An index without this extension has no such records.
        Err(IndexError::Refused { refusal: Refusal::BadRequest, .. }) => Ok(rfcs),
        files => Ok(rfcs.and(files?)),
    }
}

/// Streams the records of one list.
fn list(
    index: &dyn AskIndex,
    listing: Listing,
    take: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<Completeness, IndexError> {
    request_records(index, Query::List(listing), &mut |part| match part {
        ReplyPart::Record(record) => take(record),
        _ => ControlFlow::Continue(()),
    })
}
