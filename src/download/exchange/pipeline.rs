//! Connections to holders: each for one document, or for one after the other (protocol.md sections
//! 5.1 and 5.7).
//!
//! A download of many documents says which ones come next. Once the holder has said that it keeps
//! the connection open, these are asked for ahead, so that neither side waits for the other. In any
//! other case the connection ends, and the next document is asked for on a new one.

use std::collections::VecDeque;
use std::mem;
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use super::request::GetRequest;
use crate::download::model::{DownloadRequest, Source, TransferError};
use crate::net::{WatchedStream, send};
use crate::protocol::{Document, DocumentHead, Endpoint};

/// Documents that are asked for, over as few connections as possible.
#[derive(Debug, Default)]
pub(in crate::download) struct Pipeline {
    is_lasting: bool,
    /// What comes next, in this job. The first ones may have been asked for.
    plan: VecDeque<DownloadRequest>,
    line: Option<HolderConnection>,
}

/// A connection to a holder.
#[derive(Debug)]
pub(in crate::download) struct HolderConnection {
    source: Source,
    stream: WatchedStream,
    address: IpAddr,
    /// When it was asked, or began to wait for the reply to what it was asked ahead.
    asked_at: Instant,
    /// What was read and not yet taken.
    pub(in crate::download) input: Vec<u8>,
    /// How many documents of the plan were asked for.
    asked: usize,
}

impl Pipeline {
    /// One that asks holders to keep their connections open. The default is one that does not.
    pub(in crate::download) fn lasting() -> Self {
        Self { is_lasting: true, ..Self::default() }
    }

    /// Whether holders are asked to keep their connections open.
    pub(in crate::download) fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// Says what will be asked for next: whole documents, in this job.
    pub(in crate::download) fn plan(&mut self, documents: impl Iterator<Item = DownloadRequest>) {
        self.plan.clear();
        self.line.take_if(|line| line.asked > 0);
        self.plan.extend(documents);
    }

    /// Closes the connection that is kept open, because nothing is asked for in the next time.
    pub(in crate::download) fn pause(&mut self) {
        self.line = None;
    }

    /// The holder that was asked for this document ahead.
    pub(in crate::download) fn asked_for(&self, document: &Document) -> Option<&Endpoint> {
        let next = self.plan.front().filter(|next| next.document == *document);
        let line = self.line.as_ref().filter(|line| line.asked > 0);
        next.and(line).map(|line| &line.source.holder)
    }

    /// The connection that is kept open, if this can be asked over it; it has been asked then.
    pub(in crate::download) fn ask_over_kept(
        &mut self,
        source: &Source,
        question: &GetRequest<'_>,
    ) -> Option<HolderConnection> {
        let is_next = self.plan.front().is_some_and(|next| next.document == *question.document);
        let as_planned = is_next && question.want_digest && question.range.is_none();
        let fits = |line: &HolderConnection| {
            line.source.shares_connections_with(source) && (line.asked == 0 || as_planned)
        };
        let kept = self.line.take().filter(fits);
        match is_next {
            true => drop(self.plan.pop_front()),
            false => self.plan.clear(),
        }
        let mut line = kept?;
        line.asked_at = Instant::now();
        if line.asked > 0 {
            line.asked -= 1;
            return Some(line);
        }
        let mut requests = Vec::new();
        question.encode(self.is_lasting, &mut requests);
        self.encode_ahead(&mut line, &mut requests);
        // If it was closed meanwhile, another connection is made.
        send(&line.stream, &requests).is_ok().then_some(line)
    }

    /// Asks for what comes next over a line whose holder has said that it keeps it open.
    pub(in crate::download) fn ask_ahead(
        &self,
        head: &DocumentHead,
        line: &mut HolderConnection,
    ) -> Result<(), TransferError> {
        if head.keep_alive && line.asked == 0 {
            let mut requests = Vec::new();
            self.encode_ahead(line, &mut requests);
            send(&line.stream, &requests).map_err(TransferError::Lost)?;
        }
        Ok(())
    }

    /// Adds the requests for what comes next, as far as this holder has it.
    fn encode_ahead(&self, line: &mut HolderConnection, out: &mut Vec<u8>) {
        for request in &self.plan {
            if !request.sources.iter().any(|one| one.shares_connections_with(&line.source)) {
                break;
            }
            let question = GetRequest {
                holder: &line.source.holder,
                document: &request.document,
                want_digest: true,
                range: None,
            };
            question.encode(true, out);
            line.asked += 1;
        }
    }

    /// Keeps a line open of which a whole document was read.
    pub(in crate::download) fn keep(&mut self, line: HolderConnection) {
        if self.is_lasting && !line.has_unsolicited() {
            self.line = Some(line);
        }
    }
}

impl HolderConnection {
    /// A new connection, over which a request was sent.
    pub(in crate::download) fn new(
        source: &Source,
        stream: WatchedStream,
    ) -> Result<Self, TransferError> {
        let address = stream.peer_addr().map_err(TransferError::Lost)?.ip();
        let (asked_at, input) = (Instant::now(), Vec::new());
        Ok(Self { source: source.clone(), stream, address, asked_at, input, asked: 0 })
    }

    pub(in crate::download) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection itself.
    pub(in crate::download) fn into_stream(self) -> WatchedStream {
        self.stream
    }

    /// Where the holder is.
    pub(in crate::download) fn address(&self) -> IpAddr {
        self.address
    }

    pub(in crate::download) fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// Takes what was read behind the head, at most this many bytes.
    pub(in crate::download) fn take_input(&mut self, most: u64) -> Vec<u8> {
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(self.input.len());
        let rest = self.input.split_off(count);
        mem::replace(&mut self.input, rest)
    }

    /// The first bytes of those that have arrived for which nothing was asked.
    pub(in crate::download) fn unsolicited(&self) -> Vec<u8> {
        let mut found = self.input.clone();
        let mut chunk = [0; 64];
        // Nothing is waited for.
        if crate::system::has_arrived(&self.stream)
            && let Ok(count) = self.stream.peek(&mut chunk)
        {
            found.extend(chunk.iter().take(count));
        }
        found
    }

    /// Whether bytes have arrived for which nothing was asked, as far as is known.
    pub(in crate::download) fn has_unsolicited(&self) -> bool {
        self.asked == 0 && (!self.input.is_empty() || crate::system::has_arrived(&self.stream))
    }
}
