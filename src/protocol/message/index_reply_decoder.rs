//! Reading the replies of an index server part by part (protocol.md sections 3.2 and 4.9).
//!
//! Other servers omit the empty line after the status, the final empty line, or `RFC` at the start
//! of a record. All these forms are accepted. For a reply without a marked end the decoder reports
//! its [`ReplyState`], from which the role of the client derives how long silence may last.

mod end_line;
mod ending;
mod fields;
mod found;
mod greeting;
mod groups;
mod headers;
mod odd_rows;
mod other_rows;
mod place;
mod row_forms;
mod rows;
mod whole;

use super::decode_error::DecodeError;
use super::head::split_header;
use super::index_reply::{ATTRIBUTES_KNOWN, ReplyPart};
use super::lines::Lines;
use super::status::Status;
use crate::limits;
use crate::protocol::grammar::version::starts_status_line;
use crate::protocol::{Attribute, Record, SyntaxError};
pub(in crate::protocol) use found::Found;
use found::Other;
use headers::{is_header, part_of_refusal};
use odd_rows::{OddRows, OtherRows, RowsBegin};
use place::{EndLines, Place};

/// The form of the reply to a request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ReplyForm {
    /// Any number of records: LOOKUP, LIST and SEARCH.
    #[default]
    Records,
    /// One record: ADD and REMOVE. The reply is complete with it, whether the final empty line has
    /// arrived or not.
    OneRecord,
}

/// How far the current reply has arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplyState {
    /// Nothing of the reply has arrived, or only part of its status line.
    Before,
    /// A refusal has arrived without the end of its status line. More of its phrase may follow.
    InRefusal,
    /// It is a refusal, and complete with its status line. A reason and an empty line may follow.
    Refused,
    /// It is a 200, and records may follow.
    Found {
        /// Whether the empty line after the status has arrived, as the grammar demands.
        follows_grammar: bool,
        /// Whether part of a line has arrived and its end has not. A record whose line end is
        /// missing may be complete.
        is_in_line: bool,
    },
}

/// Reads replies part by part.
#[derive(Debug, Default)]
pub struct IndexReplyDecoder {
    lines: Lines,
    form: ReplyForm,
    place: Place,
    line: usize,
    records: usize,
    /// Header lines since the last record, or of a refusal.
    headers: usize,
    follows_grammar: bool,
    /// Whether the last reply ended before its final empty line was seen.
    ended_early: bool,
    /// Whether the last reply was a refusal, whose empty line is no evidence about replies with
    /// records.
    was_refusal: bool,
    /// Whether a reply other than a refusal had its final empty line.
    shows_final_lines: bool,
    /// Whether the server has shown that it supports attributes.
    shows_attributes: bool,
    rows_begin: RowsBegin,
    /// How many more lines may come before the first status line of the connection.
    greeting_lines: usize,
    /// The first line of the greeting.
    greeting: Option<String>,
    end_lines: EndLines,
    /// Whether a reply ended with a line `END`.
    shows_end_line: bool,
    /// Whether the present or last reply may still end with a line `END`.
    may_end_line_follow: bool,
    odd_rows: OddRows,
    other: OtherRows,
    /// The first row that was skipped.
    odd_row: Option<String>,
    /// Whether a row of this reply was skipped.
    has_skipped: bool,
    /// Whether a line of this reply was a record.
    has_record: bool,
    /// Whether a row had a carriage return within its line.
    has_inner_returns: bool,
    /// Bytes of lines before a reply that [`IndexReplyDecoder::decode`] has read already.
    skipped: usize,
}

impl IndexReplyDecoder {
    /// A decoder of replies with this form.
    pub fn new(form: ReplyForm) -> Self {
        Self { form, ..Self::default() }
    }

    /// Sets the form of the next replies.
    pub fn expect(&mut self, form: ReplyForm) {
        self.form = form;
    }

    /// Returns what begins at the start of `input`. A line before a reply is returned alone, so that
    /// it does not matter how many of them have arrived.
    ///
    /// # Errors
    /// When the bytes are no reply of an index. The connection cannot be used any more.
    pub(in crate::protocol) fn next(&mut self, input: &[u8]) -> Result<Found, DecodeError> {
        loop {
            let next = self.lines.rest(input);
            let is_after_status =
                matches!(self.place, Place::Found | Place::Records | Place::Ended);
            // A status line in the place of a record: the server omitted the final empty line.
            let is_next_reply = is_after_status && starts_status_line(next);
            let has_its_record =
                matches!((self.form, self.place), (ReplyForm::OneRecord, Place::Records))
                    && self.records > 0
                    && self.end_lines != EndLines::Expected;
            if is_next_reply && let Some((part, place)) = self.end_of_fields() {
                let (part, used) = self.part(part, place);
                return Ok(Found::Part(part, used));
            }
            if is_next_reply || has_its_record && next.is_empty() {
                self.ended_early = true;
                let (part, used) = self.part(ReplyPart::End, Place::Start);
                return Ok(Found::Part(part, used));
            }
            if self.lines.taken > limits::HEAD
                || self.headers > limits::RESPONSE_HEADERS
                || self.records > limits::RECORDS
            {
                let expected = "a reply of at most 10000000 records, with at most 64 headers each";
                let fault = SyntaxError::new(expected, "more", "7");
                return Err(DecodeError::new(self.line, fault));
            }
            if self.reads_odd_rows() {
                match self.next_other(input)? {
                    Other::Line => {}
                    Other::Found(found) => return Ok(found),
                    Other::Skipped => continue,
                }
            }
            let Some(line) = self.lines.next(input, limits::RECORD_LINE)? else {
                return Ok(Found::Incomplete);
            };
            self.line += 1;
            let number = self.line;
            let at_line = |fault| DecodeError::new(number, fault);
            let line = std::str::from_utf8(line)
                .map_err(|_| at_line(SyntaxError::at("a line in UTF-8", line, "2.1")))?;
            if line.is_empty() && self.is_between_rows(input) {
                continue;
            }
            if let Some((part, place)) = self.take_line(line).map_err(at_line)? {
                let (part, used) = self.part(part, place);
                return Ok(Found::Part(part, used));
            }
            if matches!(self.place, Place::Start) {
                let is_empty = line.is_empty();
                let used = std::mem::take(&mut self.lines).taken;
                return Ok(if is_empty { Found::EmptyLine(used) } else { Found::Skipped(used) });
            }
        }
    }

    /// Reads one line; returns its part, if it is one, and the state after it.
    fn take_line(&mut self, line: &str) -> Result<Option<(ReplyPart, Place)>, SyntaxError> {
        if let Some(found) = self.take_end_line(line) {
            return Ok(found);
        }
        if self.reads_odd_rows()
            && let Some(found) = self.take_named_field(line)
        {
            return Ok(found);
        }
        Ok(Some(match (self.place, line) {
            (Place::Start, "") => {
                // The final empty line of a reply that was complete without it.
                self.shows_final_lines |=
                    std::mem::take(&mut self.ended_early) && !self.was_refusal;
                return Ok(None);
            }
            (Place::Start, _) if self.ended_early && is_header(line) => {
                self.headers += 1;
                return Ok(None);
            }
            (Place::Start, _) => {
                let other = Status::in_other_words(line).filter(|_| self.reads_odd_rows());
                let status = match other {
                    Some(status) => {
                        self.greeting_lines = 0;
                        status
                    }
                    None => {
                        let Some(line) = self.skip_greeting(line) else { return Ok(None) };
                        Status::parse_line(line)?
                    }
                };
                self.begin_reply();
                self.was_refusal = matches!(status, Status::Refused(_));
                match status {
                    Status::Ok => {
                        if self.form == ReplyForm::Records {
                            self.rows_begin = RowsBegin::WithStatus;
                        }
                        (ReplyPart::Found, Place::Found)
                    }
                    Status::Refused(refusal) => (ReplyPart::Refused(refusal), Place::Refused),
                    Status::PartialContent => {
                        return Err(SyntaxError::at("200 or a refusal", line, "3.2"));
                    }
                }
            }
            (Place::Found, "") => {
                self.follows_grammar = true;
                self.place = Place::Records;
                return Ok(None);
            }
            // Lines of another kind between the status and its empty line.
            (Place::Records, "")
                if self.has_skipped && !self.has_record && !self.follows_grammar =>
            {
                self.follows_grammar = true;
                return Ok(None);
            }
            (Place::Refused, "") => (ReplyPart::End, Place::Start),
            (Place::Records | Place::Ended, "") => {
                self.shows_final_lines = true;
                (ReplyPart::End, Place::Start)
            }
            (Place::Refused, _) => {
                self.headers += 1;
                let Some((name, value)) = split_header(line) else { return Ok(None) };
                self.shows_attributes |=
                    name.eq_ignore_ascii_case(ATTRIBUTES_KNOWN.0) && value == ATTRIBUTES_KNOWN.1;
                let Some(part) = part_of_refusal(name, value) else { return Ok(None) };
                (part, Place::Refused)
            }
            (Place::Records, _) if is_header(line) => {
                self.headers += 1;
                let attribute =
                    split_header(line).and_then(|(name, value)| Attribute::parse(name, value));
                let Some(attribute) = attribute else { return Ok(None) };
                if self.has_skipped {
                    return Err(SyntaxError::at("no attribute after an odd row", line, "4.11"));
                }
                self.shows_attributes = true;
                (ReplyPart::Attribute(attribute), Place::Records)
            }
            (Place::Found | Place::Records | Place::Ended, _) => {
                self.records += 1;
                self.has_inner_returns |= line.contains('\r');
                let record = match self.form {
                    ReplyForm::Records => self.read_row(line)?,
                    // The status says that the request succeeded, and the peer knows its own
                    // record. Some servers send the parts of the record in another order.
                    ReplyForm::OneRecord => Record::parse(line).ok(),
                };
                let Some(record) = record else {
                    self.has_skipped |= self.form == ReplyForm::Records;
                    self.place = Place::Records;
                    return Ok(None);
                };
                self.headers = 0;
                self.has_record = true;
                (ReplyPart::Record(record), Place::Records)
            }
        }))
    }

    fn begin_reply(&mut self) {
        self.headers = 0;
        self.follows_grammar = false;
        self.ended_early = false;
        self.was_refusal = false;
        self.may_end_line_follow = true;
        self.has_skipped = false;
        self.has_record = false;
    }

    /// How far the current reply has arrived, when [`IndexReplyDecoder::decode`] has found no part
    /// in `input`.
    pub fn state(&self, input: &[u8]) -> ReplyState {
        match self.place {
            Place::Start if self.unfinished_refusal(input).is_some() => ReplyState::InRefusal,
            Place::Start => ReplyState::Before,
            Place::Refused => ReplyState::Refused,
            Place::Found | Place::Records | Place::Ended => ReplyState::Found {
                follows_grammar: self.follows_grammar,
                is_in_line: (self.other.is_open() || !self.lines.rest(input).is_empty())
                    && !self.is_unfinished_end_line(input)
                    && !self.is_padding(input)
                    && !self.is_mark(input)
                    && self.unfinished_record(input).is_none(),
            },
        }
    }

    /// Whether a reply had its final empty line, so that the server can be expected to send it.
    pub fn shows_final_lines(&self) -> bool {
        self.shows_final_lines
    }

    /// Whether an attribute was read, or the header by which a refusal shows that the server
    /// supports them.
    pub fn shows_attributes(&self) -> bool {
        self.shows_attributes
    }

    fn part(&mut self, part: ReplyPart, place: Place) -> (ReplyPart, usize) {
        let used = std::mem::take(&mut self.lines).taken;
        self.place = place;
        if matches!(place, Place::Start) {
            self.line = 0;
            self.records = 0;
            self.headers = 0;
            self.other = OtherRows::default();
        }
        (part, used)
    }
}

#[cfg(test)]
mod tests;
