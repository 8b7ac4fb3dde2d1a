//! Reads the replies on one connection to an index server, part by part, with deadlines (protocol.md
//! section 4.9).

mod ending;
mod learning_client;

use std::io;
use std::time::{Duration, Instant};

use super::index_dialect::IndexDialect;
use super::index_error::IndexError;
use super::listed::Completeness;
use crate::driver::Driver;
use crate::escape::excerpt;
use crate::limits;
use crate::net::Connection;
use crate::protocol::dialect::RequestForm;
use crate::protocol::role::{IndexClient, ReplyEvent, ReplyMeaning};
use crate::protocol::{Endpoint, HeaderText, IndexReplyDecoder, Refusal, ReplyForm, ReplyPart};
use learning_client::LearningClient;

/// The state of a connection between two exchanges.
#[derive(Debug)]
pub(crate) struct Between {
    /// Bytes that have arrived and were not yet decoded.
    pub(super) input: Vec<u8>,
    decoder: IndexReplyDecoder,
    /// The form of requests on the connection.
    form: RequestForm,
}

impl Between {
    /// The state of a new connection on which requests have this form.
    pub(crate) fn of_new(dialect: &IndexDialect, form: RequestForm) -> Self {
        let decoder = match dialect.shows_extensions() {
            true => IndexReplyDecoder::default(),
            false => IndexReplyDecoder::after_greeting().with_odd_rows(),
        };
        let decoder = if dialect.has_end_lines() { decoder.with_end_lines() } else { decoder };
        Self { input: Vec::new(), decoder, form }
    }

    /// The same where replies may end with a line `END`.
    pub(super) fn with_end_lines(dialect: &IndexDialect, form: RequestForm) -> Self {
        let new = Self::of_new(dialect, form);
        Self { decoder: new.decoder.with_end_lines(), ..new }
    }

    /// Whether the bytes that were not decoded belong to the last reply.
    pub(super) fn has_only_end(&self) -> bool {
        self.decoder.is_end_of_last_reply(&self.input)
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
    driver: Driver<'a, LearningClient<'a>>,
    /// Bytes that may still be taken.
    bytes_left: usize,
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
        let Between { input, decoder, form } = between;
        let client = IndexClient::with_limits(decoder, *dialect.limits());
        let role = LearningClient { index, dialect, form, client };
        Self { index, driver: Driver::with_input(stream, input, role), bytes_left: usize::MAX }
    }

    /// Replies with more than this number of bytes in all are an error.
    #[cfg(any(feature = "dht", feature = "lan"))]
    pub(crate) fn take_at_most(&mut self, bytes: usize) {
        self.bytes_left = bytes;
    }

    /// The state for the next exchange.
    pub(super) fn into_between(self) -> Between {
        let (role, input) = self.driver.into_parts();
        Between { input, decoder: role.client.into_decoder(), form: role.form }
    }

    /// Expects replies of this form to requests that are sent now.
    pub(crate) fn expect(&mut self, form: ReplyForm) {
        let now = self.driver.now();
        self.driver.role.client.expect(form, now);
    }

    /// Expects the next reply to begin within this time, because the request may never be answered.
    pub(crate) fn begin_within(&mut self, time: Duration) {
        let now = self.driver.now();
        self.driver.role.client.begin_within(time, now);
    }

    /// Whether the server keeps the carriage returns of requests in its records.
    pub(crate) fn keeps_returns(&mut self) -> bool {
        self.driver.role.client.decoder_mut().has_inner_returns()
    }

    /// Whether the last reply ended with a line `END`.
    pub(super) fn has_shown_end_line(&mut self) -> bool {
        self.driver.role.client.decoder_mut().shows_end_line()
    }

    /// The form of requests on the connection.
    pub(crate) fn form(&self) -> RequestForm {
        self.driver.role.form
    }

    /// Whether the bytes that have arrived and were not decoded are a refusal by 400.
    pub(crate) fn has_bad_request(&self) -> bool {
        let text = String::from_utf8_lossy(self.driver.input().trim_ascii_start());
        let mut words = text.lines().next().unwrap_or_default().split_ascii_whitespace();
        words.next().is_some_and(|word| word.starts_with("P2P")) && words.next() == Some("400")
    }

    /// Whether bytes have arrived that were not decoded. What ends the last reply is ignored.
    pub(crate) fn has_input(&self) -> bool {
        !self.driver.role.client.decoder().is_end_of_last_reply(self.driver.input())
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
        let count = self.driver.input().len();
        self.driver.take(count);
    }

    /// Expects replies at any time, or never.
    pub(crate) fn expect_at_any_time(&mut self, form: ReplyForm) {
        self.driver.role.client.expect_at_any_time(form);
    }

    /// Waits for bytes that the index may send without a request. Empty lines are ignored, and a line
    /// `END` that belongs to the last reply.
    pub(crate) fn wait_for_unsolicited(
        &mut self,
        wait: Duration,
    ) -> Result<Unsolicited, IndexError> {
        let deadline = limits::ends_after(wait);
        loop {
            if self.has_input() {
                return Ok(Unsolicited::Bytes(excerpt(self.driver.input().trim_ascii())));
            }
            match self.driver.receiver.fill(Some(deadline)) {
                Ok(0) => return Ok(Unsolicited::Close),
                Ok(count) => {
                    let excess = match self.has_input() {
                        true => None,
                        false => self.skip_empty_lines(count),
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

    /// Counts empty lines without a request. Returns an event if there are too many.
    fn skip_empty_lines(&mut self, count: usize) -> Option<ReplyEvent> {
        let now = self.driver.now();
        self.driver.role.client.skip_empty_lines(count, || now)
    }

    /// Reads a whole reply; returns the refusal, if it is one.
    pub(crate) fn read_one(
        &mut self,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<Option<Refused>, IndexError> {
        self.read_one_until(None, take)
    }

    /// The same; the reply must end before this time, if one is given.
    pub(super) fn read_one_until(
        &mut self,
        until: Option<Instant>,
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
                Step::Part if until.is_none_or(|until| Instant::now() < until) => {}
                Step::Part => return Err(self.endless()),
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
            let event = self.driver.wait_for_next();
            let event = event.map_err(|error| self.lost(error))?;
            if let Some(step) = self.take(event, take)? {
                return Ok(step);
            }
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
            self.driver.role.learn();
        }
        let Some(left) = self.bytes_left.checked_sub(used) else { return Err(self.endless()) };
        self.bytes_left = left;
        let bytes = self.driver.input().get(..used).unwrap_or_default();
        let step = match meaning {
            ReplyMeaning::EmptyLines | ReplyMeaning::Skipped => None,
            ReplyMeaning::Part(part) => {
                if matches!(part, ReplyPart::Found | ReplyPart::Refused(Refusal::NotFound)) {
                    self.driver.role.dialect.confirm_form(self.driver.role.form);
                }
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
        self.driver.take(used);
        Ok(step)
    }
}
