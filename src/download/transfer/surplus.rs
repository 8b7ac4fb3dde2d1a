//! The bytes after a document (protocol.md section 5.4).

use std::mem;
use std::time::Instant;

use crate::download::exchange::HolderConnection;
use crate::limits;

/// Reads what follows a document, until the holder closes the connection, is silent, or has sent too much. A
/// document that may begin after `mark` of its bytes is waited for longer.
pub(super) fn read_surplus(connection: &mut HolderConnection, mark: Option<usize>) -> Vec<u8> {
    let mut surplus = mem::take(&mut connection.input);
    let mut chunk = [0; 4096];
    let begun = Instant::now();
    while surplus.len() < limits::SURPLUS {
        let is_short = mark.is_none_or(|mark| surplus.len() >= mark);
        let time = if is_short { limits::SURPLUS_TIME } else { limits::DOCUMENT_SILENCE };
        match connection.stream().read(&mut chunk, Some(begun + time)) {
            Ok(count @ 1..) => surplus.extend(chunk.iter().take(count)),
            // The document is here: a failure after it is ignored.
            Ok(0) | Err(_) => break,
        }
    }
    surplus
}
