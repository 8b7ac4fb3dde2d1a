//! The reply to one GET (protocol.md section 5).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::handing_over::hand_over;
use super::lending::{Lending, Lent};
use super::not_sent::NotSent;
use super::running::Running;
use super::sending::{Upload, check, head};
use super::settings::Uploads;
use super::totals::UploadTotals;
use crate::counted::counted;
use crate::counters::Cause;
use crate::library::{DigestCache, Entry, OpenDocument, SharedLibrary, UnpackedCopies};
use crate::limits;
use crate::net::{Connection, Permits, ReadClock, SMALL, Stop, send};
use crate::protocol::dialect::ReplyStyle;
use crate::protocol::{
    ContentRange, Digest, Document, DocumentHead, DocumentRequest, HeaderText, Refusal, Status,
    encode_refusal,
};
use crate::upload::send_meter::SendMeter;
use crate::upload::slots::{Needs, Slot};

/// Why a request for another document is refused.
pub(super) const NOT_SHARED: &str =
    "expected a document that this peer shares, found none (protocol.md section 5.1)";
/// What every reason ends with: a refusal ends the connection.
pub(super) const CLOSED: &str = "; the connection is closed";

/// A reason with its end. A long reason is cut before it.
fn with_end(reason: &str) -> String {
    let cut = reason.floor_char_boundary(limits::HEADER_TEXT.saturating_sub(CLOSED.len()));
    format!("{}{CLOSED}", reason.get(..cut).unwrap_or(reason))
}

/// State that all uploads share.
pub(super) struct Sharing {
    pub(super) library: SharedLibrary,
    pub(super) uploads: Uploads,
    pub(super) permits: Permits,
    /// Connections above which none is kept open: others are waiting for their places.
    pub(super) kept_open: usize,
    pub(super) stop: Stop,
    pub(super) lending: Lending,
    pub(super) copies: UnpackedCopies,
    pub(super) totals: Arc<UploadTotals>,
    pub(super) running: Arc<Running>,
}

/// The connection of a reader.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) stream: &'a Arc<Connection>,
    pub(super) address: SocketAddr,
    /// Its number at the permits.
    pub(super) number: u64,
    /// When the last request was read, and its method as it is counted.
    pub(super) asked: Instant,
    pub(super) method: usize,
    /// The form of the reply, in compatibility mode.
    pub(super) style: Option<ReplyStyle>,
}

/// The state of a connection after the reply.
pub(super) enum Then {
    Close,
    KeepOpen,
    /// The connection broke, which was logged.
    Broken,
}

/// A document that can be sent.
struct Prepared<'a> {
    document: OpenDocument,
    slot: Slot,
    digest: Option<Digest>,
    /// Only for a document that is handed over.
    lent: Option<Lent<'a>>,
}

impl Sharing {
    /// Answers one request. What keeps its place among the uploads is left in `slot`.
    pub(super) fn answer(
        &self,
        reader: &Reader<'_>,
        request: &DocumentRequest,
        clock: &mut ReadClock,
        slot: &mut Option<Slot>,
    ) -> io::Result<Then> {
        let Reader { stream, address, .. } = *reader;
        let wanted = &request.document;
        let Some(entry) = self.library.read().entry(wanted).cloned() else {
            log::info!("{address} GET {wanted}: 404 Not Found, {NOT_SHARED}{CLOSED}");
            return self.refuse(reader, Cause::NotFound, Refusal::NotFound, NOT_SHARED);
        };
        let meter = Arc::new(SendMeter::start());
        let prepared = match self.prepare(request, &entry, reader, &meter) {
            Ok(prepared) => prepared,
            Err(error) => return self.not_sent(reader, wanted, &error),
        };
        let Prepared { document, slot: taken, digest, lent } = prepared;
        let slot = &*slot.insert(taken);
        let part = request.range.map(|range| ContentRange::of(range, document.length));
        if part == Some(None) {
            let bytes = if document.length == 1 { "byte" } else { "bytes" };
            let length = document.length;
            let reason = format!(
                "expected a part of the document, which has {length} {bytes}, found one after its end \
                 (protocol.md section 5.6)"
            );
            log::info!("{address} GET {wanted}: 416 Range Not Satisfiable, {reason}{CLOSED}");
            return self.refuse(reader, Cause::Range, Refusal::RangeNotSatisfiable, &reason);
        }
        let part = part.flatten();
        if let Err(error) = check(&document, part) {
            return self.not_sent(reader, wanted, &error.into());
        }
        let keep_alive = request.keep_alive && self.may_keep_open();
        let head = DocumentHead { keep_alive, ..head(&entry, &document, part, digest) };
        let total = head.content_length.unwrap_or(document.length);
        let upload = Upload {
            stream,
            reader: address.ip(),
            document: &document,
            bandwidth: &self.uploads.bandwidth,
            network_rates: &self.uploads.network_rates,
            meter: &meter,
            slot,
            outside_piece: self.uploads.limits.outside_piece(),
            lent: lent.as_ref(),
            style: reader.style,
        };
        let status = if part.is_some() { Status::PartialContent } else { Status::Ok };
        self.count(reader, status);
        let listed = self.running.begin(wanted, address, total, &meter);
        let sent = upload.send(head, clock);
        drop(listed);
        self.totals.add_sent(meter.sent());
        slot.end_sending();
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                let sent = meter.sent();
                log::warn!(
                    "{address} GET {wanted}: upload ended after {sent} of {}: {error}",
                    counted(total, "byte")
                );
                return Ok(Then::Broken);
            }
        };
        self.totals.add(sent.count);
        let whole = if request.range.is_some() { "the requested part" } else { "complete" };
        let (count, length) = (sent.count, counted(document.length, "byte"));
        log::info!("{address} GET {wanted}: {count} of {length}, {whole}");
        match lent {
            Some(_) if sent.has_closed_early => {
                log::warn!("{wanted} stays here: {address} closed its side before all was sent");
            }
            Some(lent) => {
                let directory = self.library.read().directory_of(&entry).to_path_buf();
                let sent = (&*entry, &document, directory.as_path());
                hand_over(&lent, stream, &self.stop, clock, sent, address);
            }
            None => {}
        }
        Ok(if keep_alive { Then::KeepOpen } else { Then::Close })
    }

    /// Opens a document, and finds out what has to be known before it is sent.
    fn prepare(
        &self,
        request: &DocumentRequest,
        entry: &Entry,
        reader: &Reader<'_>,
        meter: &Arc<SendMeter>,
    ) -> Result<Prepared<'_>, NotSent> {
        let wanted = &request.document;
        // A part hands nothing over.
        let hands_over = request.range.is_none()
            && self.library.read().hands_over(entry, self.uploads.hand_over);
        if hands_over && self.lending.is_lent(wanted) {
            return Err(NotSent::BeingHandedOver);
        }
        let (document, slot) = self.open(wanted, entry, reader, meter)?;
        let digest = if request.want_digest { self.digest(&document)? } else { None };
        // From here on nothing but the reader is waited for.
        let lent = match hands_over {
            true => Some(self.lending.lend(wanted).ok_or(NotSent::BeingHandedOver)?),
            false => None,
        };
        if lent.is_some() {
            // The file may have been handed over since it was opened.
            entry.check(&document)?;
        }
        Ok(Prepared { document, slot, digest, lent })
    }

    /// Opens a document when its upload may begin. A large one gets a slot, and a packed one is
    /// unpacked when it has it.
    fn open(
        &self,
        wanted: &Document,
        entry: &Entry,
        reader: &Reader<'_>,
        meter: &Arc<SendMeter>,
    ) -> Result<(OpenDocument, Slot), NotSent> {
        if entry.is_packed() {
            let length = self.library.read().content(wanted).length;
            let slot = self.begin(length.unwrap_or(u64::MAX), reader, meter)?;
            return Ok((entry.open_shared(&self.copies)?, slot));
        }
        let document = entry.open()?;
        let slot = self.begin(document.length, reader, meter)?;
        Ok((document, slot))
    }

    /// Waits until the upload of a document of this length may begin. Meanwhile the connection may be
    /// closed for one of another network.
    fn begin(
        &self,
        length: u64,
        reader: &Reader<'_>,
        meter: &Arc<SendMeter>,
    ) -> Result<Slot, NotSent> {
        let slots = &self.uploads.slots;
        let address = reader.address.ip();
        // A small document is sent before a slot would be free.
        let needs = if length > SMALL { Needs::Slot } else { Needs::NoSlot };
        if let Some(slot) = slots.take_now(address, needs, meter) {
            return Ok(slot);
        }
        let evictable = self.permits.offer_eviction(reader.number, reader.stream, false);
        let is_gone = || evictable.is_evicted();
        let slot = slots.take(address, needs, meter, self.uploads.limits.slot_wait, is_gone);
        slot.filter(|_| !is_gone()).ok_or(NotSent::NoSlot)
    }

    /// The digest of a document: known, or computed if that does not take long. A reply without one
    /// is better than one that comes late.
    fn digest(&self, document: &OpenDocument) -> io::Result<Option<Digest>> {
        // Nobody else waits for the library while a file is read.
        let digests = self.library.read().digests();
        if let Some(digest) = digests.known(document) {
            return Ok(Some(digest));
        }
        if document.length > self.uploads.limits.digest_at_once {
            return Ok(None);
        }
        digests.compute(document, &mut DigestCache::buffer(), &|| !self.stop.is_stopping())
    }

    /// Counts a request whose reply is ready.
    pub(super) fn count(&self, reader: &Reader<'_>, status: Status) {
        let Reader { number, method, asked, .. } = *reader;
        self.totals.add_request(number, method, status, asked.elapsed());
    }

    /// Refuses a request for a document that is shared.
    fn not_sent(
        &self,
        reader: &Reader<'_>,
        wanted: &Document,
        error: &NotSent,
    ) -> io::Result<Then> {
        let refusal = error.refusal();
        let level = match error {
            NotSent::BeingHandedOver => log::Level::Info,
            NotSent::NoSlot | NotSent::File(_) => log::Level::Warn,
        };
        let address = reader.address;
        log::log!(level, "{address} GET {wanted}: {}, {error}{CLOSED}", Status::from(refusal));
        self.refuse(reader, error.cause(), refusal, &error.to_string())
    }

    /// Refuses a request; the reason is sent where that is wanted.
    pub(super) fn refuse(
        &self,
        reader: &Reader<'_>,
        cause: Cause,
        refusal: Refusal,
        reason: &str,
    ) -> io::Result<Then> {
        self.count(reader, refusal.into());
        self.permits.refusals().add(cause);
        let reason = self.uploads.explain.then(|| HeaderText::folded(&with_end(reason))).flatten();
        let mut reply = Vec::new();
        encode_refusal(refusal, reason.as_ref(), &mut reply);
        let reply = match reader.style {
            None => reply,
            Some(style) => style.head(&reply),
        };
        send(reader.stream, &reply)?;
        Ok(Then::Close)
    }

    /// Whether nobody waits for the place of a connection, or for its end.
    fn may_keep_open(&self) -> bool {
        !self.uploads.hand_over
            && self.permits.taken() <= self.kept_open
            && !self.stop.is_draining()
    }
}
