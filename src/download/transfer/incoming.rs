//! Reads the bytes of a document from its holder (protocol.md sections 5.3, 5.4 and 7).

use super::accounting::Accounting;
use super::min_rate::MinRate;
use crate::download::exchange::HolderConnection;
use crate::download::model::TransferError;
use crate::protocol::role::DocumentEvent;

/// A document that arrives on a connection: at most at the rate that the user allows, and at least at the
/// rate that a holder must reach.
pub(in crate::download) struct Incoming<'a> {
    connection: &'a mut HolderConnection,
    accounting: &'a Accounting,
    is_small: bool,
    rate: MinRate,
}

impl<'a> Incoming<'a> {
    /// A document whose head was read from this connection.
    pub(in crate::download) fn new(
        connection: &'a mut HolderConnection,
        accounting: &'a Accounting,
        is_small: bool,
        rate: MinRate,
    ) -> Self {
        Self { connection, accounting, is_small, rate }
    }

    /// The number of bytes that are missing; `None` if the document ends with the connection.
    pub(in crate::download) fn missing(&self) -> Option<u64> {
        self.connection.role.missing()
    }

    /// Reads once into `room`. Bytes after the document are not read: they are the next response, or
    /// belong to no response, such as the line end that some upload servers send. Returns the event
    /// of the bytes, which are at the start of `room`, or of the end; `None` if more bytes follow than
    /// there is room for.
    pub(in crate::download) fn read(
        &mut self,
        room: &mut [u8],
    ) -> Result<Option<DocumentEvent>, TransferError> {
        let missing = self.missing().and_then(|missing| usize::try_from(missing).ok());
        let most = missing.unwrap_or(usize::MAX).min(room.len());
        let room = room.get_mut(..most).unwrap_or_default();
        if room.is_empty() {
            return Ok(self.connection.role.next(&[]));
        }
        let address = self.connection.address();
        let mut count = self.connection.take_input(room);
        if count > 0 {
            self.accounting.count(address, self.is_small, count as u64);
        } else {
            let most = self.accounting.bandwidth.take(address, self.is_small, most as u64);
            let most = usize::try_from(most).unwrap_or(usize::MAX).min(room.len());
            let room = room.get_mut(..most).unwrap_or_default();
            count = self.rate.read(self.connection.stream(), room)?;
        }
        let role = &mut self.connection.role;
        match room.get(..count) {
            Some(bytes) if !bytes.is_empty() => Ok(role.next(bytes)),
            _ => Ok(Some(role.on_end(&[]))),
        }
    }
}
