//! Programs of the other kind: the upload server of a peer that was named as the index, and an index
//! server that was named as a holder. Both answer 400 to a request that they do not know.
//!
//! The messages only say what is likely. To request what the other kind would know could harm a
//! program that has shown no extension (protocol.md section 4.9).

use super::context::Context;
use super::exit::{CommandError, Failure};
use crate::escape::escaped;
use crate::peer::{AskIndex, DownloadError, TransferError};
use crate::protocol::{Endpoint, Refusal, Status};

/// After a command: what to check if the index has refused what every index server knows.
pub(super) fn note_upload_server(context: &Context, error: &CommandError) {
    let is_refused = matches!(error, CommandError::Printed { failure: Failure::Protocol, .. })
        || matches!(error.refusal(), Some((Refusal::BadRequest, _)));
    if is_refused && !context.index.dialect().shows_extensions() {
        log::warn!("{}", upload_server(context.index.server()));
    }
}

/// The message that what was named as the index may be a peer.
pub(super) fn upload_server(server: &Endpoint) -> String {
    let server = escaped(&server.to_string()).to_string();
    format!(
        "400 is also the answer of a peer's upload server: is {server} an index server? Its port is \
         7734 unless its operator chose another one"
    )
}

/// After a download from a holder that the user named: what to check if it has answered 400.
pub(super) fn note_index_server(holder: &Endpoint, error: &DownloadError) {
    let DownloadError::AllFailed { failures, .. } = error else { return };
    let is_refused = failures.iter().any(|(_, error)| {
        matches!(error, TransferError::Refused(Status::Refused(Refusal::BadRequest)))
    });
    if is_refused {
        let holder = escaped(&holder.to_string()).to_string();
        log::warn!(
            "400 is also the answer of an index server: is {holder} a peer? Leave out --from, or name \
             the host and port of a holder as `lookup` prints them"
        );
    }
}
