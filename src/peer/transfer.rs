//! One GET from one holder (protocol.md sections 5.1 to 5.7).

mod body;

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::conversation::Conversation;
use super::fetch::Fetcher;
use super::question::Question;
use super::transfer_error::TransferError;
use crate::library::Incoming;
use crate::limits;
use crate::net::read_before;
use crate::protocol::{ByteRange, ContentRange, Date, Digest, Document, Endpoint};
use body::Body;

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

/// Fetches a document. `progress` is told how many bytes are there, and of how many if that is
/// known.
pub(super) fn transfer(
    fetcher: &Fetcher,
    get: &Get<'_>,
    conversation: &mut Conversation,
    incoming: &mut Incoming,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Outcome, TransferError> {
    let kept = incoming.beginning_length().filter(|_| get.ask == Ask::Rest);
    let question = Question {
        holder: get.holder,
        document: get.document,
        want_digest: get.ask != Ask::Plain,
        // From the last byte that is here: so that there is one to ask for even if all are.
        range: kept.map(|length| ByteRange::from(length - 1)),
    };
    let ((head, separator), mut line) = conversation.ask(fetcher, &question)?;
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
    let mut body = Body::begin(&head, incoming, progress)?;
    let outcome = body.receive(fetcher, &mut line, get.patience).and_then(|bytes| {
        fetcher.neighbours().transferred(get.holder, bytes, line.asked_at().elapsed());
        body.finish(separator, get.digest)
    });
    match outcome {
        Ok(_) if head.keep_alive => conversation.keep(line),
        Ok(_) => {}
        Err(_) => body.break_off(),
    }
    outcome.map(Outcome::Whole)
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

    /// Time that was spent waiting for our own limit of bytes a second is not the holder's.
    pub(super) fn excuse(&mut self, waited: Duration) {
        self.since += waited;
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
