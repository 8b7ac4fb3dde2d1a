//! Reads the head of a response and the beginning of a document as far as they have arrived (protocol.md
//! sections 5.1 to 5.4).

use std::io;

use super::connection::HolderConnection;
use crate::download::model::TransferError;
use crate::protocol::DocumentHead;
use crate::protocol::role::DocumentMeaning;

/// Bytes that are read at a time. Most of a small document arrives with its head.
const READ: usize = 1024;

/// Reads the head as far as it has arrived; what follows it is left in the connection's input.
pub(super) fn read_head(
    connection: &mut HolderConnection,
) -> Option<Result<DocumentHead, TransferError>> {
    let event = loop {
        if let Some(event) = connection.role.next(&connection.input) {
            break event;
        }
        match read_some(connection, READ)? {
            Ok(0) => break connection.role.on_end(&connection.input),
            Ok(_) => {}
            Err(error) => return Some(Err(TransferError::Lost(error))),
        }
    };
    connection.input.drain(..event.used);
    Some(match event.meaning {
        DocumentMeaning::Head(head) => Ok(head),
        DocumentMeaning::Refused(refusal) => Err(TransferError::Refused(refusal.into())),
        DocumentMeaning::Fault(error) => Err(TransferError::Protocol(error)),
        // No other meaning comes before a head.
        _ => Err(TransferError::NoReply),
    })
}

/// Reads the first bytes of a document, `beginning` of them or up to the end of the connection;
/// `None` while some are missing.
pub(super) fn read_beginning(
    connection: &mut HolderConnection,
    beginning: u64,
) -> Option<io::Result<()>> {
    loop {
        let missing = beginning.saturating_sub(connection.input.len() as u64);
        let most = usize::try_from(missing).unwrap_or(READ).min(READ);
        if most == 0 {
            return Some(Ok(()));
        }
        match read_some(connection, most)? {
            Ok(0) => return Some(Ok(())),
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Reads at most this many bytes into the connection's input, and returns their number; 0 is the end.
/// `None`: nothing has arrived.
fn read_some(connection: &mut HolderConnection, most: usize) -> Option<io::Result<usize>> {
    let mut chunk = [0; READ];
    let room = chunk.get_mut(..most).unwrap_or_default();
    loop {
        match connection.stream().try_read(room) {
            Ok(count) => {
                connection.input.extend_from_slice(room.get(..count).unwrap_or_default());
                return Some(Ok(count));
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return None,
                io::ErrorKind::Interrupted => {}
                _ => return Some(Err(error)),
            },
        }
    }
}
