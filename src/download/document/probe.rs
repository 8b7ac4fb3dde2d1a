//! Asks a holder whether it has a document, without downloading it (protocol.md section 5.1).

use std::time::{Duration, Instant};

use crate::download::downloader::Downloader;
use crate::download::exchange::{Exchange, GetRequest, Patience, Pipeline, Response};
use crate::download::model::{GetForm, Source, TransferError};
use crate::protocol::{ContentRange, Digest, Document, Refusal, Status};

/// The response of a holder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Probe {
    /// The time from the first attempt to connect to the head of the response: two round trips.
    pub time: Duration,
    /// The length of the document, if the holder announces it.
    pub length: Option<u64>,
    /// Its digest, if the holder announces it.
    pub digest: Option<Digest>,
}

/// Requests the first byte of a document from a holder. It waits at most [`crate::limits::Downloads::first_byte`].
///
/// # Errors
/// When the holder cannot be reached, does not answer in time, refuses, or violates the protocol.
pub fn probe(
    downloader: &Downloader,
    document: &Document,
    source: &Source,
) -> Result<Probe, TransferError> {
    let begun = Instant::now();
    let (dialer, holder) = (&downloader.dialer, &source.holder);
    let form = GetForm::Grammar;
    let range = Some((0..1).into());
    let request = GetRequest { holder, document, want_digest: true, form, range };
    let exchange = Exchange::begin(dialer, &mut Pipeline::default(), source, request, None)?;
    let response = exchange.run(dialer, Patience::full(&dialer.limits), 0, &|| true);
    let time = begun.elapsed();
    match response {
        Ok(Response { head, .. }) => {
            let length = head.content_range.map(ContentRange::length).or(head.content_length);
            Ok(Probe { time, length, digest: head.digest })
        }
        // An empty document has no first byte.
        Err(TransferError::Refused(Status::Refused(Refusal::RangeNotSatisfiable))) => {
            Ok(Probe { time, length: Some(0), digest: None })
        }
        Err(error) => Err(error),
    }
}
