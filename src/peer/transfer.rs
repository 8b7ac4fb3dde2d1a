//! One GET from one holder (protocol.md sections 5.1 to 5.6).

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::bandwidth::SMALL;
use super::fetch::Fetcher;
use super::transfer_error::TransferError;
use crate::library::{Hasher, Incoming};
use crate::limits;
use crate::net::{self, Receiver, read_before, send};
use crate::protocol::{
    ByteRange, ContentRange, Date, Digest, Document, DocumentHead, DocumentReply,
    DocumentReplyDecoder, DocumentRequest, Endpoint, HeaderText, Request,
};
use crate::system;

/// What came of a GET.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transferred {
    pub(super) length: u64,
    /// Whether the holder had said how long the document is.
    pub(super) length_checked: bool,
    pub(super) last_modified: Option<Date>,
    /// That of the bytes.
    pub(super) digest: Digest,
    /// Whether it was known before.
    pub(super) digest_checked: bool,
}

/// How a GET ended that did not fail.
#[derive(Debug)]
pub(super) enum Outcome {
    Whole(Transferred),
    /// The document is so large that it is fetched in segments; nothing was kept.
    Large(Digest, u64),
}

/// What to ask of a holder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ask {
    /// What is missing of a document that was begun, with its digest.
    Rest,
    /// The whole document, with its digest.
    Whole,
    /// The whole document, without any extension.
    Plain,
}

/// A GET.
#[derive(Clone, Copy, Debug)]
pub(super) struct Get<'a> {
    pub(super) document: &'a Document,
    pub(super) holder: &'a Endpoint,
    pub(super) ask: Ask,
    /// The digest that the document must have.
    pub(super) digest: Option<Digest>,
    /// Whether a large document may be left to segments.
    pub(super) in_segments: bool,
    /// How long the holder may be too slow.
    pub(super) patience: Duration,
}

/// The addresses of a holder that whoever has named it may lead to.
fn addresses(fetcher: &Fetcher, holder: &Endpoint) -> Result<Vec<SocketAddr>, TransferError> {
    let mut addresses = fetcher.addresses().of(holder).map_err(TransferError::Unreachable)?;
    let Some(index) = fetcher.neighbours().named_by(holder) else { return Ok(addresses) };
    let mut reason = None;
    addresses.retain(|address| match fetcher.reach().check(index, *address) {
        Ok(()) => true,
        Err(not_allowed) => {
            reason = Some(not_allowed);
            false
        }
    });
    match reason {
        Some(reason) if addresses.is_empty() => Err(TransferError::NotAllowed(reason)),
        _ => Ok(addresses),
    }
}

/// Connects, and remembers how long that took.
///
/// The connection has no options: all that is written to it is one request, and every read has a
/// deadline.
pub(super) fn connect(fetcher: &Fetcher, holder: &Endpoint) -> Result<TcpStream, TransferError> {
    let begun = Instant::now();
    let stream = net::connect_to(&addresses(fetcher, holder)?).map_err(|error| {
        fetcher.addresses().forget(holder);
        TransferError::Unreachable(error)
    })?;
    fetcher.neighbours().connected(holder, begun.elapsed());
    Ok(stream)
}

/// Sends a GET and reads the head of the reply; what follows is left in the receiver. With it
/// comes the empty line that ended the head.
pub(super) fn ask<'a>(
    fetcher: &Fetcher,
    stream: &'a TcpStream,
    document: &Document,
    holder: &Endpoint,
    want_digest: bool,
    range: Option<ByteRange>,
) -> Result<(DocumentHead, &'static str, Receiver<'a>), TransferError> {
    let request = DocumentRequest {
        document: document.clone(),
        host: holder.host.clone(),
        os: HeaderText::folded(system::operating_system()),
        want_digest,
        range,
    };
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    send(stream, &bytes).map_err(TransferError::Lost)?;
    let mut receiver = Receiver::of_connected(stream);
    let answer = receive_head(&mut receiver);
    if let Ok(_) | Err(TransferError::Refused(_)) = &answer {
        fetcher.neighbours().answered(holder);
    }
    let (head, separator) = answer?;
    Ok((head, separator, receiver))
}

/// Fetches a document. `progress` is told how many bytes are there, and of how many if that is
/// known.
pub(super) fn transfer(
    fetcher: &Fetcher,
    get: &Get<'_>,
    incoming: &mut Incoming,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Outcome, TransferError> {
    let stream = connect(fetcher, get.holder)?;
    let begun = Instant::now();
    let kept = incoming.beginning_length().filter(|_| get.ask == Ask::Rest);
    // From the last byte that is here: so that there is one to ask for even if all are.
    let range = kept.map(|length| ByteRange::from(length - 1));
    let (head, separator, receiver) =
        ask(fetcher, &stream, get.document, get.holder, get.ask != Ask::Plain, range)?;
    let length = head.content_range.map(ContentRange::length).or(head.content_length);
    if let (Some(expected), Some(found)) = (get.digest, head.digest)
        && expected != found
    {
        return Err(TransferError::OtherVersion { expected, found });
    }
    if let (Some(digest), Some(length)) = (head.digest, length)
        && length > limits::SEGMENTED
        && get.in_segments
    {
        return Ok(Outcome::Large(digest, length));
    }
    if length.is_some_and(|length| length > limits::LARGEST_DOCUMENT) {
        return Err(TransferError::TooLarge(limits::LARGEST_DOCUMENT));
    }
    let mut hasher = Hasher::default();
    let received = prepare(&head, incoming, &mut hasher)?;
    let mut body = Body {
        incoming,
        looked: begun,
        expected: length,
        received,
        hasher,
        progress,
        patience: get.patience,
        address: stream.peer_addr().map_err(TransferError::Lost)?.ip(),
    };
    let arrived = body.receive(fetcher, receiver.input(), &stream);
    let bytes = body.received - received;
    arrived?;
    fetcher.neighbours().transferred(get.holder, bytes, begun.elapsed());
    body.check(separator)?;
    let found = body.hasher.finish();
    let announced = get.digest.or(head.digest);
    if let Some(expected) = announced.filter(|expected| *expected != found) {
        return Err(TransferError::WrongDigest { expected, found });
    }
    Ok(Outcome::Whole(Transferred {
        length: body.received,
        length_checked: body.expected.is_some(),
        last_modified: head.last_modified,
        digest: found,
        digest_checked: announced.is_some(),
    }))
}

/// Makes the file ready for what follows a head; returns how many bytes of the document are there.
fn prepare(
    head: &DocumentHead,
    incoming: &mut Incoming,
    hasher: &mut Hasher,
) -> Result<u64, TransferError> {
    let most = head.content_range.map_or(u64::MAX, ContentRange::first);
    let kept = match &head.digest {
        Some(digest) => incoming.keep(digest, most, hasher),
        None => incoming.set_aside().map(|()| 0),
    };
    let kept = kept.map_err(TransferError::File)?;
    match head.content_range {
        // It must be the rest of what is here, and all of the rest.
        Some(part) if part.first() != kept || part.first() + part.count() != part.length() => {
            Err(TransferError::OtherPart)
        }
        Some(_) => Ok(kept),
        None => incoming.start_over(hasher).map(|()| 0).map_err(TransferError::File),
    }
}

/// Reads the head, and leaves what follows it in the receiver.
fn receive_head(
    receiver: &mut Receiver<'_>,
) -> Result<(DocumentHead, &'static str), TransferError> {
    let deadline = Instant::now() + limits::FIRST_BYTE;
    let mut decoder = DocumentReplyDecoder::default();
    loop {
        let found = decoder.decode(receiver.input()).map_err(TransferError::Protocol)?;
        let found = match found {
            Some(found) => found,
            None => match receiver.fill(Some(deadline)) {
                Ok(0) if receiver.input().is_empty() => return Err(TransferError::NoReply),
                Ok(0) => decoder.finish(receiver.input()).map_err(TransferError::Protocol)?,
                Ok(_) => continue,
                Err(error) => return Err(TransferError::Lost(error)),
            },
        };
        receiver.take(found.1);
        return match found.0 {
            DocumentReply::Found(head) => Ok((head, decoder.separator())),
            DocumentReply::Refused(refusal) => Err(TransferError::Refused(refusal.into())),
        };
    }
}

/// Whether a holder is fast enough: looked at again and again, each time for what came since.
#[derive(Debug)]
pub(super) struct Floor {
    patience: Duration,
    since: Instant,
    bytes: u64,
}

impl Floor {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, since: Instant::now(), bytes: 0 }
    }

    /// Reads once; 0 is the end.
    pub(super) fn read(
        &mut self,
        stream: &TcpStream,
        chunk: &mut [u8],
    ) -> Result<usize, TransferError> {
        loop {
            match read_before(stream, chunk, self.since + self.patience) {
                Ok(count) => {
                    self.bytes += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    let least =
                        limits::RATE_BYTES * self.patience.as_secs() / limits::RATE_TIME.as_secs();
                    if self.bytes < least {
                        let (bytes, time) = (self.bytes, self.patience);
                        return Err(TransferError::TooSlow { bytes, time });
                    }
                    *self = Self::new(self.patience);
                }
                // A reset behind the last byte of a document without length is an end, too, but
                // nobody can tell it from a cut.
                Err(error) => return Err(TransferError::Lost(error)),
            }
        }
    }
}

/// The bytes of a document on their way into the file.
struct Body<'a> {
    incoming: &'a Incoming,
    /// When it was last seen in its place.
    looked: Instant,
    expected: Option<u64>,
    received: u64,
    hasher: Hasher,
    progress: &'a mut dyn FnMut(u64, Option<u64>),
    patience: Duration,
    address: IpAddr,
}

impl Body<'_> {
    /// How many bytes are still to come, or may come if the length is not known.
    fn left(&self) -> u64 {
        self.expected.unwrap_or(limits::DOCUMENT + 1) - self.received
    }

    /// What is behind the last byte belongs to nobody: some uploaders send a line end.
    fn take(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        let count = usize::try_from(self.left()).unwrap_or(usize::MAX).min(bytes.len());
        self.write(&bytes[..count]).map_err(TransferError::File)?;
        self.hasher.update(&bytes[..count]);
        self.received += count as u64;
        (self.progress)(self.received, self.expected);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.incoming.file().write_all(bytes)?;
        if self.looked.elapsed() >= limits::LOOK_AGAIN {
            self.incoming.check_place()?;
            self.looked = Instant::now();
        }
        Ok(())
    }

    /// Reads until the document is whole or the connection ends. A connection that stays open
    /// behind a whole document is not waited for.
    fn receive(
        &mut self,
        fetcher: &Fetcher,
        first: &[u8],
        stream: &TcpStream,
    ) -> Result<(), TransferError> {
        self.take(first)?;
        let is_small = self.expected.is_some_and(|length| length <= SMALL);
        let mut chunk = vec![0; 64 * 1024];
        let mut floor = Floor::new(self.patience);
        while self.left() > 0 {
            let most = fetcher.bandwidth().take(self.address, is_small, chunk.len() as u64);
            let most = usize::try_from(most).unwrap_or(chunk.len());
            match floor.read(stream, &mut chunk[..most])? {
                0 => return Ok(()),
                count => self.take(&chunk[..count])?,
            }
        }
        Ok(())
    }

    /// Compares the length. If exactly an empty line is missing, the uploader had left it out
    /// behind its head, and the first one of the document was taken for it.
    fn check(&mut self, separator: &str) -> Result<(), TransferError> {
        let Some(expected) = self.expected else {
            let is_whole = self.left() > 0;
            return if is_whole { Ok(()) } else { Err(TransferError::TooLarge(limits::DOCUMENT)) };
        };
        let missing = self.left();
        if missing > 0 && missing == separator.len() as u64 {
            self.put_in_front(separator).map_err(TransferError::File)?;
            self.received = expected;
        }
        if self.received < expected {
            return Err(TransferError::Truncated { expected, found: self.received });
        }
        Ok(())
    }

    fn put_in_front(&mut self, separator: &str) -> io::Result<()> {
        let mut document = separator.as_bytes().to_vec();
        let mut file = self.incoming.file();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut document)?;
        file.seek(SeekFrom::Start(0))?;
        self.hasher = Hasher::default();
        self.hasher.update(&document);
        file.write_all(&document)
    }
}
