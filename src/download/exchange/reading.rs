//! Reading the head of a reply and the beginning of a document, as far as they have arrived.

use std::io;

use super::pipeline::HolderConnection;
use super::request::Answer;
use crate::download::model::TransferError;
use crate::protocol::{DocumentReply, DocumentReplyDecoder};
use crate::system::try_receive;

/// Bytes that are read of a reply at a time: most of a small document follows its head.
const READ: usize = 1024;

/// Reads the head of a reply as far as it has arrived; what follows it is left in the line.
pub(super) fn read_head(
    line: &mut HolderConnection,
    decoder: &mut DocumentReplyDecoder,
) -> Option<Result<Answer, TransferError>> {
    loop {
        let found = match decoder.decode(&line.input) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => {
                let mut chunk = [0; READ];
                match try_receive(line.stream(), &mut chunk) {
                    Ok(0) if line.input.is_empty() => return Some(Err(TransferError::NoReply)),
                    Ok(0) => decoder.finish(&line.input),
                    Ok(count) => {
                        line.input.extend(chunk.iter().take(count));
                        continue;
                    }
                    Err(error) => match error.kind() {
                        io::ErrorKind::WouldBlock => return None,
                        io::ErrorKind::Interrupted => continue,
                        _ => return Some(Err(TransferError::Lost(error))),
                    },
                }
            }
            Err(error) => Err(error),
        };
        let (reply, used) = match found {
            Ok(found) => found,
            Err(error) => return Some(Err(TransferError::Protocol(error))),
        };
        line.input.drain(..used.min(line.input.len()));
        return Some(match reply {
            DocumentReply::Found(head) => Ok((head, decoder.separator())),
            DocumentReply::Refused(refusal) => Err(TransferError::Refused(refusal.into())),
        });
    }
}

/// Reads the beginning of a document as far as it has arrived; `None` while some of it is missing.
/// The end of the connection ends it, too.
pub(super) fn read_beginning(
    line: &mut HolderConnection,
    beginning: u64,
) -> Option<io::Result<()>> {
    loop {
        let missing = beginning.saturating_sub(line.input.len() as u64);
        let mut chunk = [0; READ];
        let most = usize::try_from(missing).unwrap_or(READ).min(READ);
        let Some(room) = chunk.get_mut(..most).filter(|room| !room.is_empty()) else {
            return Some(Ok(()));
        };
        match try_receive(line.stream(), room) {
            Ok(0) => return Some(Ok(())),
            Ok(count) => line.input.extend(chunk.iter().take(count)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return None,
                io::ErrorKind::Interrupted => {}
                _ => return Some(Err(error)),
            },
        }
    }
}
