//! Programs of the other kind: the upload server of a peer that was named as the index, and an index
//! server that was named as a holder. Both answer 400 to what they do not know, so they are asked
//! what they would know.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::context::Context;
use super::exit::{CommandError, Failure};
use crate::escape::escaped;
use crate::net::Reach;
use crate::peer::{
    AskIndex, Bandwidth, FetchError, Fetcher, IndexConnection, IndexDialect, IndexError,
    Neighbours, Query, Source, TransferError, probe, request_records,
};
use crate::protocol::{Document, Endpoint, Refusal, Status};

/// What is requested: any answer but 400 shows the kind of the program.
fn any_document() -> Option<Document> {
    "1".parse().ok().map(Document::Rfc)
}

/// After a command: says so if the index has refused what every index server knows, and is the upload
/// server of a peer.
pub(super) fn note_upload_server(context: &Context, error: &CommandError) {
    let is_refused = matches!(error, CommandError::Refused(Failure::Protocol))
        || matches!(error.refusal(), Some((Refusal::BadRequest, _)));
    let dialect = context.index.dialect();
    if is_refused && !dialect.shows_extensions() && is_upload_server(context.index.server()) {
        log::warn!("{}", upload_server(context.index.server()));
    }
}

/// The message that what was named as the index is a peer.
pub(super) fn upload_server(server: &Endpoint) -> String {
    let server = escaped(&server.to_string()).to_string();
    format!(
        "{server} is the upload server of a peer, and no index server: name the host of an index \
         server, and its port if that is not 7734"
    )
}

/// Whether a program answers GET.
pub(super) fn is_upload_server(server: &Endpoint) -> bool {
    let Some(document) = any_document() else { return false };
    let (reach, bandwidth) = (Reach::new(Vec::new()), Bandwidth::new(None));
    let fetcher = Fetcher::new(Neighbours::default(), bandwidth, reach);
    match probe(&fetcher, &document, &Source::from(server.clone())) {
        Ok(_) => true,
        Err(TransferError::Refused(Status::Refused(refusal))) => refusal == Refusal::NotFound,
        Err(_) => false,
    }
}

/// After a download from a holder that the user named: says so if it is an index server.
pub(super) fn note_index_server(holder: &Endpoint, error: &FetchError) {
    let FetchError::All { failures, .. } = error else { return };
    let is_refused = failures.iter().any(|(_, error)| {
        matches!(error, TransferError::Refused(Status::Refused(Refusal::BadRequest)))
    });
    if is_refused && is_index_server(holder) {
        let holder = escaped(&holder.to_string()).to_string();
        log::warn!(
            "{holder} is an index server, and no peer: leave out --from, or name the host and port of \
             a holder, as `lookup` prints them"
        );
    }
}

/// Whether a program answers LOOKUP.
fn is_index_server(holder: &Endpoint) -> bool {
    let Some(document) = any_document() else { return false };
    let dialect = Arc::new(IndexDialect::plain());
    let connection = IndexConnection::new(holder.clone(), None, None, dialect);
    let query = Query::Lookup { document: &document, title: None, want_attributes: false };
    match request_records(&connection, query, &mut |_| ControlFlow::Break(())) {
        Ok(_) => true,
        Err(IndexError::Refused { refusal, .. }) => refusal == Refusal::NotFound,
        Err(_) => false,
    }
}
