//! A connection to a holder, on which requests were sent (protocol.md sections 5.1 and 5.7).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::download::model::{Source, TransferError};
use crate::net::{Connection, WatchedStream};
use crate::protocol::role::{DocumentClient, DocumentMeaning};

/// A connection to a holder.
#[derive(Debug)]
pub(in crate::download) struct HolderConnection {
    pub(super) source: Source,
    stream: Arc<WatchedStream>,
    address: IpAddr,
    /// When the current request was sent. For one that was sent ahead: when its response was first
    /// awaited.
    pub(super) requested_at: Instant,
    /// Bytes that were read and not yet used.
    pub(in crate::download) input: Vec<u8>,
    /// Reads the responses. On the heap, because a connection is moved several times for each response.
    /// Reads the responses. On the heap, because a connection is moved several times for each response.
    pub(in crate::download) role: Box<DocumentClient>,
}

impl HolderConnection {
    pub(in crate::download) fn new(
        source: &Source,
        stream: WatchedStream,
    ) -> Result<Self, TransferError> {
        let address = stream.peer_addr().map_err(TransferError::Lost)?.ip();
        let (requested_at, input) = (Instant::now(), Vec::new());
        let role = Box::new(DocumentClient::new());
        let stream = Arc::new(stream);
        Ok(Self { source: source.clone(), stream, address, requested_at, input, role })
    }

    pub(in crate::download) fn stream(&self) -> &Connection {
        &self.stream
    }

    /// A handle by which another thread can shut the connection down.
    pub(in crate::download) fn shared_stream(&self) -> Arc<WatchedStream> {
        Arc::clone(&self.stream)
    }

    /// The holder's address.
    pub(in crate::download) fn address(&self) -> IpAddr {
        self.address
    }

    pub(in crate::download) fn requested_at(&self) -> Instant {
        self.requested_at
    }

    /// Moves bytes that were read after the head to the start of `room`; returns their number.
    pub(in crate::download) fn take_input(&mut self, room: &mut [u8]) -> usize {
        let count = room.len().min(self.input.len());
        if let (Some(room), Some(bytes)) = (room.get_mut(..count), self.input.get(..count)) {
            room.copy_from_slice(bytes);
        }
        self.input.drain(..count);
        count
    }

    /// The first of the bytes that have arrived and belong to no response. Does not wait.
    pub(in crate::download) fn into_unsolicited(mut self) -> Vec<u8> {
        let mut chunk = [0; 64];
        if self.has_arrived()
            && let Ok(count) = self.stream.try_read(&mut chunk)
        {
            self.input.extend(chunk.iter().take(count));
        }
        let event = self.role.next(&self.input);
        let is_surplus = event.is_some_and(|event| event.meaning == DocumentMeaning::Surplus);
        if is_surplus { self.input } else { Vec::new() }
    }

    /// Whether bytes have arrived that belong to no response.
    pub(in crate::download) fn has_unsolicited(&self) -> bool {
        self.role.awaited() == 0 && (!self.input.is_empty() || self.has_arrived())
    }

    /// Whether unread bytes are known to have arrived.
    fn has_arrived(&self) -> bool {
        self.stream.has_unread() == Some(true)
    }
}
