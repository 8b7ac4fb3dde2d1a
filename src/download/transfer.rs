//! Receives the document that follows the head of a response (protocol.md sections 5.1 to 5.7).

mod accounting;
mod body;
mod ending;
mod incoming;
mod min_rate;
mod readings;
mod reshaping;
mod surplus;

use std::time::Duration;

use super::exchange::{Pipeline, Response};
use super::model::TransferError;
use crate::library::PartialFile;
use crate::protocol::role::{DocumentEnd, DocumentMeaning};
use crate::protocol::{ContentRange, Digest, Endpoint};
pub(super) use accounting::Accounting;
use body::{Body, Received};
use ending::Ending;
pub(super) use ending::Transferred;
pub(super) use incoming::Incoming;
pub(super) use min_rate::{MinRate, PreferredRates};
use surplus::read_surplus;

/// The result of a GET that did not fail.
#[derive(Debug)]
pub(super) enum Outcome {
    Whole(Transferred),
    /// The document is large: it is downloaded in segments, and none of it was read.
    Large(Digest, u64, Box<Response>),
}

/// How a document is received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Get<'a> {
    pub(super) holder: &'a Endpoint,
    /// The digest that the document must have.
    pub(super) digest: Option<Digest>,
    /// Whether a large document may be downloaded in segments.
    pub(super) in_segments: bool,
    /// The period in which the minimum rate must be reached.
    pub(super) patience: Duration,
    /// The rates that the document must have, while other holders can be asked.
    pub(super) preferred_rates: Option<PreferredRates>,
}

/// Receives a document. `progress` gets the number of bytes that are here, and the length if it is
/// known: first before any byte of this response is counted, then after each read.
pub(super) fn receive(
    accounting: &Accounting,
    get: &Get<'_>,
    response: Response,
    pipeline: &mut Pipeline,
    partial: &mut PartialFile,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Outcome, TransferError> {
    let limits = &*accounting.limits;
    let head = &response.head;
    let length = head.content_range.map(ContentRange::length).or(head.content_length);
    if let (Some(expected), Some(found)) = (get.digest, head.digest)
        && expected != found
    {
        return Err(TransferError::OtherVersion { expected, found });
    }
    if length.is_some_and(|length| length > limits.document_length) {
        return Err(TransferError::TooLarge(limits.document_length));
    }
    if let (Some(digest), Some(length)) = (head.digest, length)
        && length > limits.segmented
        && get.in_segments
    {
        return Ok(Outcome::Large(digest, length, Box::new(response)));
    }
    let Response { head, mut connection } = response;
    pipeline.request_ahead(&head, &mut connection)?;
    let buffer = pipeline.buffer.take();
    let mut body = Body::begin(limits, &head, partial, buffer, progress)?;
    let is_strict = accounting.is_strict;
    let rate = MinRate::new(limits, get.patience, get.preferred_rates);
    let mut surplus = Vec::new();
    let outcome = body.receive(accounting, &mut connection, rate).and_then(|received| {
        let Received { bytes, end } = received;
        accounting.stats.transferred(get.holder, bytes, connection.requested_at().elapsed());
        let bounds = connection.role.bounds().clone();
        let is_whole = end == Some(DocumentMeaning::End(DocumentEnd::Complete));
        // Upload servers of this implementation send extensions, and nothing after a document.
        let is_read_on = is_whole && !head.keep_alive && (bounds.may_deviate() || is_strict);
        surplus = match is_read_on {
            true => {
                let beginning = body.beginning().map_err(TransferError::File)?;
                let mark = bounds.marks(&beginning).first().copied();
                read_surplus(&mut connection, mark.or_else(|| bounds.probable_padding(&beginning)))
            }
            false => Vec::new(),
        };
        body.finish(&Ending {
            end: end.as_ref(),
            bounds: &bounds,
            surplus: &surplus,
            required: get.digest,
            is_strict,
        })
    });
    match &outcome {
        Ok(transferred) => {
            accounting.stats.delivered(get.holder);
            match &transferred.deviation {
                Some(deviation) => accounting.report(get.holder, deviation),
                None if surplus.is_empty() => {}
                None => accounting.report_excess(get.holder, &surplus),
            }
            if connection.has_unsolicited() {
                accounting.report_excess(get.holder, &connection.into_unsolicited());
            } else if head.keep_alive {
                pipeline.keep(connection);
            }
        }
        Err(_) => body.break_off(),
    }
    pipeline.buffer = Some(body.into_buffer());
    outcome.map(Outcome::Whole)
}

#[cfg(test)]
mod tests;
