//! One GET from one holder (protocol.md sections 5.1 to 5.4).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::library::{Hasher, Incoming};
use crate::limits;
use crate::net::{self, Receiver, read_before, send};
use crate::protocol::{
    ByteRange, ContentRange, Date, DecodeError, Digest, Document, DocumentHead, DocumentReply,
    DocumentReplyDecoder, DocumentRequest, Endpoint, HeaderText, Request, Status,
};
use crate::system;

/// Why a holder did not give the document.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// It cannot be reached.
    #[error("cannot reach it")]
    Unreachable(#[source] io::Error),
    /// The connection broke, or no reply came within ten seconds.
    #[error("the connection broke")]
    Lost(#[source] io::Error),
    /// It refused.
    #[error("it answered {0}")]
    Refused(Status),
    /// What it sent is no reply.
    #[error("it broke the protocol")]
    Protocol(#[source] DecodeError),
    /// The connection ended before the document did.
    #[error("expected {expected} bytes, found the end after {found}")]
    Truncated {
        /// What the head said.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Less than 1 KiB a second for half a minute.
    #[error("expected at least 1 KiB a second, found {0} bytes in 30 seconds")]
    TooSlow(u64),
    /// The bytes are not those that the holder itself announced.
    #[error("expected a document with {expected}, found one with {found}")]
    WrongDigest {
        /// What the head said.
        expected: Digest,
        /// That of the bytes that came.
        found: Digest,
    },
    /// A part of the document came, and not the one that is missing.
    #[error("expected the rest of the document that was begun, found another part")]
    OtherPart,
    /// More than a peer accepts.
    #[error("expected at most 1 GiB, found more")]
    TooLarge,
    /// The bytes cannot be kept here.
    #[error("cannot write the document")]
    File(#[source] io::Error),
}

/// What came of a GET.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Transferred {
    pub(super) length: u64,
    /// Whether the holder had said how long the document is.
    pub(super) length_checked: bool,
    pub(super) last_modified: Option<Date>,
    /// The digest, if the holder had announced it.
    pub(super) digest: Option<Digest>,
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

/// Fetches a document. `progress` is told how many bytes are there, and of how many if that is
/// known.
pub(super) fn transfer(
    document: &Document,
    holder: &Endpoint,
    ask: Ask,
    incoming: &mut Incoming,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Transferred, TransferError> {
    let stream = net::connect(holder).map_err(TransferError::Unreachable)?;
    let kept = incoming.kept_length().filter(|_| ask == Ask::Rest);
    let request = DocumentRequest {
        document: document.clone(),
        host: holder.host.clone(),
        os: HeaderText::folded(&system::operating_system()),
        want_digest: ask != Ask::Plain,
        // From the last byte that is here: so that there is one to ask for even if all are.
        range: kept.map(|length| ByteRange::from(length - 1)),
    };
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    send(&stream, &bytes).map_err(TransferError::Lost)?;

    let mut receiver = Receiver::new(&stream);
    let (head, separator) = receive_head(&mut receiver)?;
    let expected = head.content_range.map(ContentRange::length).or(head.content_length);
    if expected.is_some_and(|length| length > limits::DOCUMENT) {
        return Err(TransferError::TooLarge);
    }
    let mut hasher = Hasher::default();
    let received = prepare(&head, incoming, &mut hasher)?;
    let mut body = Body { file: incoming.file(), expected, received, hasher, progress };
    body.take(receiver.input())?;
    body.receive(&stream)?;
    body.check(separator)?;
    let found = body.hasher.finish();
    if let Some(expected) = head.digest.filter(|expected| *expected != found) {
        return Err(TransferError::WrongDigest { expected, found });
    }
    Ok(Transferred {
        length: body.received,
        length_checked: body.expected.is_some(),
        last_modified: head.last_modified,
        digest: head.digest,
    })
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

/// The bytes of a document on their way into the file.
struct Body<'a> {
    file: &'a mut File,
    expected: Option<u64>,
    received: u64,
    hasher: Hasher,
    progress: &'a mut dyn FnMut(u64, Option<u64>),
}

impl Body<'_> {
    /// How many bytes are still to come, or may come if the length is not known.
    fn left(&self) -> u64 {
        self.expected.unwrap_or(limits::DOCUMENT + 1) - self.received
    }

    /// What is behind the last byte belongs to nobody: some uploaders send a line end.
    fn take(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        let count = usize::try_from(self.left()).unwrap_or(usize::MAX).min(bytes.len());
        self.file.write_all(&bytes[..count]).map_err(TransferError::File)?;
        self.hasher.update(&bytes[..count]);
        self.received += count as u64;
        (self.progress)(self.received, self.expected);
        Ok(())
    }

    /// Reads until the document is whole or the connection ends. A connection that stays open
    /// behind a whole document is not waited for.
    fn receive(&mut self, stream: &TcpStream) -> Result<(), TransferError> {
        let mut chunk = vec![0; 64 * 1024];
        let mut window = (Instant::now() + limits::RATE_TIME, self.received);
        while self.left() > 0 {
            let (end, before) = window;
            match read_before(stream, &mut chunk, end) {
                Ok(0) => return Ok(()),
                Ok(count) => self.take(&chunk[..count])?,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if self.received - before < limits::RATE_BYTES {
                        return Err(TransferError::TooSlow(self.received - before));
                    }
                    window = (Instant::now() + limits::RATE_TIME, self.received);
                }
                // A reset behind the last byte of a document without length is an end, too, but
                // nobody can tell it from a cut.
                Err(error) => return Err(TransferError::Lost(error)),
            }
        }
        Ok(())
    }

    /// Compares the length. If exactly an empty line is missing, the uploader had left it out
    /// behind its head, and the first one of the document was taken for it.
    fn check(&mut self, separator: &str) -> Result<(), TransferError> {
        let Some(expected) = self.expected else {
            return if self.left() == 0 { Err(TransferError::TooLarge) } else { Ok(()) };
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
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut document)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Hasher::default();
        self.hasher.update(&document);
        self.file.write_all(&document)
    }
}
