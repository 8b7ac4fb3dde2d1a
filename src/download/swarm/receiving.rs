//! Receives the bytes of a segment, and writes them into the file (protocol.md section 5.6).

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::{Receiving, Swarm};
use crate::download::exchange::Response;
use crate::download::model::TransferError;
use crate::download::transfer::{Incoming, MinRate};
use crate::library::ChunkedPart;
use crate::protocol::role::{DocumentEvent, DocumentMeaning};
use crate::protocol::{ContentRange, Endpoint};

/// Bytes that are read and written at a time.
const CHUNK: usize = 64 * 1024;

impl Swarm {
    /// Receives the part of a response that is in the range of this worker. Returns the number of
    /// bytes that were written.
    pub(super) fn receive(
        &self,
        worker: usize,
        holder: &Endpoint,
        range: &Range<u64>,
        response: Response,
        rate: MinRate,
    ) -> Result<u64, TransferError> {
        let Response { head, mut connection } = response;
        let found = head.digest.ok_or(TransferError::NoDigest)?;
        if found != self.digest {
            return Err(TransferError::OtherVersion { expected: self.digest, found });
        }
        let length = head.content_range.map(ContentRange::length).or(head.content_length);
        // Without a range the whole document follows, and its beginning is skipped.
        let mut place = head.content_range.map_or(0, ContentRange::first);
        if length != Some(self.length) || place > range.start {
            return Err(TransferError::OtherPart);
        }
        {
            let mut state = self.lock();
            if head.last_modified.is_some() {
                state.last_modified = head.last_modified;
            }
            if state.is_over {
                return Ok(0);
            }
            let receiving = Receiving {
                holder: holder.clone(),
                since: Instant::now(),
                stream: connection.shared_stream(),
            };
            state.receiving.insert(worker, receiving);
        }
        let mut written: u64 = 0;
        let mut chunk = vec![0; CHUNK];
        let mut incoming = Incoming::new(&mut connection, &self.accounting, false, rate);
        loop {
            let event = incoming.read(&mut chunk)?;
            let Some(DocumentEvent { used, meaning: DocumentMeaning::Bytes(first), .. }) = event
            else {
                let expected = self.lock().segments.end(worker).unwrap_or(place);
                if place < expected {
                    return Err(TransferError::Truncated { expected, found: place });
                }
                break;
            };
            let skipped = range.start.saturating_sub(first).min(used as u64);
            let skipped_here = usize::try_from(skipped).unwrap_or(used);
            let bytes = chunk.get(skipped_here..used).unwrap_or_default();
            let (count, has_more) =
                self.write(worker, holder, bytes, first.saturating_add(skipped))?;
            written = written.saturating_add(count);
            place = first.saturating_add(used as u64);
            if !has_more {
                // The end of the document, if this was its last part.
                incoming.read(&mut [])?;
                break;
            }
        }
        if connection.has_unsolicited() {
            self.accounting.report_excess(holder, &connection.into_unsolicited());
        }
        Ok(written)
    }

    /// Writes the bytes that are in the range of this worker. Returns their number, and whether more
    /// of the range is missing.
    fn write(
        &self,
        worker: usize,
        holder: &Endpoint,
        bytes: &[u8],
        place: u64,
    ) -> Result<(u64, bool), TransferError> {
        let (count, writing) = {
            let mut state = self.lock();
            let Some(end) = state.segments.end(worker).filter(|_| !state.is_over) else {
                return Ok((0, false));
            };
            let count = end.saturating_sub(place).min(bytes.len() as u64);
            let Some(part) = state.part.clone().filter(|_| !bytes.is_empty()) else {
                return Ok((0, true));
            };
            state.writers += 1;
            (count, Writing { swarm: self, part: Some(part) })
        };
        let most = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
        let written = match (&writing.part, bytes.get(..most)) {
            (Some(part), Some(bytes)) => part.write(bytes, place),
            _ => Ok(()),
        };
        drop(writing);
        written.map_err(TransferError::File)?;
        let mut state = self.lock();
        state.segments.advance(worker, count, Instant::now());
        let delivered = state.delivered.entry(holder.clone()).or_default();
        *delivered = delivered.saturating_add(count);
        let has_more = state.segments.end(worker).is_some();
        if !has_more {
            self.changed.notify_all();
        }
        Ok((count, has_more))
    }
}

/// A worker that is writing. It releases the file before it is no longer counted.
struct Writing<'a> {
    swarm: &'a Swarm,
    part: Option<Arc<ChunkedPart>>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.part = None;
        let mut state = self.swarm.lock();
        state.writers = state.writers.saturating_sub(1);
        if state.is_over {
            self.swarm.changed.notify_all();
        }
    }
}
