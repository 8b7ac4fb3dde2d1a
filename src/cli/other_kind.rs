//! Hints after a 400: the user may have named the upload server of a peer as the index, or an index server
//! as a holder. Both reply 400 to unknown requests.
//!
//! The messages are guesses. A request that would prove them could disturb a program that has shown no
//! extension (protocol.md section 4.9).

use super::context::Context;
use super::errors::command_error::CommandError;
use super::errors::failure::Failure;
use crate::escape::escaped;
use crate::peer::{AskIndex, DownloadError, TransferError};
use crate::protocol::{Endpoint, Refusal, Status};

/// Warns if the index has refused a request that every index server supports.
pub(super) fn note_upload_server(context: &Context, error: &CommandError) {
    let is_refused = matches!(error, CommandError::Printed { failure: Failure::Protocol, .. })
        || matches!(error.refusal(), Some((Refusal::BadRequest, _)));
    if is_refused && !context.index.dialect().shows_extensions() {
        log::warn!("{}", upload_server(context.index.server()));
    }
}

/// The message that the named index may be a peer.
pub(super) fn upload_server(server: &Endpoint) -> String {
    let server = escaped(&server.to_string()).to_string();
    format!(
        "400 is also the reply of a peer's upload server: is {server} an index server? Its port is \
         7734 unless its operator chose another one"
    )
}

/// Warns if the holder of `--from` has replied 400.
pub(super) fn note_index_server(holder: &Endpoint, error: &DownloadError) {
    let DownloadError::AllFailed { failures, .. } = error else { return };
    let is_refused = failures.iter().any(|(_, error)| {
        matches!(error, TransferError::Refused(Status::Refused(Refusal::BadRequest)))
    });
    if is_refused {
        let holder = escaped(&holder.to_string()).to_string();
        log::warn!(
            "400 is also the reply of an index server: is {holder} a peer? Leave out --from, or name \
             the host and port of a holder as `lookup` prints them"
        );
    }
}
