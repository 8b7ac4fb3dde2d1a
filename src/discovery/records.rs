//! Requests for records, which are streamed to a callback; a refusal is returned as an error
//! (protocol.md sections 4.3, 4.4, 4.10 and 6.1).

use std::io;
use std::ops::ControlFlow;

use super::concurrent::{Take, of_each};
use super::index_dialect::Extensions;
use super::index_error::IndexError;
use super::listed::Completeness;
use super::merging::Taken;
use super::query::{AskIndex, LookupTitle, Query};
use crate::error_chain::error_chain;
use crate::net::Provenance;
use crate::protocol::{Document, Listing, Record, Refusal, ReplyPart, Title};

/// Requests records and passes the parts of the reply to `take`, which may stop. Then the connection is
/// closed before the rest arrives. A refusal is not passed on.
///
/// A 404 to LIST or SEARCH is an empty list: many index servers send it.
///
/// # Errors
/// When there is no reply, or it is a refusal.
pub fn request_records(
    index: &dyn AskIndex,
    query: Query<'_>,
    take: &mut dyn FnMut(ReplyPart) -> ControlFlow<()>,
) -> Result<Completeness, IndexError> {
    let (mut refused, mut reason, mut found, mut stopped) = (None, None, false, false);
    let asked = index.ask(query, &mut |part, _| {
        match part {
            ReplyPart::Refused(refusal) => refused = Some(refusal),
            ReplyPart::Reason(text) => reason = Some(text),
            _ if refused.is_some() => {}
            part => {
                found |= matches!(part, ReplyPart::Record(_));
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
        // Complete records are not discarded.
        Err(error) if found => Completeness::failed(error),
        // A refusal is complete with its status line.
        Err(_) if refused.is_some() => Completeness::Complete,
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
    each_of_members(index, &mut |_, record| take(record))
}

/// The same with the provenance of the record. If several sources list it, it is that of the first one, which
/// is the most local index.
///
/// # Errors
/// When there is no reply, or it is a refusal.
pub fn each_listed(
    index: &dyn AskIndex,
    take: &mut dyn FnMut(Record, Provenance) -> ControlFlow<()>,
) -> Result<Completeness, IndexError> {
    let mut failure = None;
    let listed = each_of_members(index, &mut |member, record| match member.provenance() {
        Ok(provenance) => take(record, provenance),
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failure.map_or(Ok(listed), Err)
}

/// Streams the records of all servers, each with its server.
fn each_of_members(
    index: &dyn AskIndex,
    take: &mut dyn FnMut(&dyn AskIndex, Record) -> ControlFlow<()>,
) -> Result<Completeness, IndexError> {
    let members = index.members()?;
    if members.is_empty() {
        return each_record_at(index, &mut |record| take(index, record));
    }
    let (mut taken, mut is_stopped) = (Taken::default(), false);
    let ask = |member: &dyn AskIndex, take: Take<'_, Record>| {
        let mut taken = Ok(());
        let listed = each_record_at(member, &mut |record| {
            taken = take(record);
            if taken.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        taken.map_err(IndexError::Taker).and(listed)
    };
    let (replies, listed) = of_each(&members, &ask, |member, reply| {
        if is_stopped {
            return Ok(Completeness::Stopped);
        }
        let listed = reply.read(&mut |record| {
            is_stopped = taken.is_new(&record) && take(member, record).is_break();
            if is_stopped { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
        });
        if is_stopped { Ok(Completeness::Stopped) } else { listed }
    })?;
    Ok(replies.into_iter().fold(listed, Completeness::and))
}

/// Streams all records of one index.
fn each_record_at(
    index: &dyn AskIndex,
    take: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<Completeness, IndexError> {
    let mut first = None;
    let rfcs = list(index, Listing::Rfcs, &mut |record| {
        if first.is_none() {
            first = Some((record.document.clone(), record.title.clone()));
        }
        take(record)
    })?;
    if let Completeness::Stopped = rfcs {
        return Ok(rfcs);
    }
    let probed = probe_extensions(index, first);
    if !index.dialect().shows_extensions() {
        // The records that were listed before are not discarded.
        return Ok(rfcs.and(probed));
    }
    match list(index, Listing::Files, take) {
        // It knows attributes, but only RFCs.
        Err(error @ IndexError::Refused { refusal: Refusal::BadRequest, .. }) => {
            log::warn!("documents other than RFCs are not listed: {}", error_chain(&error));
            Ok(rfcs)
        }
        // The records that were listed before are not discarded.
        Err(error) => Ok(rfcs.and(Completeness::failed(error))),
        Ok(files) => Ok(rfcs.and(files)),
    }
}

/// Finds out whether an unknown index server knows extensions, by a LOOKUP of a document that it has
/// listed. No known server is harmed by the header of that LOOKUP (protocol.md section 8.5). The result
/// is incomplete if the index is full, because that proves nothing.
fn probe_extensions(index: &dyn AskIndex, listed: Option<(Document, Title)>) -> Completeness {
    if index.dialect().extensions() != Extensions::Unknown {
        return Completeness::Complete;
    }
    // Servers may compare the title, so the correct one is sent.
    let Some((document, title)) = listed.or_else(Query::of_rfc_1) else {
        return Completeness::Complete;
    };
    let (document, title) = (&document, LookupTitle::Known(&title));
    let query = Query::Lookup { document, title, want_attributes: true };
    // The connection records an attribute as an extension. A short reply is read to its end, so that
    // the connection can be used again.
    let mut parts = 0;
    let asked = request_records(index, query, &mut |_| {
        parts += 1;
        if parts < 1_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match asked {
        Ok(_) => {}
        // It may be overloaded.
        Err(error @ (IndexError::Silent { .. } | IndexError::Unfinished { .. })) => {
            log::warn!("documents other than RFCs may be missing: {}", error_chain(&error));
        }
        Err(error @ IndexError::Refused { refusal: Refusal::ServiceUnavailable, .. }) => {
            return Completeness::failed(error);
        }
        Err(error) => log::debug!("no extension is known: {}", error_chain(&error)),
    }
    Completeness::Complete
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
