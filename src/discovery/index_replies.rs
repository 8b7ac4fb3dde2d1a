//! The replies that arrive on one connection to an index, part by part, with their deadlines
//! (protocol.md section 4.9).

mod ending;
mod pace;

use std::io;
use std::time::{Duration, Instant};

use pace::Pace;

use super::index_dialect::{AfterSilence, IndexDialect};
use super::index_error::IndexError;
use super::listed::Completeness;
use crate::escape::excerpt;
use crate::limits;
use crate::net::Receiver;
use crate::protocol::role::EmptyLines;
use crate::protocol::{
    Endpoint, HeaderText, IndexReplyDecoder, Refusal, ReplyForm, ReplyPart, ReplyState,
};

/// What a connection keeps between two exchanges.
#[derive(Debug)]
pub(crate) struct Between {
    /// Bytes that have arrived and were not yet read.
    pub(crate) input: Vec<u8>,
    decoder: IndexReplyDecoder,
}

impl Between {
    /// Nothing has arrived on a new connection.
    pub(crate) fn of_new(dialect: &IndexDialect) -> Self {
        let decoder = match dialect.shows_extensions() {
            true => IndexReplyDecoder::default(),
            false => IndexReplyDecoder::after_greeting(),
        };
        Self { input: Vec::new(), decoder }
    }
}

/// What arrives while no request is outstanding.
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
    decoder: IndexReplyDecoder,
    form: ReplyForm,
    /// The beginning of the last complete line, for messages.
    last: Vec<u8>,
    /// Whether all that has arrived on the connection is no reply.
    has_only_greeted: bool,
    /// Whether the reply that is read has had a record.
    has_records: bool,
    /// When a reply must have begun; nothing while none is expected.
    begin_before: Option<Instant>,
    /// The time in which it must have begun.
    allowed: Duration,
    pace: Pace,
    /// Those that have arrived since the last part of a reply.
    empty_lines: EmptyLines,
    /// The beginning of the times of `empty_lines`.
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

/// Why a request was refused, in a code and perhaps in words.
pub(crate) type Refused = (Refusal, Option<HeaderText>);

impl<'a> Replies<'a> {
    pub(crate) fn new(
        index: &'a Endpoint,
        dialect: &'a IndexDialect,
        stream: &'a std::net::TcpStream,
        between: Between,
    ) -> Self {
        Self {
            index,
            dialect,
            receiver: Receiver::with_input(stream, between.input),
            decoder: between.decoder,
            form: ReplyForm::Records,
            last: Vec::new(),
            has_only_greeted: false,
            has_records: false,
            begin_before: None,
            allowed: limits::INDEX_REPLY,
            pace: Pace::default(),
            empty_lines: EmptyLines::at_most(limits::EMPTY_LINES_OF_INDEX),
            begun: Instant::now(),
        }
    }

    /// What is kept for the next exchange.
    pub(crate) fn into_between(self) -> Between {
        Between { input: self.receiver.into_input(), decoder: self.decoder }
    }

    /// Requests were sent now, and their replies hold so much.
    pub(crate) fn expect(&mut self, form: ReplyForm) {
        self.form = form;
        self.decoder.expect(form);
        self.begin_within(limits::INDEX_REPLY);
        self.pace = Pace::default();
    }

    /// The next reply must begin within this time: it is one to a request that may not be answered.
    pub(crate) fn begin_within(&mut self, time: Duration) {
        (self.begin_before, self.allowed) = (Some(Instant::now() + time), time);
    }

    /// Whether more has arrived than was read. Empty lines mean nothing.
    pub(crate) fn has_input(&self) -> bool {
        !self.receiver.input().trim_ascii().is_empty()
    }

    /// What has arrived after a reply and within a wait, escaped, if anything has.
    pub(crate) fn surplus(&mut self, wait: Duration) -> Result<Option<String>, IndexError> {
        match self.wait_for_unsolicited(wait)? {
            Unsolicited::Bytes(found) => Ok(Some(found)),
            Unsolicited::Nothing | Unsolicited::Close => Ok(None),
        }
    }

    /// Drops what has arrived and was not read.
    pub(crate) fn discard_input(&mut self) {
        let count = self.receiver.input().len();
        self.receiver.take(count);
    }

    /// Replies may come at any time, or never.
    pub(crate) fn expect_at_any_time(&mut self, form: ReplyForm) {
        self.expect(form);
        self.begin_before = None;
    }

    /// Waits for what the index may send although no request is outstanding. Empty lines mean
    /// nothing.
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
                    if is_empty && !self.empty_lines.allows(count, || self.begun.elapsed()) {
                        return Err(self.too_many_empty_lines());
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
            let input = self.receiver.input();
            let decoded = self.decoder.decode(input).map_err(|fault| self.broken(fault))?;
            self.learn();
            if let Some((part, used)) = decoded {
                return Ok(self.pass_on(part, used, Completeness::Complete, take));
            }
            let skipped = self.decoder.take_empty_lines();
            if !self.empty_lines.allows(skipped, || self.begun.elapsed()) {
                return Err(self.too_many_empty_lines());
            }
            self.receiver.take(skipped);
            let state = self.decoder.state(self.receiver.input());
            let silence = self.dialect.silence(state, self.form);
            let deadline = match state {
                // Empty lines and pieces of a status line do not extend the time.
                ReplyState::Before if self.begin_before.is_some() => self.begin_before,
                ReplyState::Before if self.receiver.input().is_empty() => None,
                ReplyState::Before | ReplyState::Refused | ReplyState::Found { .. } => {
                    Some(Instant::now() + silence.allowed)
                }
            };
            let begun = Instant::now();
            self.pace.read_again(begun);
            let filled = self.receiver.fill(deadline);
            self.pace.has_read(Instant::now());
            match filled {
                Ok(0) => return self.closed(state, take),
                Ok(count) => {
                    let is_idle = deadline.is_none();
                    if !is_idle && !self.pace.holds(begun.elapsed(), count) {
                        return Err(self.missing("the rest of the reply at 64 KiB per minute"));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => match silence.then {
                    AfterSilence::Missing => return Err(self.missing(self.expected(state))),
                    AfterSilence::Complete => {
                        return Ok(self.end_here(state, Completeness::Complete, take));
                    }
                    AfterSilence::PossiblyIncomplete => {
                        let seconds = silence.allowed.as_secs();
                        let reason = format!(
                            "the index {} does not mark the end of its reply; it sent nothing for \
                             {seconds} s",
                            self.index
                        );
                        return Ok(self.end_here(state, Completeness::incomplete(reason), take));
                    }
                },
                Err(error) => return Err(self.lost(error)),
            }
        }
    }

    fn pass_on(
        &mut self,
        part: ReplyPart,
        used: usize,
        completeness: Completeness,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Step {
        let bytes = self.receiver.input().get(..used).unwrap_or_default();
        let is_end = part == ReplyPart::End;
        self.has_records = match part {
            ReplyPart::Record(_) => true,
            ReplyPart::End => false,
            _ => self.has_records,
        };
        self.has_only_greeted = false;
        self.empty_lines.reset();
        if !bytes.trim_ascii().is_empty() {
            self.last.clear();
            self.last.extend_from_slice(bytes.get(..LAST).unwrap_or(bytes));
        }
        take(part, bytes);
        self.receiver.take(used);
        if !is_end {
            return Step::Part;
        }
        self.pace = Pace::default();
        if self.begin_before.is_some() {
            self.begin_within(limits::INDEX_REPLY);
        }
        Step::End(completeness)
    }

    /// Remembers what the server has shown.
    fn learn(&mut self) {
        if let Some(greeting) = self.decoder.take_greeting() {
            let greeting = greeting.trim_ascii().as_bytes();
            if self.dialect.show_greeting() {
                let found = excerpt(greeting);
                log::warn!("the index {} sent {found} before its first reply", self.index);
            }
            self.has_only_greeted = true;
            // It may be a server of another protocol, which sends nothing more.
            let soon = Instant::now() + limits::REPLY_AFTER_GREETING;
            self.begin_before = self.begin_before.map(|before| before.min(soon));
            self.last.clear();
            self.last.extend_from_slice(greeting.get(..LAST).unwrap_or(greeting));
        }
        if self.decoder.shows_attributes() {
            self.dialect.show_extensions();
        }
        if self.decoder.shows_final_lines() {
            self.dialect.show_final_lines();
        }
    }
}

/// Bytes of the last line that are kept for messages.
const LAST: usize = 80;
