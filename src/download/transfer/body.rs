//! Receives the bytes of a document (protocol.md sections 5.3 to 5.6).
//!
//! A small document is held back until it is complete and its length and digest are verified. The bytes
//! of other documents are written as they arrive, so that an interrupted download can be resumed.

use std::io::{self, Write};
use std::time::Instant;

use super::accounting::Accounting;
use super::incoming::Incoming;
use super::min_rate::MinRate;
use crate::download::exchange::HolderConnection;
use crate::download::model::TransferError;
use crate::library::{Hasher, PartialFile};
use crate::limits;
use crate::net::SMALL;
use crate::protocol::role::DocumentMeaning;
use crate::protocol::{ContentRange, DocumentHead};
use crate::system::PageAligned;

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// What was received after a head.
pub(super) struct Received {
    /// The number of bytes.
    pub(super) bytes: u64,
    /// The last event; `None` if the document is longer than accepted.
    pub(super) end: Option<DocumentMeaning>,
}

/// A document that is being received.
pub(super) struct Body<'a> {
    pub(super) head: &'a DocumentHead,
    pub(super) partial: &'a mut PartialFile,
    /// Whether all received bytes are in the buffer, and none in the file.
    pub(super) is_held_back: bool,
    pub(super) buffer: PageAligned,
    begun: Instant,
    /// When the file was last found at its path.
    looked: Instant,
    /// The length of the document.
    pub(super) expected: Option<u64>,
    /// The number of bytes that are accepted without a length.
    pub(super) unannounced: u64,
    /// The bytes of it that are here, including those of earlier downloads.
    pub(super) received: u64,
    pub(super) hasher: Hasher,
    progress: &'a mut dyn FnMut(u64, Option<u64>),
}

impl<'a> Body<'a> {
    /// Begins to receive the document after this head. If the response is a part, the file must
    /// contain everything before it. `buffer` is that of an earlier document.
    pub(super) fn begin(
        limits: &limits::Downloads,
        head: &'a DocumentHead,
        partial: &'a mut PartialFile,
        buffer: Option<PageAligned>,
        progress: &'a mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Self, TransferError> {
        let begun = Instant::now();
        let mut hasher = Hasher::default();
        let whole = head.content_length.filter(|_| head.content_range.is_none());
        let whole = whole.filter(|length| *length <= SMALL);
        let room = whole.and_then(|length| usize::try_from(length).ok());
        let received = match room {
            Some(_) => 0,
            None => prepare(head, partial, &mut hasher)?,
        };
        Ok(Self {
            head,
            partial,
            is_held_back: room.is_some(),
            buffer: buffer_of(room.unwrap_or(PIECE), buffer),
            begun,
            looked: begun,
            expected: head.content_range.map(ContentRange::length).or(head.content_length),
            unannounced: limits.unannounced_length,
            received,
            hasher,
            progress,
        })
    }

    /// Reads until the document is complete or the connection ends.
    pub(super) fn receive(
        &mut self,
        accounting: &Accounting,
        connection: &mut HolderConnection,
        rate: MinRate,
    ) -> Result<Received, TransferError> {
        let before = self.received;
        // Report the bytes that are here already, before any byte of this response is counted.
        (self.progress)(self.received, self.expected);
        let is_small = self.expected.is_some_and(|length| length <= SMALL);
        let mut incoming = Incoming::new(connection, accounting, is_small, rate);
        let end = loop {
            // Without a length, one byte more than is accepted.
            let accepted = self.unannounced.saturating_add(1).saturating_sub(self.received);
            let most = incoming.missing().unwrap_or(accepted).min(PIECE as u64);
            let start = self.place();
            match incoming.read(self.room(start, most)?)? {
                Some(event) if matches!(event.meaning, DocumentMeaning::Bytes(_)) => {
                    self.take(start, event.used, incoming.missing())?;
                }
                end => break end,
            }
        };
        Ok(Received { bytes: self.received - before, end: end.map(|event| event.meaning) })
    }

    /// The place of the next bytes in the buffer.
    pub(super) fn place(&self) -> usize {
        if self.is_held_back { usize::try_from(self.received).unwrap_or(usize::MAX) } else { 0 }
    }

    /// `count` bytes of the buffer from `start`.
    fn room(&mut self, start: usize, count: u64) -> Result<&mut [u8], TransferError> {
        let end = usize::try_from(count).ok().and_then(|count| start.checked_add(count));
        let room = end.and_then(|end| self.buffer.get_mut(start..end));
        room.ok_or_else(|| TransferError::File(io::ErrorKind::OutOfMemory.into()))
    }

    /// Takes bytes of the document that were read into the buffer.
    fn take(
        &mut self,
        start: usize,
        count: usize,
        missing: Option<u64>,
    ) -> Result<(), TransferError> {
        let bytes = self.buffer.get(start..start.saturating_add(count)).unwrap_or_default();
        self.hasher.update(bytes);
        self.received = self.received.saturating_add(count as u64);
        if !self.is_held_back {
            self.partial.file().write_all(bytes).map_err(TransferError::File)?;
        } else if missing != Some(0) && self.begun.elapsed() >= limits::PLACE_CHECK_INTERVAL {
            self.write_beginning()?;
        }
        if self.looked.elapsed() >= limits::PLACE_CHECK_INTERVAL {
            self.partial.check_place().map_err(TransferError::File)?;
            self.looked = Instant::now();
        }
        (self.progress)(self.received, self.expected);
        Ok(())
    }

    /// Writes the bytes that were held back. Later bytes are written as they arrive.
    fn write_beginning(&mut self) -> Result<(), TransferError> {
        prepare(self.head, self.partial, &mut Hasher::default())?;
        let end = self.place();
        let held_back = self.buffer.get(..end).unwrap_or_default();
        self.partial.file().write_all(held_back).map_err(TransferError::File)?;
        self.is_held_back = false;
        if self.buffer.len() < PIECE {
            self.buffer = PageAligned::new(PIECE);
        }
        Ok(())
    }

    /// The buffer, for the next document.
    pub(super) fn into_buffer(self) -> PageAligned {
        self.buffer
    }

    /// Writes the received bytes of an interrupted download, so that it can be resumed.
    pub(super) fn break_off(&mut self) {
        let is_part = self.received > 0 && self.expected != Some(self.received);
        if self.is_held_back && is_part && self.head.digest.is_some() {
            // The caller has a more important error to report.
            let _ = self.write_beginning();
        }
    }
}

/// A buffer of at least this length: the old one if it is long enough.
fn buffer_of(length: usize, old: Option<PageAligned>) -> PageAligned {
    // Lengths of documents differ, so a new buffer has room for somewhat longer ones.
    let new = || PageAligned::new(length.next_power_of_two());
    old.filter(|old| old.len() >= length).unwrap_or_else(new)
}

/// Prepares the file for the bytes after a head. Returns the number of bytes that are in it.
fn prepare(
    head: &DocumentHead,
    partial: &mut PartialFile,
    hasher: &mut Hasher,
) -> Result<u64, TransferError> {
    let most = head.content_range.map_or(u64::MAX, ContentRange::first);
    let kept = match &head.digest {
        Some(digest) => partial.resume(digest, most, hasher),
        None => partial.claim().map(|is_claimed| is_claimed.then_some(0)),
    };
    let kept = kept.map_err(TransferError::File)?.ok_or(TransferError::InUse)?;
    match head.content_range {
        // The part must be everything that is missing.
        Some(part) if part.first() != kept || part.first() + part.count() != part.length() => {
            Err(TransferError::OtherPart)
        }
        Some(_) => Ok(kept),
        None => partial.restart(hasher).map(|()| 0).map_err(TransferError::File),
    }
}
