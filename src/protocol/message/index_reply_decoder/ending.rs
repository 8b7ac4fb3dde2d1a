//! The end of a reply that does not end as the grammar demands (protocol.md section 4.9).

use super::{IndexReplyDecoder, Place, ReplyForm, ReplyState, is_header};
use crate::protocol::message::decode_error::DecodeError;
use crate::protocol::message::index_reply::ReplyPart;
use crate::protocol::{Record, SyntaxError};

impl IndexReplyDecoder {
    /// The same when the server has closed the connection and no more bytes will come.
    ///
    /// # Errors
    /// When the reply has not begun, or ends within a line.
    pub fn finish(&mut self, input: &[u8]) -> Result<(ReplyPart, usize), DecodeError> {
        if let Some(part) = self.decode(input)? {
            return Ok(part);
        }
        if let Some(part) = self.last_record(input) {
            return Ok(part);
        }
        match (self.state(input), self.form) {
            (ReplyState::Refused, _)
            | (ReplyState::Found { is_in_line: false, .. }, _)
            | (ReplyState::Found { .. }, ReplyForm::OneRecord) => Ok(self.end_here(input)),
            (ReplyState::Before | ReplyState::Found { .. }, _) => {
                let expected = "the rest of the reply";
                let found = "the end of the connection";
                let fault = SyntaxError::new(expected, found, "3.2");
                Err(DecodeError::new(self.line + 1, fault))
            }
        }
    }

    /// The record that is the last line of the reply, without the end of the line: if nothing more
    /// is expected, it is complete.
    pub fn last_record(&mut self, input: &[u8]) -> Option<(ReplyPart, usize)> {
        let record = self.unfinished_record(input)?;
        self.records += 1;
        self.headers = 0;
        let (part, _) = self.part(ReplyPart::Record(record), Place::Records);
        Some((part, input.len()))
    }

    /// The record that an unfinished line would be, if it ended here.
    pub(super) fn unfinished_record(&self, input: &[u8]) -> Option<Record> {
        let is_after_status = matches!(self.place, Place::Found | Place::Records);
        if !is_after_status || self.form != ReplyForm::Records {
            return None;
        }
        let line = std::str::from_utf8(self.lines.rest(input)).ok()?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if is_header(line) { None } else { Record::parse(line).ok() }
    }

    /// Ends the reply here, because nothing more of it is expected; `input` is what has arrived
    /// of an unfinished line.
    pub fn end_here(&mut self, input: &[u8]) -> (ReplyPart, usize) {
        self.ended_early = true;
        (self.part(ReplyPart::End, Place::Start).0, input.len())
    }
}
