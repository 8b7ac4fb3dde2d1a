//! What the index answers (protocol.md sections 4.6 and 3.2).
//!
//! A reply may hold ten million records, so it is read part by part; [`IndexReply`] is the whole
//! of a small one. What other servers leave out is read too: the empty line behind the status,
//! the one at the end, and `RFC` in front of a record.

use super::error::{DecodeError, SyntaxError};
use super::head::{append, encode_header, split_header};
use super::lines::Lines;
use super::status::{Refusal, Status};
use super::{Attribute, HeaderText, Record, encode_record};
use crate::limits;

/// A whole reply.
///
/// ```text
/// index-reply = found / refused
/// found       = status-line-200 CRLF *( record CRLF ) CRLF
/// refused     = status-line [ "Reason:" SP header-text CRLF ] CRLF
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IndexReply {
    /// The records that were asked for, or the one that was added or removed; without their
    /// attributes.
    Found(Vec<Record>),
    /// Nothing was done.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The fault in words, if the server explains (protocol.md section 6.3).
        reason: Option<HeaderText>,
    },
}

/// Appends what stands before the records of a reply. The records follow, each by
/// [`encode_record`], and then [`END_OF_RECORDS`]: an index writes a long reply in pieces.
pub fn encode_found(out: &mut Vec<u8>) {
    out.extend_from_slice(b"P2P-CI/1.0 200 OK\r\n\r\n");
}

/// Appends one attribute of the record before it (protocol.md section 4.11).
pub fn encode_attribute(attribute: Attribute, out: &mut Vec<u8>) {
    append(out, format_args!("{attribute}\r\n"));
}

/// The empty line behind the records of a reply.
pub const END_OF_RECORDS: &[u8] = b"\r\n";

/// Appends a refusal: the same bytes from an index and from an upload server.
pub fn encode_refusal(refusal: Refusal, reason: Option<&HeaderText>, out: &mut Vec<u8>) {
    Status::Refused(refusal).encode_line(out);
    if let Some(reason) = reason {
        encode_header(out, "Reason", reason);
    }
    out.extend_from_slice(b"\r\n");
}

impl IndexReply {
    /// Appends the reply as it goes on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Found(records) => {
                encode_found(out);
                records.iter().for_each(|record| encode_record(record.borrowed(), out));
                out.extend_from_slice(END_OF_RECORDS);
            }
            Self::Refused { refusal, reason } => encode_refusal(*refusal, reason.as_ref(), out),
        }
    }

    /// Reads one whole reply from the start of `input`.
    ///
    /// # Errors
    /// When the bytes are no reply of an index.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let mut decoder = IndexReplyDecoder::default();
        let mut reply = Self::Found(Vec::new());
        let mut used = 0;
        while let Some((part, taken)) = decoder.decode(&input[used..])? {
            used += taken;
            match (part, &mut reply) {
                (ReplyPart::Refused(refusal), _) => {
                    reply = Self::Refused { refusal, reason: None };
                }
                (ReplyPart::Reason(text), Self::Refused { reason, .. }) => *reason = Some(text),
                (ReplyPart::Record(record), Self::Found(records)) => records.push(record),
                (ReplyPart::End, _) => return Ok(Some((reply, used))),
                (
                    ReplyPart::Found
                    | ReplyPart::Reason(_)
                    | ReplyPart::Record(_)
                    | ReplyPart::Attribute(_),
                    _,
                ) => {}
            }
        }
        Ok(None)
    }
}

/// One part of a reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReplyPart {
    /// The first part of a reply: records follow.
    Found,
    /// The first part of a reply: nothing was done.
    Refused(Refusal),
    /// Behind a refusal, from a server that explains.
    Reason(HeaderText),
    /// One record.
    Record(Record),
    /// An attribute of the record before it.
    Attribute(Attribute),
    /// The reply is whole.
    End,
}

/// Reads replies part by part.
#[derive(Debug, Default)]
pub struct IndexReplyDecoder {
    lines: Lines,
    place: Place,
    line: usize,
    records: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Start,
    Refused,
    /// Behind `200`, before the empty line that other servers leave out.
    Found,
    Records,
}

impl IndexReplyDecoder {
    /// Looks for the next part at the start of `input`, which begins behind the last part.
    ///
    /// `Ok(None)`: call again with the same bytes and more behind them.
    ///
    /// # Errors
    /// When the bytes are no reply of an index. The conversation cannot go on.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(ReplyPart, usize)>, DecodeError> {
        loop {
            // A status line where a record may stand: the server left out the last empty line.
            let next = &input[self.lines.taken..];
            if matches!(self.place, Place::Found | Place::Records) && Status::starts_line(next) {
                return Ok(Some(self.part(ReplyPart::End, Place::Start)));
            }
            if self.lines.taken > limits::HEAD || self.records > limits::RECORDS {
                let expected = "a reply of at most 10000000 records, with a short head";
                let fault = SyntaxError::new(expected, "more", "7");
                return Err(DecodeError::new(self.line, fault));
            }
            let Some(line) = self.lines.next(input, limits::RECORD_LINE)? else {
                return Ok(None);
            };
            self.line += 1;
            let number = self.line;
            let at_line = |fault| DecodeError::new(number, fault);
            let line = std::str::from_utf8(line)
                .map_err(|_| at_line(SyntaxError::at("a line in UTF-8", line, "2.1")))?;
            match (self.place, line) {
                (Place::Start, "") => {}
                (Place::Start, _) => {
                    let status = Status::parse_line(line).map_err(at_line)?;
                    let (part, place) = match status {
                        Status::Ok => (ReplyPart::Found, Place::Found),
                        Status::Refused(refusal) => (ReplyPart::Refused(refusal), Place::Refused),
                        Status::PartialContent => {
                            let fault = SyntaxError::at("200 or a refusal", line, "3.2");
                            return Err(at_line(fault));
                        }
                    };
                    return Ok(Some(self.part(part, place)));
                }
                (Place::Found, "") => self.place = Place::Records,
                (Place::Refused | Place::Records, "") => {
                    return Ok(Some(self.part(ReplyPart::End, Place::Start)));
                }
                (Place::Refused, _) => {
                    let reason = split_header(line)
                        .filter(|header| header.0.eq_ignore_ascii_case("Reason"))
                        .and_then(|header| header.1.parse().ok());
                    if let Some(reason) = reason {
                        return Ok(Some(self.part(ReplyPart::Reason(reason), Place::Refused)));
                    }
                }
                (Place::Records, _) if is_attribute(line) => {
                    let attribute =
                        split_header(line).and_then(|(name, value)| Attribute::parse(name, value));
                    if let Some(attribute) = attribute {
                        let part = ReplyPart::Attribute(attribute);
                        return Ok(Some(self.part(part, Place::Records)));
                    }
                }
                (Place::Found | Place::Records, _) => {
                    let record = Record::parse(line).map_err(at_line)?;
                    self.records += 1;
                    return Ok(Some(self.part(ReplyPart::Record(record), Place::Records)));
                }
            }
        }
    }

    /// The same when the server has closed the connection and no more bytes will come.
    ///
    /// # Errors
    /// When the reply has not begun, or ends within a line.
    pub fn finish(&mut self, input: &[u8]) -> Result<(ReplyPart, usize), DecodeError> {
        if let Some(part) = self.decode(input)? {
            return Ok(part);
        }
        let rest = &input[self.lines.taken..];
        if !rest.is_empty() || matches!(self.place, Place::Start) {
            let expected = "the rest of the reply";
            let found = "the end of the connection";
            let fault = SyntaxError::new(expected, found, "3.2");
            return Err(DecodeError::new(self.line + 1, fault));
        }
        Ok(self.part(ReplyPart::End, Place::Start))
    }

    /// Whether nothing of the next reply was seen.
    pub fn is_between_replies(&self) -> bool {
        matches!(self.place, Place::Start) && self.lines.taken == 0
    }

    fn part(&mut self, part: ReplyPart, place: Place) -> (ReplyPart, usize) {
        let used = std::mem::take(&mut self.lines).taken;
        self.place = place;
        if matches!(place, Place::Start) {
            self.line = 0;
            self.records = 0;
        }
        (part, used)
    }
}

/// Whether a line between records is a header: no record's first word ends with a colon, but for
/// the `RFC:` of some programs.
fn is_attribute(line: &str) -> bool {
    let word = line.split(' ').next().unwrap_or(line);
    word.ends_with(':') && word != "RFC:"
}
