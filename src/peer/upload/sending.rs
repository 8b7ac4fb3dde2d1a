//! A document on its way out (protocol.md sections 5.2, 5.3 and 5.6).

use std::io::{self, Seek, SeekFrom};
use std::net::{IpAddr, TcpStream};
use std::time::SystemTime;

use crate::library::{Entry, OpenDocument};
use crate::net::{send, send_before, send_file};
use crate::peer::bandwidth::{Bandwidth, SMALL};
use crate::peer::send_meter::SendMeter;
use crate::protocol::{ContentRange, Date, Digest, DocumentHead, DocumentReply};
use crate::system;

/// How fast one upload may be.
#[derive(Clone, Copy)]
pub(super) struct Pace<'a> {
    pub(super) bandwidth: &'a Bandwidth,
    pub(super) address: IpAddr,
    pub(super) meter: &'a SendMeter,
}

impl Pace<'_> {
    fn send(self, stream: &TcpStream, document: &OpenDocument, count: u64) -> io::Result<()> {
        let is_small = document.length <= SMALL;
        let mut left = count;
        while left > 0 {
            let count = self.bandwidth.take(self.address, is_small, left);
            send_file(stream, &document.file, count)?;
            self.meter.add(count);
            left -= count;
        }
        Ok(())
    }
}

/// What is said of a document before its bytes, or before a part of them.
pub(super) fn head(
    entry: &Entry,
    document: &OpenDocument,
    part: Option<ContentRange>,
    digest: Option<Digest>,
) -> DocumentHead {
    DocumentHead {
        date: Some(Date::clamped(SystemTime::now())),
        os: system::operating_system().parse().ok(),
        last_modified: Some(Date::clamped(document.modified)),
        content_length: Some(part.map_or(document.length, ContentRange::count)),
        content_type: entry.media_type().parse().ok(),
        content_range: part,
        digest,
        keep_alive: false,
    }
}

/// Sends a document or a part of it, exactly as long as its head says; returns how long that is.
///
/// Of a document that takes longer than one piece, the last one waits for a look at the file: one
/// that changed meanwhile is not passed off as whole, the connection ends before its length is
/// reached.
pub(super) fn upload(
    stream: &TcpStream,
    pace: Pace<'_>,
    document: &OpenDocument,
    head: DocumentHead,
) -> io::Result<u64> {
    const LAST_PIECE: u64 = 64 * 1024;
    /// What is shorter is there sooner if this thread sends it beside its reader, whatever that
    /// takes of the processors.
    const LONG: u64 = 32 * 1024 * 1024;
    /// What the head of a reply takes, or a bit more.
    const HEAD: usize = 512;
    let part = head.content_range;
    let (first, count) = part.map_or((0, document.length), |part| (part.first(), part.count()));
    if count > LONG {
        // The upload slots bound how many of them there are.
        system::lift_unsent_bound(stream)?;
    }
    let mut bytes = Vec::with_capacity(HEAD);
    DocumentReply::Found(head).encode(&mut bytes);
    match count {
        0 => send(stream, &bytes)?,
        _ => send_before(stream, &bytes)?,
    }
    if first > 0 {
        (&document.file).seek(SeekFrom::Start(first))?;
    }
    let last = count.min(LAST_PIECE);
    // What is one piece follows the look with which it was opened, and needs no other.
    if document.length > LAST_PIECE {
        pace.send(stream, document, count - last)?;
        if document.has_changed()? {
            return Err(io::Error::other("the file changed while it was sent"));
        }
    }
    pace.send(stream, document, last)?;
    Ok(count)
}
