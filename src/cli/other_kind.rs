//! Hints after a 400 or a refused connection: the user may have named the upload server of a peer as the index, or an index server
//! as a holder. Both reply 400 to unknown requests.
//!
//! The messages are guesses. A request that would prove them could disturb a program that has shown no
//! extension (protocol.md section 4.9).

use std::io::ErrorKind;

use super::context::Context;
use super::errors::command_error::CommandError;
use super::output::print::print_note;
use crate::escape::escaped;
use crate::peer::{AskIndex, DownloadError, TransferError};
use crate::protocol::{Endpoint, Refusal, Status};

/// Warns if the index has refused a request that every index server supports.
pub(super) fn note_upload_server(context: &Context, error: &CommandError) {
    let is_refused =
        matches!(error, CommandError::Printed { refusal: Some(Refusal::BadRequest), .. })
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

/// Prints advice if the holder of `--from` has replied 400, or has refused the connection.
pub(super) fn note_holder(holder: &Endpoint, error: &DownloadError) {
    let DownloadError::AllFailed { failures, .. } = error else { return };
    let holder = escaped(&holder.to_string()).to_string();
    for (_, error) in failures {
        match error {
            TransferError::Refused(Status::Refused(Refusal::BadRequest)) => {
                log::warn!(
                    "400 is also the reply of an index server: is {holder} a peer? Leave out --from, or \
                     name the host and port of a holder as `lookup` prints them"
                );
                return;
            }
            TransferError::Unreachable(error) if error.kind() == ErrorKind::ConnectionRefused => {
                print_note(format_args!(
                    "no program listens at {holder}: has that peer ended, or has it another port? Leave \
                     out --from, or name the host and port of a holder as `lookup` prints them"
                ));
                return;
            }
            _ => {}
        }
    }
}
