//! Reads the bytes of a document from its holder (protocol.md sections 5.3, 5.4 and 7).

use std::net::Shutdown;
use std::time::Instant;

use super::accounting::Accounting;
use super::min_rate::MinRate;
use crate::download::exchange::HolderConnection;
use crate::download::model::TransferError;
use crate::limits;
use crate::protocol::role::DocumentEvent;
use crate::protocol::starts_status_line;

/// A document that arrives on a connection: at most at the rate that the user allows, and at least at the
/// rate that a holder must reach.
pub(in crate::download) struct Incoming<'a> {
    connection: &'a mut HolderConnection,
    accounting: &'a Accounting,
    is_small: bool,
    rate: MinRate,
    /// Whether this side has ended the connection, so that a holder that waits for that ends it, too.
    has_ended: bool,
}

impl<'a> Incoming<'a> {
    /// A document whose head was read from this connection.
    pub(in crate::download) fn new(
        connection: &'a mut HolderConnection,
        accounting: &'a Accounting,
        is_small: bool,
        rate: MinRate,
    ) -> Self {
        Self { connection, accounting, is_small, rate, has_ended: false }
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
            count = self.read_more(room)?;
        }
        let role = &mut self.connection.role;
        match room.get(..count) {
            Some(bytes) if !bytes.is_empty() => Ok(role.next(bytes)),
            _ => Ok(Some(role.on_end(&[]))),
        }
    }

    /// Reads once; 0 is the end of the document.
    ///
    /// A document that is complete only if the connection ends here is not waited for: some upload servers
    /// wait for the client to close. After a silence this side ends its half of the connection. Then the
    /// holder does the same, or begins another reply, or it was only slow and sends the rest.
    fn read_more(&mut self, room: &mut [u8]) -> Result<usize, TransferError> {
        let Self { connection, rate, .. } = self;
        let role = &connection.role;
        if self.has_ended || !role.bounds().may_deviate() || !role.may_end_with_connection() {
            return rate.read(connection.stream(), room);
        }
        let until = Instant::now() + limits::DOCUMENT_SILENCE;
        if let Some(count) = rate.read_until(connection.stream(), room, Some(until))? {
            return Ok(count);
        }
        self.has_ended = true;
        // A failure shows when the connection is read.
        let _ = connection.stream().shutdown(Shutdown::Write);
        let mut chunk = [0; 1024];
        let count = rate.read(connection.stream(), &mut chunk)?;
        let read = chunk.get(..count).unwrap_or_default();
        if starts_status_line(read) {
            return Ok(0);
        }
        connection.input.extend_from_slice(read);
        Ok(connection.take_input(room))
    }
}
