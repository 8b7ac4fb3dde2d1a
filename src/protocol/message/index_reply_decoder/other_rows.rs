//! Records of other programs that are no lines: in brackets, on several lines with the names of their fields,
//! or without a status line before them (protocol.md section 4.9).

use super::found::{Found, Other};
use super::groups::{Group, is_empty, next_group, record_of_group};
use super::headers::is_header;
use super::odd_rows::{OddRows, RowsBegin, field_of_line};
use super::row_forms::{is_decoration, record_in_any_form};
use super::{IndexReplyDecoder, Place, ReplyForm};
use crate::limits;
use crate::protocol::SyntaxError;
use crate::protocol::message::decode_error::DecodeError;
use crate::protocol::message::index_reply::ReplyPart;

impl IndexReplyDecoder {
    /// Reads what begins at the next byte, if it is no line.
    pub(super) fn next_other(&mut self, input: &[u8]) -> Result<Other, DecodeError> {
        if self.form != ReplyForm::Records {
            return Ok(Other::Line);
        }
        match self.place {
            Place::Start => Ok(self.begin_without_status(input).map_or(Other::Line, Other::Found)),
            Place::Found | Place::Records => self.next_group(input),
            Place::Refused | Place::Ended => Ok(Other::Line),
        }
    }

    /// Rows without a status line: the reply has begun. A greeting does not begin like them.
    fn begin_without_status(&mut self, input: &[u8]) -> Option<Found> {
        let skips_others = self.odd_rows == OddRows::Read { skips_others: true };
        if !skips_others || self.rows_begin == RowsBegin::WithStatus {
            return None;
        }
        match begins_with_rows(self.lines.rest(input)) {
            Some(false) => None,
            None => Some(Found::Incomplete),
            Some(true) => {
                self.begin_reply();
                (self.greeting_lines, self.rows_begin) = (0, RowsBegin::WithoutStatus);
                let (part, used) = self.part(ReplyPart::Found, Place::Found);
                Some(Found::Part(part, used))
            }
        }
    }

    fn next_group(&mut self, input: &[u8]) -> Result<Other, DecodeError> {
        let rest = self.lines.rest(input);
        let is_end_line = || [&b"END\n"[..], b"END\r\n"].iter().any(|end| rest.starts_with(end));
        if !self.other.fields.is_empty()
            && is_end_line()
            && let Some((part, place)) = self.end_of_fields()
        {
            let (part, used) = self.part(part, place);
            return Ok(Other::Found(Found::Part(part, used)));
        }
        if self.other.is_after_group && self.other.depth == 0 {
            // What follows on the line of a row means nothing.
            let blanks = rest.iter().take_while(|byte| b" \t\r,;".contains(byte)).count();
            match rest.get(blanks) {
                None => return Ok(Other::Found(Found::Incomplete)),
                Some(b'\n') => self.lines.skip(blanks + 1),
                Some(_) => self.lines.skip(blanks),
            }
            self.other.is_after_group = false;
            return Ok(Other::Skipped);
        }
        let first = rest.iter().find(|byte| !b" \t".contains(byte));
        if self.other.depth == 0 && !first.is_some_and(|byte| b"[({".contains(byte)) {
            return Ok(Other::Line);
        }
        self.follows_grammar = false;
        let was_open = self.other.depth > 0;
        let group = next_group(rest, self.other.depth);
        let length = match group {
            Group::Incomplete => rest.len(),
            Group::End(end) | Group::Row { end, .. } => end,
        };
        if length > limits::RECORD_LINE {
            let expected = format!("a row of at most {} bytes", limits::RECORD_LINE);
            let fault = SyntaxError::new(expected, "a longer one", "7");
            return Err(DecodeError::new(self.line + 1, fault));
        }
        match group {
            Group::Incomplete => Ok(Other::Found(Found::Incomplete)),
            Group::End(end) => {
                self.lines.skip(end);
                let (part, used) = self.part(ReplyPart::End, Place::Start);
                Ok(Other::Found(Found::Part(part, used)))
            }
            Group::Row { begin, end, depth } => {
                let row = rest.get(begin..end).unwrap_or_default();
                let row = String::from_utf8_lossy(row);
                self.lines.skip(end);
                (self.other.depth, self.other.is_after_group) = (depth, true);
                self.place = Place::Records;
                match record_of_group(&row) {
                    Some(record) => {
                        self.count_record();
                        let (part, used) = self.part(ReplyPart::Record(record), Place::Records);
                        return Ok(Other::Found(Found::Part(part, used)));
                    }
                    // An empty list.
                    None if is_empty(&row) && depth == 0 && !was_open => {
                        let (part, used) = self.part(ReplyPart::End, Place::Start);
                        return Ok(Other::Found(Found::Part(part, used)));
                    }
                    None if is_empty(&row) => {}
                    None => self.skip_row(&row),
                }
                if self.lines.taken > limits::HEAD {
                    let expected = "a record within 16384 bytes of other rows";
                    let fault = SyntaxError::new(expected, "more of them", "7");
                    return Err(DecodeError::new(self.line + 1, fault));
                }
                Ok(Other::Skipped)
            }
        }
    }

    /// Reads a line that is a field of a record, or means nothing. `None`: it is another line.
    pub(super) fn take_named_field(&mut self, line: &str) -> Option<Option<(ReplyPart, Place)>> {
        let is_possible =
            matches!(self.place, Place::Found | Place::Records) && self.form == ReplyForm::Records;
        if !is_possible {
            return None;
        }
        if line.is_empty() && self.other.has_fields {
            // It ends a record, and not the reply: such a server may have one after each record.
            self.headers += 1;
            self.place = Place::Records;
            return Some(self.end_of_fields());
        }
        let is_line_of_record = self.records > 0 && !self.other.has_fields;
        if let Some((field, value)) = field_of_line(line)
            && !is_line_of_record
            && record_in_any_form(line).is_none()
        {
            self.headers += 1;
            self.follows_grammar = false;
            self.other.has_fields = true;
            self.place = Place::Records;
            let mut before = None;
            if !self.other.fields.set(field, value) {
                before = self.end_of_fields();
                self.other.fields.set(field, value);
            }
            let is_whole = before.is_none() && self.other.fields.are_all();
            return Some(if is_whole { self.end_of_fields() } else { before });
        }
        let is_head = matches!(self.place, Place::Found) && is_header(line);
        if is_head || is_decoration(line) {
            self.headers += 1;
            return Some(None);
        }
        None
    }

    /// A record on a line of its own follows. What has no number before it were headers.
    pub(super) fn leave_fields(&mut self) {
        if self.other.has_fields {
            let fields = std::mem::take(&mut self.other.fields);
            if fields.has_number() {
                self.skip_row(&fields.describe());
            }
            self.other.has_fields = false;
        }
    }

    /// The record of the fields so far. They are reported if they are none.
    pub(super) fn end_of_fields(&mut self) -> Option<(ReplyPart, Place)> {
        let fields = std::mem::take(&mut self.other.fields);
        if fields.is_empty() {
            return None;
        }
        let Some(record) = fields.record() else {
            self.skip_row(&fields.describe());
            return None;
        };
        self.count_record();
        Some((ReplyPart::Record(record), Place::Records))
    }

    fn count_record(&mut self) {
        self.records += 1;
        self.headers = 0;
    }
}

/// Whether rows begin here, and no status line and no greeting; `None` if that is not known yet.
fn begins_with_rows(input: &[u8]) -> Option<bool> {
    let mut rest = input.iter().copied();
    match rest.next()? {
        b'R' => {
            for expected in [b'F', b'C'] {
                if rest.next()? != expected {
                    return Some(false);
                }
            }
            let mut rest = rest.skip_while(|byte| b" :-#".contains(byte)).peekable();
            if !rest.peek()?.is_ascii_digit() {
                return Some(false);
            }
            let after = rest.find(|byte| !byte.is_ascii_digit())?;
            Some(b" |,;:\t<".contains(&after))
        }
        b'[' | b'(' | b'{' => {
            let next = rest.find(|byte| !b" \t\r\n".contains(byte))?;
            Some(next.is_ascii_digit() || b"[({\"'])}".contains(&next))
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests;
