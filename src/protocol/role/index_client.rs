//! A peer at its connection to an index server (protocol.md sections 3.2, 4.9 and 7).
//!
//! The end of a reply of another program may be marked by silence or by the end of the connection. So
//! the role needs to know what the server has shown of itself, on any connection.

mod reply_rate;
mod shown;
mod silence;

use std::time::Duration;

use super::empty_lines::EmptyLines;
use super::reply_event::{ReplyEnd, ReplyEvent, ReplyMeaning, section};
use crate::limits;
use crate::protocol::message::Found;
use crate::protocol::{DecodeError, IndexReplyDecoder, ReplyForm, ReplyPart, ReplyState};
use reply_rate::ReplyRate;
pub use silence::IndexTraits;
use silence::{AfterSilence, Silence, expected};

/// Reads the replies of an index server, with their deadlines.
#[derive(Debug)]
pub struct IndexClient {
    limits: limits::IndexClient,
    decoder: IndexReplyDecoder,
    form: ReplyForm,
    /// When a reply must have begun; `None` while none is expected.
    begin_before: Option<Duration>,
    /// The time in which it must have begun.
    allowed: Duration,
    /// Those that have arrived since the last part of a reply.
    empty_lines: EmptyLines,
    rate: ReplyRate,
    waiting: Option<Waiting>,
    /// The reply has ended so, and its last events are still to come.
    ending: Option<ReplyEnd>,
    /// Whether all that has arrived on the connection is no reply.
    has_only_greeted: bool,
    /// Whether the reply that is read has had a record.
    has_records: bool,
    greeting: Option<String>,
    has_added_without_record: bool,
    /// Whether silence has ended a reply with records that followed the grammar so far.
    has_silent_ends: bool,
    /// The beginning of the last complete line, for messages.
    last: Vec<u8>,
}

/// A wait for bytes.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    traits: IndexTraits,
    state: ReplyState,
    silence: Silence,
    deadline: Option<Duration>,
}

/// Bytes of the last line that are kept for messages.
const LAST: usize = 80;

impl IndexClient {
    /// A peer that reads with this decoder, from between two replies on.
    pub fn new(decoder: IndexReplyDecoder) -> Self {
        Self::with_limits(decoder, limits::IndexClient::default())
    }

    /// The same with these deadlines.
    pub fn with_limits(decoder: IndexReplyDecoder, limits: limits::IndexClient) -> Self {
        Self {
            limits,
            decoder,
            form: ReplyForm::Records,
            begin_before: None,
            allowed: limits.reply,
            empty_lines: EmptyLines::at_most(limits::EMPTY_LINES_OF_INDEX),
            rate: ReplyRate::new(limits.rate),
            waiting: None,
            ending: None,
            has_only_greeted: false,
            has_records: false,
            greeting: None,
            has_added_without_record: false,
            has_silent_ends: false,
            last: Vec::new(),
        }
    }

    /// The decoder.
    pub fn decoder(&self) -> &IndexReplyDecoder {
        &self.decoder
    }

    /// The same, to change it.
    pub fn decoder_mut(&mut self) -> &mut IndexReplyDecoder {
        &mut self.decoder
    }

    /// The decoder, for the next exchange on the connection.
    pub fn into_decoder(self) -> IndexReplyDecoder {
        self.decoder
    }

    /// Requests were sent now, whose replies have this form.
    pub fn expect(&mut self, form: ReplyForm, now: Duration) {
        self.expect_at_any_time(form);
        self.begin_within(self.limits.reply, now);
    }

    /// Replies have this form, and may come at any time or never.
    pub fn expect_at_any_time(&mut self, form: ReplyForm) {
        self.form = form;
        self.decoder.expect(form);
        (self.begin_before, self.allowed) = (None, self.limits.reply);
        self.rate = ReplyRate::new(self.limits.rate);
    }

    /// The next reply must begin within this time.
    pub fn begin_within(&mut self, time: Duration, now: Duration) {
        (self.begin_before, self.allowed) = (Some(now.saturating_add(time)), time);
    }

    /// Returns the next event at the start of `input`, the bytes that have arrived after those that
    /// events took. `None`: more bytes are needed; call again with the same bytes and more after
    /// them.
    ///
    /// `now` is called only if the time matters.
    pub fn next(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<ReplyEvent> {
        if let Some(end) = self.ending {
            return Some(self.end_here(input, end, now));
        }
        let found = match self.decoder.next(input) {
            Ok(found) => found,
            Err(error) => return Some(ReplyEvent::fault(error)),
        };
        if let Some(greeting) = self.decoder.take_greeting() {
            self.note_greeting(greeting, now());
        }
        match found {
            Found::Part(part, used) => {
                Some(self.pass_on(part, used, input, ReplyEnd::Complete, now))
            }
            Found::EmptyLine(used) => {
                let empty = ReplyEvent { used, meaning: ReplyMeaning::EmptyLines, section: "4.9" };
                Some(self.skip_empty_lines(used, now).unwrap_or(empty))
            }
            Found::Skipped(used) => {
                Some(ReplyEvent { used, meaning: ReplyMeaning::Skipped, section: "4.9" })
            }
            Found::Incomplete => None,
        }
    }

    /// Counts empty lines that have arrived. Returns an event if they are too many.
    pub fn skip_empty_lines(
        &mut self,
        bytes: usize,
        now: impl FnOnce() -> Duration,
    ) -> Option<ReplyEvent> {
        let most = limits::EMPTY_LINES_OF_INDEX;
        let is_much = !self.empty_lines.allows(bytes, now);
        is_much.then(|| ReplyEvent::fault(DecodeError::of_empty_lines("a reply", most)))
    }

    /// The caller is about to wait for bytes after `input`. Returns the deadline, which every wait
    /// sets again: silence has a limit, and a reply must begin in time.
    pub fn wait(&mut self, input: &[u8], traits: IndexTraits, now: Duration) -> Option<Duration> {
        let state = self.decoder.state(input);
        let silence = traits.silence(&self.limits, state, self.form);
        let deadline = match state {
            // Empty lines and pieces of a status line do not extend the time.
            ReplyState::Before if self.begin_before.is_some() => self.begin_before,
            ReplyState::Before if input.is_empty() => None,
            ReplyState::Before
            | ReplyState::InRefusal
            | ReplyState::Refused
            | ReplyState::Found { .. } => Some(now.saturating_add(silence.allowed)),
        };
        self.waiting = Some(Waiting { traits, state, silence, deadline });
        self.rate.wait(now);
        deadline
    }

    /// The deadline of the present wait.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.waiting.and_then(|waiting| waiting.deadline)
    }

    /// The wait has brought this many bytes. Returns an event if the reply arrives too slowly.
    pub fn received(&mut self, count: usize, now: Duration) -> Option<ReplyEvent> {
        let waited = self.rate.stop(now);
        let has_deadline = self.waiting.take().is_some_and(|waiting| waiting.deadline.is_some());
        let is_slow = has_deadline && !self.rate.holds(waited, count);
        is_slow.then(|| {
            ReplyEvent::missing(
                "the rest of the reply at the minimum rate, by default 64 KiB per minute",
                "7",
            )
        })
    }

    /// Returns the event of a deadline that has passed without bytes after `input`.
    pub fn on_timeout(&mut self, input: &[u8], now: Duration) -> Option<ReplyEvent> {
        self.rate.stop(now);
        let waiting = self.waiting.take()?;
        if waiting.deadline.is_none_or(|deadline| now < deadline) {
            return None;
        }
        let end = match waiting.silence.then {
            AfterSilence::Missing => {
                return Some(ReplyEvent::missing(expected(waiting.state, input), "4.9"));
            }
            AfterSilence::Complete => ReplyEnd::Complete,
            AfterSilence::PossiblyIncomplete => ReplyEnd::Silence(waiting.silence.allowed),
        };
        self.begin_ending(waiting.state, end);
        Some(self.end_here(input, end, || now))
    }

    /// The server has closed the connection after `input`, in a wait.
    pub fn on_end(&mut self, input: &[u8], now: Duration) -> ReplyEvent {
        self.rate.stop(now);
        let (state, traits) = match self.waiting.take() {
            Some(waiting) => (waiting.state, waiting.traits),
            None => (self.decoder.state(input), IndexTraits::default()),
        };
        let missing = |expected| ReplyEvent::missing(expected, "4.9");
        let end = match (state, self.form) {
            (ReplyState::Before, _) if self.has_only_greeted => {
                return missing("a reply before the end of the connection");
            }
            (ReplyState::Before, _) if input.is_empty() => {
                return ReplyEvent::without_bytes(ReplyMeaning::Closed, "4.8");
            }
            (ReplyState::Found { .. }, _) if traits.extensions => {
                return missing("the final empty line before the end of the connection");
            }
            (ReplyState::InRefusal | ReplyState::Refused, _)
            | (ReplyState::Found { .. }, ReplyForm::OneRecord) => ReplyEnd::Complete,
            (ReplyState::Found { is_in_line: false, follows_grammar }, ReplyForm::Records)
                if !traits.ends_replies() =>
            {
                if follows_grammar && self.rate.paused >= self.limits.not_read {
                    return ReplyEvent::without_bytes(ReplyMeaning::NotRead, "7");
                }
                // Where only the close ends a reply, that is its end after a whole record.
                let is_end = !follows_grammar && self.has_records && input.trim_ascii().is_empty();
                if is_end { ReplyEnd::Complete } else { ReplyEnd::Close }
            }
            (ReplyState::Before | ReplyState::Found { .. }, _) => {
                return missing("the rest of the reply before the end of the connection");
            }
        };
        self.begin_ending(state, end);
        self.end_here(input, end, || now)
    }

    fn begin_ending(&mut self, state: ReplyState, end: ReplyEnd) {
        self.has_added_without_record |=
            self.form == ReplyForm::OneRecord && matches!(state, ReplyState::Found { .. });
        self.has_silent_ends |= self.has_records
            && matches!(end, ReplyEnd::Silence(_))
            && matches!(state, ReplyState::Found { follows_grammar: true, .. });
        self.ending = Some(end);
    }

    /// The last line, if its line end is missing, and then the end.
    fn end_here(
        &mut self,
        input: &[u8],
        end: ReplyEnd,
        now: impl FnOnce() -> Duration,
    ) -> ReplyEvent {
        if let Some((part, used)) = self.decoder.last_line(input) {
            return self.pass_on(part, used, input, end, now);
        }
        self.ending = None;
        let (part, used) = self.decoder.end_here(input);
        self.pass_on(part, used, input, end, now)
    }

    fn pass_on(
        &mut self,
        part: ReplyPart,
        used: usize,
        input: &[u8],
        end: ReplyEnd,
        now: impl FnOnce() -> Duration,
    ) -> ReplyEvent {
        self.has_records = match part {
            ReplyPart::Record(_) => true,
            ReplyPart::End => false,
            _ => self.has_records,
        };
        self.has_only_greeted = false;
        self.empty_lines.reset();
        let bytes = input.get(..used).unwrap_or_default();
        if !bytes.trim_ascii().is_empty() {
            self.keep_last(bytes);
        }
        let section = section(&part);
        if part != ReplyPart::End {
            return ReplyEvent { used, meaning: ReplyMeaning::Part(part), section };
        }
        self.rate = ReplyRate::new(self.limits.rate);
        if self.begin_before.is_some() {
            self.begin_within(self.limits.reply, now());
        }
        ReplyEvent { used, meaning: ReplyMeaning::End(end), section }
    }

    /// After a greeting a reply must follow soon: a server of another protocol sends nothing more.
    fn note_greeting(&mut self, greeting: String, now: Duration) {
        self.has_only_greeted = true;
        let soon = now.saturating_add(self.limits.reply_after_greeting);
        self.begin_before = self.begin_before.map(|before| before.min(soon));
        self.keep_last(greeting.trim_ascii().as_bytes());
        self.greeting = Some(greeting);
    }

    fn keep_last(&mut self, bytes: &[u8]) {
        self.last.clear();
        self.last.extend_from_slice(bytes.get(..LAST).unwrap_or(bytes));
    }

    /// The greeting that came before the first reply; once.
    pub fn take_greeting(&mut self) -> Option<String> {
        self.greeting.take()
    }
}

#[cfg(test)]
mod tests;
