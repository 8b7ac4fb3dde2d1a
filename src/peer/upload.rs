//! The upload server: a thread that accepts, and a worker for each upload (protocol.md section 5).
//!
//! It serves what the library shares, one document a connection, and closes.

use std::io::{self, Seek, SeekFrom};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime};

use super::bandwidth::{Bandwidth, SMALL};
use crate::library::{Digests, Entry, OpenDocument, SharedLibrary};
use crate::limits;
use crate::net::{Permits, Receiver, Service, Stop, accept_loop, close_gently, send, send_file};
use crate::protocol::{
    ContentRange, Date, DecodeError, Digest, DocumentHead, DocumentReply, DocumentRequest,
    HeaderText, Refusal, RequestDecoder, Status,
};
use crate::system;

/// The upload server of a peer. It ends when it is dropped.
#[derive(Debug)]
pub struct UploadServer {
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl UploadServer {
    /// Starts the thread that serves the library's documents, within a limit of bytes a second.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        listener: TcpListener,
        library: SharedLibrary,
        bandwidth: Bandwidth,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = Stop::new();
        let service = Service {
            name: "upload",
            permits: Permits::new(limits::UPLOADS, limits::UPLOADS_PER_ADDRESS),
            stop: stop.clone(),
            handle: move |stream: &Arc<TcpStream>, address, _| {
                serve(&library, &bandwidth, stream, address);
            },
        };
        let accept = move || thread::scope(|scope| accept_loop(scope, &listener, &service));
        let thread = thread::Builder::new().name("upload".into()).spawn(accept)?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for UploadServer {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

fn serve(library: &SharedLibrary, bandwidth: &Bandwidth, stream: &TcpStream, address: SocketAddr) {
    let outcome = match receive(stream) {
        Ok(Some(Ok(request))) => answer(library, bandwidth, stream, &request, address),
        Ok(Some(Err(error))) => {
            log::warn!("{address}: {}, {error}", Status::from(error.refusal));
            refuse(stream, error.refusal)
        }
        Ok(None) => return,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => close_gently(stream),
        Err(error) => log::warn!("{address}: upload ended: {error}"),
    }
}

fn answer(
    library: &SharedLibrary,
    bandwidth: &Bandwidth,
    stream: &TcpStream,
    request: &DocumentRequest,
    address: SocketAddr,
) -> io::Result<()> {
    let wanted = &request.document;
    let Some(entry) = library.read().entry(wanted).cloned() else {
        log::info!("{address} GET {wanted}: 404 Not Found, it is not shared");
        return refuse(stream, Refusal::NotFound);
    };
    match entry.open() {
        Ok(document) => {
            let digest = match request.want_digest {
                true => digest(&library.read().digests(), &document)?,
                false => None,
            };
            let part = request.range.map(|range| ContentRange::of(range, document.length));
            if part == Some(None) {
                log::info!("{address} GET {wanted}: 416, it has {} bytes", document.length);
                return refuse(stream, Refusal::RangeNotSatisfiable);
            }
            let pace = Pace { bandwidth, address: address.ip() };
            let count = upload(stream, pace, &entry, &document, part.flatten(), digest)?;
            log::info!("{address} GET {wanted}: {count} of {} bytes", document.length);
            Ok(())
        }
        Err(error) => {
            log::warn!("{address} GET {wanted}: 404 Not Found, it cannot be opened: {error}");
            refuse(stream, Refusal::NotFound)
        }
    }
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
    let digest = digests.compute(document, &|| true)?;
    (&document.file).rewind()?;
    Ok(digest)
}

/// Reads the request; `None` if the connection was closed without one.
fn receive(stream: &TcpStream) -> io::Result<Option<Result<DocumentRequest, DecodeError>>> {
    // Counted from the connection, not from the first byte: who is silent holds a place, too.
    let deadline = Instant::now() + limits::HEAD_DEADLINE;
    let mut receiver = Receiver::new(stream);
    let mut decoder = RequestDecoder::new();
    loop {
        match decoder.decode(receiver.input()) {
            Ok(Some((request, _))) => return Ok(Some(Ok(request))),
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

fn refuse(stream: &TcpStream, refusal: Refusal) -> io::Result<()> {
    let mut reply = Vec::new();
    DocumentReply::Refused(refusal).encode(&mut reply);
    send(stream, &reply)
}

/// How fast one upload may be.
#[derive(Clone, Copy)]
struct Pace<'a> {
    bandwidth: &'a Bandwidth,
    address: IpAddr,
}

impl Pace<'_> {
    fn send(self, stream: &TcpStream, document: &OpenDocument, count: u64) -> io::Result<()> {
        let is_small = document.length <= SMALL;
        let mut left = count;
        while left > 0 {
            let count = self.bandwidth.take(self.address, is_small, left);
            send_file(stream, &document.file, count)?;
            left -= count;
        }
        Ok(())
    }
}

/// Sends a document or a part of it, exactly as long as its head says; returns how long that is.
///
/// The last piece waits for a look at the file: one that changed meanwhile is not passed off as
/// whole, the connection ends before its length is reached.
fn upload(
    stream: &TcpStream,
    pace: Pace<'_>,
    entry: &Entry,
    document: &OpenDocument,
    part: Option<ContentRange>,
    digest: Option<Digest>,
) -> io::Result<u64> {
    const LAST_PIECE: u64 = 64 * 1024;
    let (first, count) = part.map_or((0, document.length), |part| (part.first(), part.count()));
    let head = DocumentHead {
        date: Some(Date::clamped(SystemTime::now())),
        os: HeaderText::folded(&system::operating_system()),
        last_modified: Some(Date::clamped(document.modified)),
        content_length: Some(count),
        content_type: entry.media_type().parse().ok(),
        content_range: part,
        digest,
    };
    let mut bytes = Vec::new();
    DocumentReply::Found(head).encode(&mut bytes);
    send(stream, &bytes)?;
    (&document.file).seek(SeekFrom::Start(first))?;
    let last = count.min(LAST_PIECE);
    pace.send(stream, document, count - last)?;
    if document.has_changed()? {
        return Err(io::Error::other("the file changed while it was sent"));
    }
    pace.send(stream, document, last)?;
    Ok(count)
}
