//! One connection to an index: one request at a time, replies read part by part.
//!
//! Against an unknown server a request travels in one segment, and the next one waits for the
//! reply (protocol.md section 3.4).

use std::io;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::own_host::own_host;
use crate::limits;
use crate::net::{self, Receiver, send};
use crate::protocol::{
    Attribute, Content, Date, DecodeError, Document, Endpoint, Host, IndexReplyDecoder,
    IndexRequest, Port, Record, Refusal, ReplyPart, Request,
};

/// Why the index did not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be reached.
    #[error("cannot reach the index {index}")]
    Unreachable {
        /// The index.
        index: Endpoint,
        /// What the system says.
        source: io::Error,
    },
    /// The connection broke.
    #[error("lost the index {index}")]
    Lost {
        /// The index.
        index: Endpoint,
        /// What the system says.
        source: io::Error,
    },
    /// There is no connection at present, for this reason.
    #[error("{0}")]
    Away(String),
    /// What it sent is no reply.
    #[error("the index {index} broke the protocol")]
    Protocol {
        /// The index.
        index: Endpoint,
        /// What is wrong with it.
        source: Box<DecodeError>,
    },
    /// Whoever takes the reply cannot take more of it.
    #[error("cannot pass on the reply of the index")]
    Taker(#[source] io::Error),
}

/// Something that can ask an index: a connection for one question, or a member's.
pub trait AskIndex {
    /// Sends the request that `request` makes of what this peer calls itself, and hands the parts
    /// of the reply to `take`, each with the bytes that it was read from.
    ///
    /// # Errors
    /// When there is no reply, or no whole one, or `take` fails.
    fn ask(
        &self,
        request: &dyn Fn(Endpoint) -> IndexRequest,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<(), IndexError>;

    /// Where the index is, or was when it was asked last.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn address(&self) -> Result<IpAddr, IndexError>;

    /// Whether this index understands requests with headers of extensions, as far as is known.
    fn extensions(&self) -> &Extensions;
}

/// What is remembered of a neighbour that may not understand extensions.
#[derive(Debug, Default)]
pub struct Extensions {
    are_refused: AtomicBool,
}

impl Extensions {
    /// Whether to use them: until they were refused once.
    pub fn are_used(&self) -> bool {
        !self.are_refused.load(Ordering::Relaxed)
    }

    /// Remembers that they are refused.
    pub fn refuse(&self) {
        self.are_refused.store(true, Ordering::Relaxed);
    }
}

/// Who has a document, and what the index knows of that beside the record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holding {
    /// The record.
    pub record: Record,
    /// Which bytes the holder says to have.
    pub content: Content,
    /// When the index took the record.
    pub added: Option<Date>,
    /// The address for which the index verified the holder's host.
    pub address: Option<IpAddr>,
    /// Where the index is that says so.
    pub told_by: IpAddr,
}

impl Holding {
    fn take(&mut self, attribute: Attribute) {
        match attribute {
            Attribute::Digest(digest) => self.content.digest = Some(digest),
            Attribute::Length(length) => self.content.length = Some(length),
            Attribute::Added(date) => self.added = Some(date),
            Attribute::Address(address) => self.address = Some(address),
        }
    }
}

/// Who has this document, as the index lists them: at most 10,000.
///
/// # Errors
/// When the index does not answer.
pub fn lookup(index: &dyn AskIndex, document: &Document) -> Result<Vec<Holding>, IndexError> {
    let want_attributes = index.extensions().are_used();
    let told_by = index.address()?;
    let mut holdings: Vec<Holding> = Vec::new();
    let mut is_refused = false;
    let request = |from| IndexRequest::Lookup { document: document.clone(), want_attributes, from };
    index.ask(&request, &mut |part, _| {
        match part {
            ReplyPart::Record(record) if holdings.len() < limits::HOLDERS => {
                holdings.push(Holding {
                    record,
                    content: Content::default(),
                    added: None,
                    address: None,
                    told_by,
                });
            }
            ReplyPart::Attribute(attribute) => {
                if let Some(last) = holdings.last_mut() {
                    last.take(attribute);
                }
            }
            ReplyPart::Refused(Refusal::BadRequest) => is_refused = true,
            _ => {}
        }
        Ok(())
    })?;
    if is_refused && want_attributes {
        index.extensions().refuse();
        return lookup(index, document);
    }
    // An index of another program may match in its own way.
    holdings.retain(|holding| holding.record.document == *document);
    Ok(holdings)
}

/// A connection to an index.
#[derive(Debug)]
pub struct IndexConnection {
    link: Link,
    /// Held by who asks, so that replies do not mix.
    turn: Mutex<()>,
    extensions: Extensions,
}

impl IndexConnection {
    /// Connects. `host` is what this peer calls itself, if not what is found out; `port` is that
    /// of its upload server. A peer without one names the port of this very connection, which
    /// nobody else can have meanwhile.
    ///
    /// # Errors
    /// When the index cannot be reached.
    pub fn connect(
        index: &Endpoint,
        host: Option<&Host>,
        port: Option<Port>,
    ) -> Result<Self, IndexError> {
        let link = Link::connect(index, host, port)?;
        Ok(Self { link, turn: Mutex::default(), extensions: Extensions::default() })
    }

    /// What this peer calls itself.
    pub fn own(&self) -> &Endpoint {
        &self.link.own
    }
}

impl AskIndex for IndexConnection {
    fn ask(
        &self,
        request: &dyn Fn(Endpoint) -> IndexRequest,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<(), IndexError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replies = Replies::new(&self.link);
        let mut taken = Ok(());
        self.link.send(&request(self.link.own.clone()))?;
        replies.read_one(&mut |part, bytes| {
            if taken.is_ok() {
                taken = take(part, bytes);
            }
        })?;
        taken.map_err(IndexError::Taker)
    }

    fn address(&self) -> Result<IpAddr, IndexError> {
        Ok(self.link.address)
    }

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

/// An open connection, and who is at its ends.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: Arc<TcpStream>,
    pub(super) index: Endpoint,
    /// Where the index is.
    pub(super) address: IpAddr,
    pub(super) own: Endpoint,
}

impl Link {
    pub(super) fn connect(
        index: &Endpoint,
        host: Option<&Host>,
        port: Option<Port>,
    ) -> Result<Self, IndexError> {
        let unreachable = |source| IndexError::Unreachable { index: index.clone(), source };
        let stream = net::connect(index).map_err(unreachable)?;
        let local = stream.local_addr().map_err(unreachable)?;
        let remote = stream.peer_addr().map_err(unreachable)?;
        let host = host.cloned().unwrap_or_else(|| own_host(local, remote));
        let port = port.or_else(|| Port::try_from(local.port()).ok());
        let port = port.ok_or_else(|| unreachable(io::ErrorKind::AddrNotAvailable.into()))?;
        let own = Endpoint { host, port };
        Ok(Self { stream: Arc::new(stream), index: index.clone(), address: remote.ip(), own })
    }

    pub(super) fn send(&self, request: &IndexRequest) -> Result<(), IndexError> {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        self.send_bytes(&bytes)
    }

    /// Sends requests that are encoded already.
    pub(super) fn send_bytes(&self, requests: &[u8]) -> Result<(), IndexError> {
        send(&self.stream, requests).map_err(|source| self.lost(source))
    }

    pub(super) fn lost(&self, source: io::Error) -> IndexError {
        IndexError::Lost { index: self.index.clone(), source }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Another thread may hold the stream: the connection ends all the same.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// The replies that arrive on a link.
pub(super) struct Replies<'a> {
    link: &'a Link,
    receiver: Receiver<'a>,
    decoder: IndexReplyDecoder,
}

impl<'a> Replies<'a> {
    pub(super) fn new(link: &'a Link) -> Self {
        let decoder = IndexReplyDecoder::default();
        Self { link, receiver: Receiver::of_connected(&link.stream), decoder }
    }

    /// Reads a whole reply; returns why it is a refusal, if it is one.
    pub(super) fn read_one(
        &mut self,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<Option<Refusal>, IndexError> {
        let mut refused = None;
        loop {
            let mut last = false;
            let deadline = Instant::now() + limits::INDEX_REPLY;
            let more = self.read_part(Some(deadline), &mut |part, bytes| {
                match part {
                    ReplyPart::Refused(refusal) => refused = Some(refusal),
                    ReplyPart::End => last = true,
                    ReplyPart::Found
                    | ReplyPart::Reason(_)
                    | ReplyPart::Record(_)
                    | ReplyPart::Attribute(_) => {}
                }
                take(part, bytes);
            })?;
            if last {
                return Ok(refused);
            }
            if !more {
                return Err(self.link.lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Reads the next part of a reply; `false` if the index has closed between two replies.
    pub(super) fn read_part(
        &mut self,
        deadline: Option<Instant>,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<bool, IndexError> {
        let protocol = |fault| {
            let (index, source) = (self.link.index.clone(), Box::new(fault));
            IndexError::Protocol { index, source }
        };
        loop {
            let input = self.receiver.input();
            if let Some((part, used)) = self.decoder.decode(input).map_err(protocol)? {
                take(part, &input[..used]);
                self.receiver.take(used);
                return Ok(true);
            }
            let count = self.receiver.fill(deadline).map_err(|source| self.link.lost(source))?;
            if count == 0 {
                let input = self.receiver.input();
                if input.is_empty() && self.decoder.is_between_replies() {
                    return Ok(false);
                }
                let (part, used) = self.decoder.finish(input).map_err(protocol)?;
                take(part, &input[..used]);
                self.receiver.take(used);
                return Ok(true);
            }
        }
    }
}
