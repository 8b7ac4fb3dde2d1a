//! The upload server: a thread that accepts, and a worker for each upload (protocol.md section 5).
//!
//! It serves what the library shares: one document a connection, or one after the other to whoever
//! asks for that (protocol.md section 5.7).

mod handing_over;
mod running;
mod sending;
mod totals;

use std::io::{self, Seek};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::bandwidth::{Bandwidth, SMALL};
use super::send_meter::SendMeter;
use super::slots::Slots;
use crate::library::{Digests, OpenDocument, SharedLibrary};
use crate::limits;
use crate::net::{
    Conduct, Permits, Receiver, Service, Stop, accept_loop, close_answered, close_gently, send,
};
use crate::protocol::{
    ContentRange, DecodeError, Digest, DocumentHead, DocumentReply, DocumentRequest, Refusal,
    RequestDecoder, Status,
};
use handing_over::{Lending, hand_over};
use running::Running;
pub use running::RunningUpload;
use sending::{Pace, head, upload};
pub use totals::UploadTotals;

/// How a peer uploads.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    /// The limit of bytes a second.
    pub bandwidth: Bandwidth,
    /// Large documents at once.
    pub slots: Slots,
    /// Connections from one network; nothing means 8.
    pub per_address: Option<NonZeroUsize>,
    /// Whether a document leaves the library when somebody else has read all of it.
    pub hand_over: bool,
}

/// The upload server of a peer. It ends when it is dropped.
#[derive(Debug)]
pub struct UploadServer {
    address: SocketAddr,
    stop: Stop,
    totals: Arc<UploadTotals>,
    running: Arc<Running>,
    thread: Option<JoinHandle<()>>,
}

impl UploadServer {
    /// Starts the thread that serves the library's documents.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        listener: TcpListener,
        library: SharedLibrary,
        uploads: Uploads,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = Stop::new();
        let per_address =
            uploads.per_address.map_or(limits::UPLOADS_PER_ADDRESS, NonZeroUsize::get);
        let permits = Permits::new(limits::UPLOADS, per_address);
        let totals = Arc::<UploadTotals>::default();
        let running = Arc::<Running>::default();
        let sharing = Sharing {
            library,
            uploads,
            permits: permits.clone(),
            lending: Lending::default(),
            totals: Arc::clone(&totals),
            running: Arc::clone(&running),
        };
        let handle =
            move |stream: &TcpStream, address, number| sharing.serve(stream, address, number);
        let service = Service::new("upload", permits, stop.clone(), handle);
        let accept = move || thread::scope(|scope| accept_loop(scope, &listener, &service));
        let thread = thread::Builder::new().name("upload".into()).spawn(accept)?;
        Ok(Self { address, stop, totals, running, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has sent, which still grows while it runs.
    pub fn totals(&self) -> Arc<UploadTotals> {
        Arc::clone(&self.totals)
    }

    /// The uploads that are running, the oldest first.
    pub fn running(&self) -> Vec<RunningUpload> {
        self.running.all()
    }
}

impl Drop for UploadServer {
    fn drop(&mut self) {
        self.stop.stop_within(limits::UPLOAD_GRACE);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// What all uploads share.
struct Sharing {
    library: SharedLibrary,
    uploads: Uploads,
    permits: Permits,
    lending: Lending,
    totals: Arc<UploadTotals>,
    running: Arc<Running>,
}

impl Sharing {
    fn serve(&self, stream: &TcpStream, address: SocketAddr, number: u64) -> Conduct {
        let mut conduct = Conduct::Sane;
        let mut receiver = Receiver::of_accepted(stream);
        let mut was_kept_open = false;
        let outcome = loop {
            let answered = match receive(&mut receiver) {
                Ok(Some(Ok(request))) => {
                    self.permits.has_asked(number);
                    self.answer(stream, &request, address)
                }
                Ok(Some(Err(error))) => {
                    log::warn!("{address}: {}, {error}", Status::from(error.refusal));
                    conduct = Conduct::Nonsense;
                    refuse(stream, error.refusal)
                }
                Ok(None) => return conduct,
                Err(error) => Err(error),
            };
            match answered {
                Ok(Then::Close) => break Ok(()),
                Ok(Then::KeepOpen) if !has_next(&mut receiver) => return conduct,
                Ok(Then::KeepOpen) => was_kept_open = true,
                Err(error) => break Err(error),
            }
        };
        match outcome {
            Ok(()) if conduct == Conduct::Sane && !was_kept_open => close_answered(stream),
            // What cannot be understood, or was asked ahead, may still be arriving.
            Ok(()) => close_gently(stream),
            Err(error) => log::warn!("{address}: upload ended: {error}"),
        }
        conduct
    }

    fn answer(
        &self,
        stream: &TcpStream,
        request: &DocumentRequest,
        address: SocketAddr,
    ) -> io::Result<Then> {
        let wanted = &request.document;
        let Some(entry) = self.library.read().entry(wanted).cloned() else {
            log::info!("{address} GET {wanted}: 404 Not Found, it is not shared");
            return refuse(stream, Refusal::NotFound);
        };
        let lent = self.uploads.hand_over.then(|| self.lending.lend(wanted));
        if let Some(None) = lent {
            log::info!("{address} GET {wanted}: 503, somebody else is getting it");
            return refuse(stream, Refusal::ServiceUnavailable);
        }
        let document = match entry.open() {
            Ok(document) => document,
            Err(error) => {
                log::warn!("{address} GET {wanted}: 404 Not Found, it cannot be opened: {error}");
                return refuse(stream, Refusal::NotFound);
            }
        };
        // What is small is gone before its turn would come.
        let is_large = document.length > SMALL;
        let slot = is_large.then(|| self.uploads.slots.take(address.ip(), limits::SLOT_WAIT));
        if let Some(None) = slot {
            log::info!("{address} GET {wanted}: 503, other uploads are not done yet");
            return refuse(stream, Refusal::ServiceUnavailable);
        }
        let digest = match request.want_digest {
            true => digest(&self.library.read().digests(), &document)?,
            false => None,
        };
        // Who gets the only copy gets it whole.
        let range = request.range.filter(|_| !self.uploads.hand_over);
        let part = range.map(|range| ContentRange::of(range, document.length));
        if part == Some(None) {
            log::info!("{address} GET {wanted}: 416, it has {} bytes", document.length);
            return refuse(stream, Refusal::RangeNotSatisfiable);
        }
        let meter = Arc::new(SendMeter::start());
        let pace =
            Pace { bandwidth: &self.uploads.bandwidth, address: address.ip(), meter: &meter };
        let keep_alive = request.keep_alive && self.may_keep_open();
        let head = DocumentHead { keep_alive, ..head(&entry, &document, part.flatten(), digest) };
        let total = head.content_length.unwrap_or(document.length);
        let listed = self.running.begin(wanted, address, total, &meter);
        let count = upload(stream, pace, &document, head)?;
        drop(listed);
        self.totals.add(count);
        log::info!("{address} GET {wanted}: {count} of {} bytes", document.length);
        if self.uploads.hand_over {
            hand_over(&self.library, stream, wanted, address);
        }
        Ok(if keep_alive { Then::KeepOpen } else { Then::Close })
    }

    /// Whether nobody waits for the place of a connection, or for its end.
    fn may_keep_open(&self) -> bool {
        !self.uploads.hand_over && self.permits.taken() <= limits::UPLOADS_KEPT_OPEN
    }
}

/// What becomes of a connection when its request was answered.
enum Then {
    Close,
    KeepOpen,
}

/// The digest of a document: known, or computed if that does not take long. A reply without one is
/// better than one that comes late.
fn digest(digests: &Digests, document: &OpenDocument) -> io::Result<Option<Digest>> {
    if let Some(digest) = digests.known(document) {
        return Ok(Some(digest));
    }
    if document.length > limits::DIGEST_AT_ONCE {
        return Ok(None);
    }
    let digest = digests.compute(document, &mut Digests::buffer(), &|| true)?;
    (&document.file).rewind()?;
    Ok(digest)
}

/// Waits for the next request, and returns whether some of it is there.
fn has_next(receiver: &mut Receiver<'_>) -> bool {
    let deadline = Instant::now() + limits::KEPT_OPEN;
    !receiver.input().is_empty() || receiver.fill(Some(deadline)).is_ok_and(|count| count > 0)
}

/// Reads a request; `None` if the connection was closed without one.
fn receive(
    receiver: &mut Receiver<'_>,
) -> io::Result<Option<Result<DocumentRequest, DecodeError>>> {
    // Counted from the connection, not from the first byte: who is silent holds a place, too.
    let deadline = Instant::now() + limits::HEAD_DEADLINE;
    let mut decoder = RequestDecoder::new();
    loop {
        match decoder.decode(receiver.input()) {
            Ok(Some((request, used))) => {
                receiver.take(used);
                return Ok(Some(Ok(request)));
            }
            Ok(None) => {}
            Err(error) => return Ok(Some(Err(error))),
        }
        match receiver.fill(Some(deadline)) {
            Ok(0) if receiver.input().is_empty() => return Ok(None),
            Ok(0) => return Ok(Some(Err(decoder.cut("the end of the connection")))),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Ok(Some(Err(decoder.cut("nothing more for 20 seconds"))));
            }
            Err(error) => return Err(error),
        }
    }
}

fn refuse(stream: &TcpStream, refusal: Refusal) -> io::Result<Then> {
    let mut reply = Vec::new();
    DocumentReply::Refused(refusal).encode(&mut reply);
    send(stream, &reply)?;
    Ok(Then::Close)
}
