//! A connection to a holder: for one document, or for one after the other (protocol.md sections
//! 5.1 and 5.7).
//!
//! Who fetches many documents says which ones come next. Once the holder has said that it keeps the
//! connection open, these are asked for ahead, so that neither side waits for the other. Whatever
//! goes otherwise ends the connection, and the next document is asked for on a new one.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use super::fetch::{Fetcher, Wanted};
use super::question::{Answer, Question, connect, receive_answer};
use super::transfer_error::TransferError;
use crate::net::{Receiver, WatchedStream, send};
use crate::protocol::{Document, Endpoint};

/// Documents that are asked for, over as few connections as possible.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    is_lasting: bool,
    /// What comes next, in this order. The first ones may have been asked for.
    plan: VecDeque<Wanted>,
    line: Option<Line>,
}

/// A connection to a holder.
#[derive(Debug)]
pub(super) struct Line {
    holder: Endpoint,
    stream: WatchedStream,
    address: IpAddr,
    /// When it was asked, or began to wait for the reply to what it was asked ahead.
    asked_at: Instant,
    /// What was read and not yet taken.
    input: Vec<u8>,
    /// How many documents of the plan were asked for.
    asked: usize,
}

impl Conversation {
    /// One that asks holders to keep their connections open. The default is one that does not.
    pub(super) fn lasting() -> Self {
        Self { is_lasting: true, ..Self::default() }
    }

    /// Says what will be asked for next: whole documents, in this order.
    pub(super) fn plan(&mut self, documents: impl Iterator<Item = Wanted>) {
        self.plan.clear();
        self.line.take_if(|line| line.asked > 0);
        self.plan.extend(documents);
    }

    /// Closes the connection that is kept open, because nothing is asked for in the next time.
    pub(super) fn pause(&mut self) {
        self.line = None;
    }

    /// The holder that was asked for this document ahead.
    pub(super) fn asked_for(&self, document: &Document) -> Option<&Endpoint> {
        let next = self.plan.front().filter(|next| next.document == *document);
        let line = self.line.as_ref().filter(|line| line.asked > 0);
        next.and(line).map(|line| &line.holder)
    }

    /// Asks a holder, and reads the head of its reply. What follows comes over the returned line;
    /// who has read all of it gives the line back ([`Conversation::keep`]).
    pub(super) fn ask(
        &mut self,
        fetcher: &Fetcher,
        question: &Question<'_>,
    ) -> Result<(Answer, Line), TransferError> {
        let is_next = self.plan.front().is_some_and(|next| next.document == *question.document);
        let as_planned = is_next && question.want_digest && question.range.is_none();
        let fits = |line: &Line| line.holder == *question.holder && (line.asked == 0 || as_planned);
        let kept = self.line.take().filter(fits);
        match is_next {
            true => drop(self.plan.pop_front()),
            false => self.plan.clear(),
        }
        if let Some(mut line) = kept {
            match self.ask_over(fetcher, question, &mut line, true) {
                Err(error) if was_closed(&error) && line.input.is_empty() => {}
                answer => return answer.map(|answer| (answer, line)),
            }
        }
        let mut line = Line::connect(fetcher, question.holder)?;
        let answer = self.ask_over(fetcher, question, &mut line, false)?;
        Ok((answer, line))
    }

    fn ask_over(
        &mut self,
        fetcher: &Fetcher,
        question: &Question<'_>,
        line: &mut Line,
        is_kept: bool,
    ) -> Result<Answer, TransferError> {
        line.asked_at = Instant::now();
        let mut requests = Vec::new();
        if line.asked > 0 {
            line.asked -= 1;
        } else {
            question.encode(self.is_lasting, &mut requests);
            if is_kept {
                self.encode_ahead(line, &mut requests);
            }
            send(&line.stream, &requests).map_err(TransferError::Lost)?;
        }
        let mut receiver = Receiver::with_input(&line.stream, mem::take(&mut line.input));
        let answer = receive_answer(fetcher, question.holder, &mut receiver);
        line.input = receiver.into_input();
        let (head, separator) = answer?;
        if head.keep_alive && line.asked == 0 {
            requests.clear();
            self.encode_ahead(line, &mut requests);
            send(&line.stream, &requests).map_err(TransferError::Lost)?;
        }
        Ok((head, separator))
    }

    /// Adds the requests for what comes next, as far as this holder has it.
    fn encode_ahead(&self, line: &mut Line, out: &mut Vec<u8>) {
        for wanted in &self.plan {
            if wanted.sources.iter().all(|source| source.holder != line.holder) {
                break;
            }
            let question = Question {
                holder: &line.holder,
                document: &wanted.document,
                want_digest: true,
                range: None,
            };
            question.encode(true, out);
            line.asked += 1;
        }
    }

    /// Takes back a line of which a whole document was read, and that stays open.
    pub(super) fn keep(&mut self, line: Line) {
        if self.is_lasting {
            self.line = Some(line);
        }
    }
}

impl Line {
    fn connect(fetcher: &Fetcher, holder: &Endpoint) -> Result<Self, TransferError> {
        let stream = connect(fetcher, holder)?;
        let address = stream.peer_addr().map_err(TransferError::Lost)?.ip();
        let (asked_at, input) = (Instant::now(), Vec::new());
        Ok(Self { holder: holder.clone(), stream, address, asked_at, input, asked: 0 })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Where the holder is.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    pub(super) fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// Takes what was read behind the head, at most so many bytes.
    pub(super) fn take_input(&mut self, most: u64) -> Vec<u8> {
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(self.input.len());
        let rest = self.input.split_off(count);
        mem::replace(&mut self.input, rest)
    }
}

/// Whether a holder has closed a connection that it had kept open, as it may between two documents.
fn was_closed(error: &TransferError) -> bool {
    match error {
        TransferError::NoReply => true,
        TransferError::Lost(error) => error.kind() != io::ErrorKind::TimedOut,
        _ => false,
    }
}
