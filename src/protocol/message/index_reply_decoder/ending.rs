//! The end of a reply that does not follow the grammar (protocol.md section 4.9).

use super::headers::is_header;
use super::{IndexReplyDecoder, Place, ReplyForm, ReplyState};
use crate::limits;
use crate::protocol::message::decode_error::DecodeError;
use crate::protocol::message::index_reply::ReplyPart;
use crate::protocol::message::status::{Refusal, Status};
use crate::protocol::{Record, SyntaxError};

/// The most bytes of a mark that ends a reply.
const LONGEST_MARK: usize = 8;

impl IndexReplyDecoder {
    /// Like [`IndexReplyDecoder::decode`], after the end of the connection.
    ///
    /// # Errors
    /// When the reply has not begun, or is truncated within a line.
    pub fn finish(&mut self, input: &[u8]) -> Result<(ReplyPart, usize), DecodeError> {
        if let Some(part) = self.decode(input)? {
            return Ok(part);
        }
        if let Some(part) = self.last_line(input) {
            return Ok(part);
        }
        match (self.state(input), self.form) {
            (ReplyState::Refused, _)
            | (ReplyState::Found { is_in_line: false, .. }, _)
            | (ReplyState::Found { .. }, ReplyForm::OneRecord) => Ok(self.end_here(input)),
            (ReplyState::Before | ReplyState::InRefusal | ReplyState::Found { .. }, _) => {
                let expected = "the rest of the reply";
                let found = "the end of the connection";
                let fault = SyntaxError::new(expected, found, "3.2");
                Err(DecodeError::new(self.line + 1, fault))
            }
        }
    }

    /// The record or the refusal on the last line of the reply, whose line end is missing. It is complete if no
    /// more bytes are expected.
    pub fn last_line(&mut self, input: &[u8]) -> Option<(ReplyPart, usize)> {
        if let Some(refusal) = self.unfinished_refusal(input) {
            self.begin_reply();
            self.was_refusal = true;
            self.greeting_lines = 0;
            let (part, _) = self.part(ReplyPart::Refused(refusal), Place::Refused);
            return Some((part, input.len()));
        }
        let record = self.unfinished_record(input)?;
        self.records += 1;
        self.headers = 0;
        self.other.forget_fields();
        let (part, _) = self.part(ReplyPart::Record(record), Place::Records);
        Some((part, input.len()))
    }

    /// The refusal on an unfinished status line, if the line ended here. Only the code counts: the phrase may be
    /// cut off.
    pub(super) fn unfinished_refusal(&self, input: &[u8]) -> Option<Refusal> {
        if !matches!(self.place, Place::Start) {
            return None;
        }
        let line = std::str::from_utf8(self.lines.rest(input)).ok()?;
        let other = || Status::in_other_words(line).filter(|_| self.reads_odd_rows());
        match Status::parse_line(line).ok().or_else(other)? {
            Status::Refused(refusal) => Some(refusal),
            Status::Ok | Status::PartialContent => None,
        }
    }

    /// The record on an unfinished line, if the line ended here.
    pub(super) fn unfinished_record(&self, input: &[u8]) -> Option<Record> {
        let is_after_status = matches!(self.place, Place::Found | Place::Records);
        if !is_after_status || self.form != ReplyForm::Records {
            return None;
        }
        let line = std::str::from_utf8(self.lines.rest(input)).ok()?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if self.reads_odd_rows() {
            return self.other.unfinished_record(line);
        }
        if is_header(line) { None } else { Record::parse(line).ok() }
    }

    /// Whether the unfinished line is padding, with which some programs fill each message to a block.
    pub(super) fn is_padding(&self, input: &[u8]) -> bool {
        let line = self.lines.rest(input);
        let is_filled = |&first: &u8| line.iter().all(|&byte| byte == first);
        self.odd_rows.are_read()
            && line.len() >= limits::PADDING
            && line.first().is_some_and(is_filled)
    }

    /// Whether the unfinished line is a mark by which some programs end each reply, such as `<END>`, and cannot
    /// become a row or a status line.
    pub(super) fn is_mark(&self, input: &[u8]) -> bool {
        let line = self.lines.rest(input);
        self.odd_rows.are_read()
            && (1..=LONGEST_MARK).contains(&line.len())
            && line.iter().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_digit())
            && ![&b"RFC"[..], b"FILE", b"P2P", b"[", b"(", b"{"]
                .iter()
                .any(|row| row.starts_with(line))
            && !line.starts_with(b"RFC")
            && !line.starts_with(b"P2P")
    }

    /// Ends the reply, of which no more bytes are expected; `input` is its unfinished line.
    pub fn end_here(&mut self, input: &[u8]) -> (ReplyPart, usize) {
        // A record that is not whole is reported.
        self.end_of_fields();
        self.ended_early = true;
        (self.part(ReplyPart::End, Place::Start).0, input.len())
    }
}
