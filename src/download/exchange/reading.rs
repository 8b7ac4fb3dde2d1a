//! Reads the head of a response and the beginning of a document as far as they have arrived (protocol.md
//! sections 5.1 to 5.4).

use std::io;
use std::mem;

use super::connection::HolderConnection;
use crate::download::model::TransferError;
use crate::driver::Driver;
use crate::protocol::DocumentHead;
use crate::protocol::role::DocumentMeaning;

/// Bytes that are read at a time. Most of a small document arrives with its head.
const READ: usize = 1024;

/// Reads the head as far as it has arrived; what follows it is left in the connection's input.
pub(super) fn read_head(
    connection: &mut HolderConnection,
) -> Option<Result<DocumentHead, TransferError>> {
    let (stream, input, role) = connection.parts();
    let mut driver = Driver::with_input(stream, mem::take(input), role);
    let event = driver.try_next();
    if let Ok(Some(event)) = &event {
        driver.take(event.used);
    }
    (_, *input) = driver.into_parts();
    let event = match event {
        Ok(event) => event?,
        Err(error) => return Some(Err(TransferError::Lost(error))),
    };
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
        let mut chunk = [0; READ];
        let most = usize::try_from(missing).unwrap_or(READ).min(READ);
        let Some(room) = chunk.get_mut(..most).filter(|room| !room.is_empty()) else {
            return Some(Ok(()));
        };
        match connection.stream().try_read(room) {
            Ok(0) => return Some(Ok(())),
            Ok(count) => connection.input.extend(chunk.iter().take(count)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return None,
                io::ErrorKind::Interrupted => {}
                _ => return Some(Err(error)),
            },
        }
    }
}
