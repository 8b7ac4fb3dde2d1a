//! A document on its way out (protocol.md sections 5.2, 5.3 and 5.6).

use std::io;
use std::net::IpAddr;
use std::thread;
use std::time::{Instant, SystemTime};

use super::handing_over::has_closed_early;
use super::lending::Lent;
use crate::library::{Entry, OpenDocument};
use crate::limits;
use crate::net::{Bandwidth, Connection, NetworkRates, ReadClock, SMALL};
use crate::protocol::dialect::ReplyStyle;
use crate::protocol::{ContentRange, Date, Digest, DocumentHead, DocumentReply};
use crate::system;
use crate::upload::send_meter::SendMeter;
use crate::upload::slots::Slot;

/// The last bytes, which are sent in one piece without further checks.
const LAST_PIECE: u64 = 64 * 1024;

/// One document that is sent, and what bounds its rate.
pub(super) struct Upload<'a> {
    pub(super) stream: &'a Connection,
    pub(super) reader: IpAddr,
    pub(super) document: &'a OpenDocument,
    pub(super) bandwidth: &'a Bandwidth,
    pub(super) network_rates: &'a NetworkRates,
    pub(super) meter: &'a SendMeter,
    pub(super) slot: &'a Slot,
    /// Bytes that it sends between two checks outside the slots.
    pub(super) outside_piece: u64,
    /// Only for a document that is handed over.
    pub(super) lent: Option<&'a Lent<'a>>,
    /// The form of the head for a program without extensions, in compatibility mode.
    pub(super) style: Option<ReplyStyle>,
}

/// The result of an upload.
pub(super) struct Sent {
    pub(super) count: u64,
    /// Whether the reader closed its side before the last byte was sent.
    pub(super) has_closed_early: bool,
}

/// The head of a reply with a document or a part of it.
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

/// Checks that a document, or a part of it, can be sent, before the head of the reply promises that:
/// its first byte can be read, and if it is sent in one piece, the file has not changed.
pub(super) fn check(document: &OpenDocument, part: Option<ContentRange>) -> io::Result<()> {
    let (first, count) = part.map_or((0, document.length), |part| (part.first(), part.count()));
    if count == 0 {
        return Ok(());
    }
    if count <= LAST_PIECE && document.length > LAST_PIECE && document.has_changed()? {
        return Err(changed());
    }
    loop {
        match system::read_at(&document.file, &mut [0], first) {
            Ok(0) => return Err(changed()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map(drop),
        }
    }
}

fn changed() -> io::Error {
    io::Error::other("the file has changed since it was opened")
}

/// Waits until bytes may be sent to a reader at the rate of all uploads and at that of its network, and returns
/// their number. `take` waits for one of the rates.
pub(super) fn granted(
    (bandwidth, network_rates): (&Bandwidth, &NetworkRates),
    take: impl Fn(&Bandwidth, u64) -> u64,
    reader: IpAddr,
    most: u64,
) -> u64 {
    let of_network = network_rates.of(reader).filter(|limit| limit.limit().is_some());
    let Some(of_network) = of_network else { return take(bandwidth, most) };
    let granted = take(&of_network, most);
    let mut taken = 0_u64;
    // What the network was granted is sent, however small the pieces of all uploads are.
    while taken < granted {
        taken = taken.saturating_add(take(bandwidth, granted.saturating_sub(taken)));
    }
    taken
}

impl Upload<'_> {
    /// Sends the document or a part of it, exactly as long as its head says.
    ///
    /// Before the last piece of a longer document, the file is checked: if it has changed meanwhile, the
    /// connection ends before its length is reached.
    pub(super) fn send(&self, head: DocumentHead, clock: &mut ReadClock) -> io::Result<Sent> {
        /// A shorter document arrives sooner if this thread sends it while the reader reads, whatever
        /// processor time that takes.
        const LONG: u64 = 32 * 1024 * 1024;
        /// Bytes of the head of a reply, or a few more.
        const HEAD: usize = 512;
        let part = head.content_range;
        let (first, count) =
            part.map_or((0, self.document.length), |part| (part.first(), part.count()));
        if count > LAST_PIECE {
            // It may take longer than data may stay unacknowledged.
            self.stream.tcp().map_or(Ok(()), system::allow_slow_reader)?;
            if self.lent.is_some() && system::WRITES_RESUME {
                self.stream.set_write_timeout(limits::HAND_OVER_CHECK)?;
            }
        }
        if count > LONG {
            // The upload slots bound how many of them there are.
            self.stream.tcp().map_or(Ok(()), system::lift_unsent_limit)?;
        }
        let mut bytes = Vec::with_capacity(HEAD);
        DocumentReply::Found(head).encode(&mut bytes);
        self.meter.begin();
        let has_closed = || self.lent.is_some() && has_closed_early(self.stream);
        if count == 0 {
            let has_closed_early = has_closed();
            clock.send(self.stream, &bytes)?;
            return Ok(Sent { count, has_closed_early });
        }
        match self.style {
            None => clock.send_more(self.stream, &bytes)?,
            Some(style) => {
                // Other programs treat the result of one read as the head.
                clock.send(self.stream, &style.head(&bytes))?;
                thread::sleep(limits::COMPAT_HEAD_PAUSE);
            }
        }
        let mut offset = first;
        let last = count.min(LAST_PIECE);
        // What is sent in one piece is sent right after its file was checked, and needs no second check.
        if count > LAST_PIECE {
            self.send_bytes(clock, &mut offset, count.saturating_sub(last))?;
            if self.document.has_changed()? {
                return Err(changed());
            }
        }
        let has_closed_early = has_closed();
        self.send_bytes(clock, &mut offset, last)?;
        Ok(Sent { count, has_closed_early })
    }

    fn send_bytes(&self, clock: &mut ReadClock, offset: &mut u64, count: u64) -> io::Result<()> {
        let is_small = self.document.length <= SMALL;
        let mut left = count;
        while left > 0 {
            let begun = Instant::now();
            let most = left.min(self.piece());
            let mut piece = self.take(is_small, most);
            clock.has_paused(self.stream, begun.elapsed())?;
            left = left.saturating_sub(piece);
            while piece > 0 {
                let file = &self.document.file;
                let sent = clock.send_file(self.stream, file, offset, piece)?;
                piece = piece.saturating_sub(sent);
                self.meter.add(sent);
                self.check_progress();
            }
        }
        Ok(())
    }

    /// Waits until bytes may be sent, and returns their number.
    fn take(&self, is_small: bool, most: u64) -> u64 {
        let rates = (self.bandwidth, self.network_rates);
        granted(
            rates,
            |bandwidth, most| {
                bandwidth.take_and_look(self.reader, is_small, most, || self.check_progress())
            },
            self.reader,
            most,
        )
    }

    fn check_progress(&self) {
        self.meter.check_reader(self.stream);
        if let Some(lent) = self.lent {
            lent.check_progress(self.stream, self.meter.sent());
        }
    }

    /// How many bytes may be sent next. An upload outside the slots waits for them.
    fn piece(&self) -> u64 {
        if self.document.length <= SMALL || !self.slot.is_outside() {
            return limits::SEND_PIECE;
        }
        self.slot.wait_outside(limits::SEND_CHECK);
        match self.slot.is_outside() {
            true => self.outside_piece,
            false => limits::SEND_PIECE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::library::{Depth, Library};
    use crate::protocol::{ByteRange, Document};

    #[test]
    fn what_cannot_be_read_is_not_promised() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rfc1.txt");
        fs::write(&path, vec![1; 100_000]).unwrap();
        let library = Library::scan(directory.path(), Depth::Directory).unwrap();
        let rfc = Document::Rfc("1".parse().unwrap());
        let open = || library.read().entry(&rfc).unwrap().open().unwrap();
        let part = ContentRange::of(ByteRange::start(50_000), 100_000);
        let (document, mut unreadable) = (open(), open());
        // A file that is open only for writing stands for a fault of the disk.
        unreadable.file = File::options().write(true).open(&path).unwrap();
        for part in [None, part] {
            check(&document, part).unwrap();
            check(&unreadable, part).unwrap_err();
        }
        fs::write(&path, "short").unwrap();
        check(&document, part).unwrap_err();
        fs::write(&path, "").unwrap();
        check(&document, None).unwrap_err();
        // Of an empty document nothing has to be read.
        unreadable.length = 0;
        check(&unreadable, None).unwrap();
    }
}
