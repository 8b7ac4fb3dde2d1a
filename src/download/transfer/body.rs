//! Writes the bytes of a document into a file (protocol.md sections 5.3 to 5.6).
//!
//! A small document is written when it is complete and its length and digest are verified. The bytes
//! of other documents are written as they arrive, so that an interrupted download can be resumed.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::time::Instant;

use super::accounting::Accounting;
use super::incoming::Incoming;
use super::min_rate::MinRate;
use crate::download::exchange::HolderConnection;
use crate::download::model::TransferError;
use crate::library::{Hasher, PartialFile};
use crate::limits;
use crate::net::SMALL;
use crate::protocol::role::{DocumentEnd, DocumentMeaning};
use crate::protocol::{ContentRange, Date, Digest, DocumentHead};
use crate::system::{self, PageAligned};

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// A document that was received.
#[derive(Clone, Copy, Debug)]
pub(in crate::download) struct Transferred {
    pub(in crate::download) length: u64,
    /// Whether the holder announced the length.
    pub(in crate::download) length_checked: bool,
    pub(in crate::download) last_modified: Option<Date>,
    /// The digest of the bytes.
    pub(in crate::download) digest: Digest,
    /// Whether it was compared with an expected digest.
    pub(in crate::download) digest_checked: bool,
}

/// What was received after a head.
pub(super) struct Received {
    /// The number of bytes.
    pub(super) bytes: u64,
    /// The last event; `None` if the document is longer than accepted.
    pub(super) end: Option<DocumentMeaning>,
}

/// A document that is being received.
pub(super) struct Body<'a> {
    head: &'a DocumentHead,
    partial: &'a mut PartialFile,
    /// Whether all received bytes are in the buffer, and none in the file.
    is_held_back: bool,
    buffer: PageAligned,
    begun: Instant,
    /// When the file was last found at its path.
    looked: Instant,
    /// The length of the document.
    expected: Option<u64>,
    /// The number of bytes that are accepted without a length.
    unannounced: u64,
    /// The bytes of it that are here, including those of earlier downloads.
    received: u64,
    hasher: Hasher,
    progress: &'a mut dyn FnMut(u64, Option<u64>),
}

impl<'a> Body<'a> {
    /// Begins to receive the document after this head. If the response is a part, the file must
    /// contain everything before it.
    pub(super) fn begin(
        limits: &limits::Downloads,
        head: &'a DocumentHead,
        partial: &'a mut PartialFile,
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
            buffer: PageAligned::new(room.unwrap_or(PIECE)),
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
    fn place(&self) -> usize {
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
        self.buffer = PageAligned::new(PIECE);
        Ok(())
    }

    /// Writes the received bytes of an interrupted download, so that it can be resumed.
    pub(super) fn break_off(&mut self) {
        let is_part = self.received > 0 && self.expected != Some(self.received);
        if self.is_held_back && is_part && self.head.digest.is_some() {
            // The caller has a more important error to report.
            let _ = self.write_beginning();
        }
    }

    /// Verifies length and digest, and completes the file.
    pub(super) fn finish(
        &mut self,
        end: Option<&DocumentMeaning>,
        request: Option<Digest>,
    ) -> Result<Transferred, TransferError> {
        self.check_length(end)?;
        let found = mem::take(&mut self.hasher).finish();
        let announced = request.or(self.head.digest);
        if let Some(expected) = announced.filter(|expected| *expected != found) {
            return Err(TransferError::WrongDigest { expected, found });
        }
        if self.is_held_back {
            self.write_whole().map_err(TransferError::File)?;
        }
        Ok(Transferred {
            length: self.received,
            length_checked: self.expected.is_some(),
            last_modified: self.head.last_modified,
            digest: found,
            digest_checked: announced.is_some(),
        })
    }

    fn write_whole(&mut self) -> io::Result<()> {
        self.partial.use_temporary()?;
        self.partial.restart(&mut Hasher::default())?;
        self.partial.file().write_all(&self.buffer)
    }

    /// Verifies the length, and completes a document whose beginning was taken for an empty line.
    fn check_length(&mut self, end: Option<&DocumentMeaning>) -> Result<(), TransferError> {
        let found = self.received;
        match end {
            Some(DocumentMeaning::End(DocumentEnd::Complete | DocumentEnd::Close)) => Ok(()),
            Some(DocumentMeaning::End(DocumentEnd::WithoutFirst(line_end))) => {
                self.put_in_front(line_end).map_err(TransferError::File)?;
                self.received += line_end.len() as u64;
                Ok(())
            }
            Some(_) => {
                Err(TransferError::Truncated { expected: self.expected.unwrap_or(found), found })
            }
            None => Err(TransferError::TooLarge(self.unannounced)),
        }
    }

    fn put_in_front(&mut self, separator: &str) -> io::Result<()> {
        self.hasher = Hasher::default();
        if !self.is_held_back {
            return put_before(self.partial.file(), separator.as_bytes(), &mut self.hasher);
        }
        let mut document = separator.as_bytes().to_vec();
        document.extend(self.buffer.iter().take(self.place()));
        self.hasher.update(&document);
        self.buffer = PageAligned::new(document.len());
        self.buffer.copy_from_slice(&document);
        Ok(())
    }
}

/// Inserts bytes at the beginning of a file, one chunk at a time: the file may not fit into memory.
/// Adds all bytes to `hasher`.
fn put_before(file: &File, first: &[u8], hasher: &mut Hasher) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    // The bytes that are not written yet; the first of them belongs at `place`.
    let mut moved = first.to_vec();
    let mut place = 0;
    loop {
        let count = match system::read_at(file, &mut piece, place) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        moved.extend_from_slice(piece.get(..count).unwrap_or_default());
        // The bytes that were just read can be overwritten.
        let rest = if count > 0 { moved.split_off(count) } else { Vec::new() };
        hasher.update(&moved);
        system::write_at(file, &moved, place)?;
        if count == 0 {
            return Ok(());
        }
        place += count as u64;
        moved = rest;
    }
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
        None => partial.use_temporary().map(|()| 0),
    };
    let kept = kept.map_err(TransferError::File)?;
    match head.content_range {
        // The part must be everything that is missing.
        Some(part) if part.first() != kept || part.first() + part.count() != part.length() => {
            Err(TransferError::OtherPart)
        }
        Some(_) => Ok(kept),
        None => partial.restart(hasher).map(|()| 0).map_err(TransferError::File),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn bytes_are_put_before_those_of_a_file_of_any_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect();
            std::fs::write(&path, &bytes).unwrap();
            let mut file = File::options().read(true).write(true).open(&path).unwrap();
            let mut hasher = Hasher::default();
            put_before(&file, b"\r\n", &mut hasher).unwrap();
            let mut found = Vec::new();
            file.read_to_end(&mut found).unwrap();
            let expected = [&b"\r\n"[..], &bytes].concat();
            assert!(found == expected, "{length}");
            let mut of_all = Hasher::default();
            of_all.update(&expected);
            assert_eq!(hasher.finish(), of_all.finish(), "{length}");
        }
    }
}
