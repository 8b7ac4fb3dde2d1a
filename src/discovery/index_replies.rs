//! Reads the replies on one connection to an index server, part by part, with deadlines (protocol.md
//! section 4.9).

mod ending;

use std::io;
use std::time::{Duration, Instant};

use super::index_dialect::IndexDialect;
use super::index_error::IndexError;
use super::listed::Completeness;
use crate::escape::excerpt;
use crate::net::{Connection, Receiver};
use crate::protocol::role::{IndexClient, ReplyEvent, ReplyMeaning};
use crate::protocol::{Endpoint, HeaderText, IndexReplyDecoder, Refusal, ReplyForm, ReplyPart};

/// The state of a connection between two exchanges.
#[derive(Debug)]
pub(crate) struct Between {
    /// Bytes that have arrived and were not yet decoded.
    pub(super) input: Vec<u8>,
    decoder: IndexReplyDecoder,
}

impl Between {
    /// The state of a new connection.
    pub(crate) fn of_new(dialect: &IndexDialect) -> Self {
        let decoder = match dialect.shows_extensions() {
            true => IndexReplyDecoder::default(),
            false => IndexReplyDecoder::after_greeting(),
        };
        Self { input: Vec::new(), decoder }
    }
}

/// The bytes that have arrived while no request is outstanding.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Unsolicited {
    Nothing,
    /// Bytes, of which these are the first, escaped.
    Bytes(String),
    /// The end of the connection.
    Close,
}

/// Reads replies from a connection.
pub(crate) struct Replies<'a> {
    index: &'a Endpoint,
    dialect: &'a IndexDialect,
    receiver: Receiver<'a>,
    role: IndexClient,
    /// The moment from which the role's times count.
    begun: Instant,
}

/// One step of reading.
#[derive(Debug)]
pub(crate) enum Step {
    /// A part was passed on that does not end its reply.
    Part,
    /// The end of a reply was passed on.
    End(Completeness),
    /// The index has closed the connection between two replies.
    Closed,
}

/// The refusal of a request, and its explanation if there is one.
pub(crate) type Refused = (Refusal, Option<HeaderText>);

impl<'a> Replies<'a> {
    pub(crate) fn new(
        index: &'a Endpoint,
        dialect: &'a IndexDialect,
        stream: &'a Connection,
        between: Between,
    ) -> Self {
        Self {
            index,
            dialect,
            receiver: Receiver::with_input(stream, between.input),
            role: IndexClient::with_limits(between.decoder, *dialect.limits()),
            begun: Instant::now(),
        }
    }

    /// The state for the next exchange.
    pub(super) fn into_between(self) -> Between {
        Between { input: self.receiver.into_input(), decoder: self.role.into_decoder() }
    }

    /// Expects replies of this form to requests that are sent now.
    pub(crate) fn expect(&mut self, form: ReplyForm) {
        self.role.expect(form, self.begun.elapsed());
    }

    /// Expects the next reply to begin within this time, because the request may never be answered.
    pub(crate) fn begin_within(&mut self, time: Duration) {
        self.role.begin_within(time, self.begun.elapsed());
    }

    /// Whether bytes have arrived that were not decoded. Empty lines are ignored.
    pub(crate) fn has_input(&self) -> bool {
        !self.receiver.input().trim_ascii().is_empty()
    }

    /// Returns the bytes that arrive after a reply and within a wait, escaped.
    pub(crate) fn surplus(&mut self, wait: Duration) -> Result<Option<String>, IndexError> {
        match self.wait_for_unsolicited(wait)? {
            Unsolicited::Bytes(found) => Ok(Some(found)),
            Unsolicited::Nothing | Unsolicited::Close => Ok(None),
        }
    }

    /// Discards the bytes that have arrived and were not decoded.
    pub(crate) fn discard_input(&mut self) {
        let count = self.receiver.input().len();
        self.receiver.take(count);
    }

    /// Expects replies at any time, or never.
    pub(crate) fn expect_at_any_time(&mut self, form: ReplyForm) {
        self.role.expect_at_any_time(form);
    }

    /// Waits for bytes that the index may send without a request. Empty lines are ignored.
    pub(crate) fn wait_for_unsolicited(
        &mut self,
        wait: Duration,
    ) -> Result<Unsolicited, IndexError> {
        let deadline = Instant::now() + wait;
        loop {
            let input = self.receiver.input().trim_ascii();
            if !input.is_empty() {
                return Ok(Unsolicited::Bytes(excerpt(input)));
            }
            match self.receiver.fill(Some(deadline)) {
                Ok(0) => return Ok(Unsolicited::Close),
                Ok(count) => {
                    let is_empty = self.receiver.input().trim_ascii().is_empty();
                    let excess = match is_empty {
                        true => self.role.skip_empty_lines(count, || self.begun.elapsed()),
                        false => None,
                    };
                    if let Some(event) = excess {
                        return self.take(event, &mut |_, _| {}).map(|_| Unsolicited::Nothing);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Unsolicited::Nothing);
                }
                Err(error) => return Err(self.lost(error)),
            }
        }
    }

    /// Reads a whole reply; returns the refusal, if it is one.
    pub(crate) fn read_one(
        &mut self,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<Option<Refused>, IndexError> {
        let (mut refused, mut reason) = (None, None);
        loop {
            let step = self.read_part(&mut |part, bytes| {
                match &part {
                    ReplyPart::Refused(refusal) => refused = Some(*refusal),
                    ReplyPart::Reason(text) => reason = Some(text.clone()),
                    _ => {}
                }
                take(part, bytes);
            })?;
            match step {
                Step::Part => {}
                Step::End(_) => return Ok(refused.map(|refusal| (refusal, reason))),
                Step::Closed => return Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }

    /// Reads the next part of a reply.
    pub(crate) fn read_part(
        &mut self,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<Step, IndexError> {
        loop {
            let event = match self.role.next(self.receiver.input(), || self.begun.elapsed()) {
                Some(event) => Some(event),
                None => {
                    self.learn();
                    self.fill()?
                }
            };
            if let Some(step) = event.map_or(Ok(None), |event| self.take(event, take))? {
                return Ok(step);
            }
        }
    }

    /// Reads once, before the role's deadline. Returns an event if nothing has arrived, or too little.
    fn fill(&mut self) -> Result<Option<ReplyEvent>, IndexError> {
        let (begun, traits) = (self.begun, self.dialect.traits());
        let deadline = self.role.wait(self.receiver.input(), traits, begun.elapsed());
        let filled = self.receiver.fill(deadline.and_then(|time| begun.checked_add(time)));
        let now = begun.elapsed();
        match filled {
            Ok(0) => Ok(Some(self.role.on_end(self.receiver.input(), now))),
            Ok(count) => Ok(self.role.received(count, now)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Ok(self.role.on_timeout(self.receiver.input(), now))
            }
            Err(error) => Err(self.lost(error)),
        }
    }

    /// Takes an event and its bytes. Returns a step unless the bytes mean nothing.
    fn take(
        &mut self,
        event: ReplyEvent,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<Option<Step>, IndexError> {
        let ReplyEvent { used, meaning, .. } = event;
        if !matches!(meaning, ReplyMeaning::Fault(_)) {
            self.learn();
        }
        let bytes = self.receiver.input().get(..used).unwrap_or_default();
        let step = match meaning {
            ReplyMeaning::EmptyLines | ReplyMeaning::Skipped => None,
            ReplyMeaning::Part(part) => {
                take(part, bytes);
                Some(Step::Part)
            }
            ReplyMeaning::End(end) => {
                take(ReplyPart::End, bytes);
                Some(Step::End(self.completeness(end)))
            }
            ReplyMeaning::Closed => Some(Step::Closed),
            ReplyMeaning::Fault(fault) => return Err(self.broken(fault)),
            ReplyMeaning::Missing(expected) => return Err(self.missing(expected)),
            ReplyMeaning::NotRead => return Err(self.not_read()),
        };
        self.receiver.take(used);
        Ok(step)
    }

    /// Records what the server has shown.
    fn learn(&mut self) {
        if let Some(greeting) = self.role.take_greeting()
            && self.dialect.show_greeting()
        {
            let found = excerpt(greeting.trim_ascii().as_bytes());
            log::warn!("the index {} sent {found} before its first reply", self.index);
        }
        self.dialect.show(self.role.has_shown());
    }
}
