//! One connection to an index: one request at a time, replies read part by part.
//!
//! Against an unknown server a request travels in one segment, and the next one waits for the
//! reply (protocol.md section 3.4).

use std::io;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::index_error::IndexError;
use super::own_host::own_host;
use super::query::{AskIndex, Completeness, Extensions, Query};
use crate::limits;
use crate::net::{self, Receiver, send};
use crate::protocol::{
    Endpoint, Host, IndexReplyDecoder, IndexRequest, Port, Refusal, ReplyPart, Request,
};

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
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replies = Replies::new(&self.link);
        let mut taken = Ok(());
        let mut request = Vec::new();
        query.encode(&self.link.own, &mut request);
        self.link.send_bytes(&request)?;
        replies.read_one(&mut |part, bytes| {
            if taken.is_ok() {
                taken = take(part, bytes);
            }
        })?;
        taken.map_err(IndexError::Taker)?;
        Ok(Completeness::Complete)
    }

    fn server(&self) -> &Endpoint {
        &self.link.index
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
    ///
    /// An index that refuses a connection replies and closes before it has read a request. Its
    /// reply says more than the error of the system, so whoever reads the reply reports the end.
    pub(super) fn send_bytes(&self, requests: &[u8]) -> Result<(), IndexError> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        match send(&self.stream, requests) {
            Err(error) if [BrokenPipe, ConnectionReset].contains(&error.kind()) => Ok(()),
            outcome => outcome.map_err(|source| self.lost(source)),
        }
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
