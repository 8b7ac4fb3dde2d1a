//! Asking a holder whether it is there, without fetching the document.

use std::time::{Duration, Instant};

use super::fetch::{Fetcher, Source};
use super::question::{Question, ask_once, connect};
use super::transfer_error::TransferError;
use crate::protocol::{ContentRange, Digest, Document, Refusal, Status};

/// What a holder has answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Probe {
    /// From the beginning of the connection to the head of the reply: two round trips.
    pub time: Duration,
    /// The length of the document, if the holder says so.
    pub length: Option<u64>,
    /// Its digest, if the holder says so.
    pub digest: Option<Digest>,
}

/// Asks a holder for the first byte of a document.
///
/// # Errors
/// When it does not answer, or refuses.
pub fn probe(
    fetcher: &Fetcher,
    document: &Document,
    source: &Source,
) -> Result<Probe, TransferError> {
    let begun = Instant::now();
    let holder = &source.holder;
    let _held = fetcher.neighbours().hold(std::slice::from_ref(source));
    let ask = |range| {
        let stream = connect(fetcher, holder)?;
        let question = Question { holder, document, want_digest: true, range };
        ask_once(fetcher, &stream, &question).map(|(head, _)| head)
    };
    let head = match ask(Some((0..1).into())) {
        // An empty document has no first byte.
        Err(TransferError::Refused(Status::Refused(Refusal::RangeNotSatisfiable))) => ask(None)?,
        head => head?,
    };
    let length = head.content_range.map(ContentRange::length).or(head.content_length);
    Ok(Probe { time: begun.elapsed(), length, digest: head.digest })
}
