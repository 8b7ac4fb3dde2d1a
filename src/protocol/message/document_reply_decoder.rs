//! Reads the head of a reply of an upload server, also of other programs (protocol.md sections 5.2 and 5.4).

mod header_name;

use std::borrow::Cow;

use super::decode_error::DecodeError;
use super::document_bounds::{DocumentBounds, mark_length};
use super::document_padding::Padding;
use super::document_reply::{DocumentHead, DocumentReply};
use super::head::split_header;
use super::lines::Lines;
use super::reply_prefix::{Beginning, beginning};
use super::status::Status;
use crate::limits;
use crate::protocol::grammar::keep_alive::{self, KeepAlive};
use crate::protocol::{Date, SyntaxError};
use header_name::Name;

/// Reads the head of a reply.
#[derive(Debug, Default)]
pub struct DocumentReplyDecoder {
    lines: Lines,
    place: Place,
    head: DocumentHead,
    seen: Vec<Name>,
    is_part: bool,
    bounds: DocumentBounds,
    /// The position after the last line that is certainly part of the head.
    certain: usize,
    /// Whether headers have `=` or a blank in place of their colons.
    has_other_separator: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Start,
    Headers,
    /// After an empty line. Some upload servers send empty lines within the head.
    EmptyLine,
}

impl DocumentReplyDecoder {
    /// Looks for a whole head at the start of `input`, and returns it with its length.
    ///
    /// `Ok(None)`: call again with the same bytes and more after them.
    ///
    /// # Errors
    /// When the bytes are no reply of an upload server.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(DocumentReply, usize)>, DecodeError> {
        loop {
            if self.lines.taken > limits::HEAD || self.lines.count > limits::RESPONSE_HEADERS {
                let fault =
                    SyntaxError::new("a head of at most 64 lines and 16384 bytes", "more", "7");
                return Err(DecodeError::new(self.lines.count, fault));
            }
            let next = self.lines.rest(input);
            match self.place {
                Place::Start => {
                    if self.lines.taken == 0 {
                        match beginning(input) {
                            Beginning::Unknown => return Ok(None),
                            Beginning::Prefixed(prefix) => {
                                self.bounds.prefix = Some(prefix);
                                (self.lines.taken, self.lines.scanned) =
                                    (prefix.width, prefix.width);
                            }
                            Beginning::Lines => {}
                        }
                    }
                    let Some(line) = self.lines.next(input, limits::START_LINE)? else {
                        return Ok(None);
                    };
                    if line.is_empty() {
                        continue;
                    }
                    let line = String::from_utf8_lossy(line);
                    let status = match Status::parse_line(&line) {
                        Ok(status) => status,
                        Err(fault) => {
                            self.bounds.has_other_status = true;
                            Status::in_other_version(&line)
                                .ok_or_else(|| DecodeError::new(self.lines.count, fault))?
                        }
                    };
                    match status {
                        Status::Refused(refusal) => {
                            return Ok(Some((DocumentReply::Refused(refusal), self.lines.taken)));
                        }
                        Status::PartialContent => self.is_part = true,
                        Status::Ok => {}
                    }
                    (self.place, self.certain) = (Place::Headers, self.lines.taken);
                }
                Place::EmptyLine if !self.head_may_go_on(next) => {
                    return self.found(input).map(Some);
                }
                // Padding in place of the empty line: the document follows it without a line end.
                Place::Headers if !self.seen.is_empty() && is_after_padding(next) => {
                    return self.found(input).map(Some);
                }
                Place::EmptyLine | Place::Headers => {
                    let before = self.lines;
                    // A line that is too long is no header: it belongs to the document.
                    let Ok(line) = self.lines.next(input, limits::HEADER_LINE) else {
                        return self.found(input).map(Some);
                    };
                    let Some(line) = line else { return Ok(None) };
                    if self.take(line, self.lines.taken - before.taken)? {
                        continue;
                    }
                    let is_within = self.certain == before.taken && self.seen.is_empty();
                    match is_within.then(|| self.is_before_header(input)) {
                        Some(None) => {
                            self.lines = before;
                            return Ok(None);
                        }
                        Some(Some(true)) => {
                            self.bounds.has_other_line = true;
                            self.certain = self.lines.taken;
                        }
                        None | Some(Some(false)) => {
                            self.lines = before;
                            return self.found(input).map(Some);
                        }
                    }
                }
            }
        }
    }

    /// Like [`DocumentReplyDecoder::decode`], after the end of the connection.
    ///
    /// # Errors
    /// When there is no status line, or it is not determined where the document begins.
    pub fn finish(&mut self, input: &[u8]) -> Result<(DocumentReply, usize), DecodeError> {
        if let Some(found) = self.decode(input)? {
            return Ok(found);
        }
        let rest = self.lines.rest(input);
        match self.place {
            Place::Start => {
                let line = String::from_utf8_lossy(rest);
                match Status::parse_line(line.trim_end()) {
                    Ok(Status::Refused(refusal)) => {
                        Ok((DocumentReply::Refused(refusal), input.len()))
                    }
                    Ok(Status::Ok | Status::PartialContent) => Err(self.cut_off()),
                    Err(fault) => Err(DecodeError::new(self.lines.count + 1, fault)),
                }
            }
            // Without the rest of the head, the beginning of a header would be stored as the document.
            Place::Headers
                if self.head.content_length.is_none()
                    && (matches!(rest, b"" | b"\r") || Name::may_start(rest, |_, _| true)) =>
            {
                Err(self.cut_off())
            }
            Place::Headers | Place::EmptyLine => self.found(input),
        }
    }

    /// The connection has ended within the head.
    fn cut_off(&self) -> DecodeError {
        let fault = SyntaxError::new("the rest of the head", "the end of the connection", "5.3");
        DecodeError::new(self.lines.count + 1, fault)
    }

    /// What the head that was found tells about the place of the document.
    pub fn into_bounds(self) -> DocumentBounds {
        self.bounds
    }

    /// Whether the next line is a header of the protocol, after a line that is none. `None`: it has not
    /// arrived whole.
    fn is_before_header(&self, input: &[u8]) -> Option<bool> {
        let mut ahead = self.lines;
        let Ok(line) = ahead.next(input, limits::HEADER_LINE) else { return Some(false) };
        let colon = line?.iter().position(|&byte| byte == b':');
        let name = colon.and_then(|colon| line?.get(..colon));
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        Some(name.and_then(Name::parse).is_some())
    }

    /// Whether the bytes after an empty line may be another header. A reply that follows the
    /// grammar has all five headers, so that the bytes of its document are never examined.
    fn head_may_go_on(&self, next: &[u8]) -> bool {
        // `Data` also stands before documents.
        let is_mark = |spelling: &str| spelling == "data" && self.head.content_length.is_some();
        // The document may be shorter than the name of a header: waiting for more bytes could wait
        // forever.
        let longest = self.head.content_length.unwrap_or(u64::MAX);
        self.seen.len() < 5
            && Name::may_start(next, |name, spelling| {
                let fits = spelling.len() as u64 <= longest && !is_mark(spelling);
                fits && !self.seen.contains(&name)
            })
    }

    /// Reads a line of the head; `false` if the line is not a header.
    fn take(&mut self, line: &[u8], with_end: usize) -> Result<bool, DecodeError> {
        if line.is_empty() {
            self.bounds.empty_line = with_end;
            self.place = Place::EmptyLine;
            return Ok(true);
        }
        let Ok(line) = std::str::from_utf8(line) else {
            return Ok(false);
        };
        let other = self.with_other_separator(line);
        self.has_other_separator |= other.is_some();
        let Some((name, value)) = other.or_else(|| line.split_once(':')) else {
            return Ok(false);
        };
        let Some(name) = Name::parse(name) else {
            let Some((name, value)) = split_header(line) else { return Ok(false) };
            if self.head.content_length.is_some() && mark_length(line.as_bytes()).is_some() {
                return Ok(false);
            }
            self.bounds.empty_line = 0;
            if name.eq_ignore_ascii_case(keep_alive::NAME) {
                self.head.keep_alive = value.parse() == Ok(KeepAlive(true));
                self.certain = self.lines.taken;
            }
            return Ok(true);
        };
        let is_new = !self.seen.contains(&name);
        let was_known = self.head.content_length.is_some();
        // `Data` also stands before documents.
        let is_mark = name == Name::Date && mark_length(line.as_bytes()).is_some();
        if is_mark && (!is_new || was_known) {
            return Ok(false);
        }
        let line = self.lines.count;
        let value = if name == Name::ContentLength { without_unit(value) } else { value };
        self.head.set(name, value.trim()).map_err(|fault| DecodeError::new(line, fault))?;
        if is_new {
            self.seen.push(name);
        }
        // After the length and an empty line, or for the second time, it may be a line of the document.
        if is_new && (self.bounds.empty_line == 0 || !was_known) {
            self.certain = self.lines.taken;
        }
        self.bounds.empty_line = 0;
        self.place = Place::Headers;
        Ok(true)
    }

    /// The name and the value of a header with `=` or a blank in place of its colon. The first header of a head tells
    /// whether it has such headers.
    fn with_other_separator<'a>(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        if self.bounds.empty_line > 0 || !(self.has_other_separator || self.seen.is_empty()) {
            return None;
        }
        let (name, value) = line.split_once(['=', ' ']).filter(|(name, _)| !name.contains(':'))?;
        let known = Name::parse(name)?;
        let is_first = match known {
            Name::ContentLength => value.trim().bytes().all(|byte| byte.is_ascii_digit()),
            Name::Date | Name::LastModified => value.parse::<Date>().is_ok(),
            _ => false,
        };
        let is_new = !self.seen.contains(&known);
        (is_new && (is_first || self.has_other_separator)).then_some((name, value))
    }

    /// The head that was read. A 206 without a content range is unusable; in a 200 a content range
    /// is ignored.
    fn found(&mut self, input: &[u8]) -> Result<(DocumentReply, usize), DecodeError> {
        let mut head = std::mem::take(&mut self.head);
        let width = self.bounds.prefix.map_or(0, |prefix| prefix.width);
        let length = self.lines.taken.saturating_sub(width) as u64;
        if !self.is_part {
            head.content_range = None;
        } else if head.content_range.is_none() {
            let fault = SyntaxError::new("`Content-Range` in a 206", "none", "5.6");
            return Err(DecodeError::new(self.lines.count, fault));
        }
        if let (None, Some(prefix)) = (head.content_length, self.bounds.prefix) {
            head.content_length = prefix.length.checked_sub(length).filter(|rest| *rest > 0);
        }
        self.bounds.head = length;
        self.bounds.content_length = head.content_length;
        self.bounds.has_extensions = head.digest.is_some() || head.keep_alive || self.is_part;
        self.bounds.doubtful = match input.get(self.certain..self.lines.taken) {
            _ if self.is_part => Cow::Borrowed(b""),
            None | Some(b"") => Cow::Borrowed(b""),
            // Nearly all heads end like this.
            Some(b"\r\n") => Cow::Borrowed(b"\r\n"),
            Some(b"\n") => Cow::Borrowed(b"\n"),
            Some(lines) => Cow::Owned(lines.to_vec()),
        };
        Ok((DocumentReply::Found(head), self.lines.taken))
    }
}

/// Whether these bytes begin with padding, which no header does.
fn is_after_padding(next: &[u8]) -> bool {
    Padding::at_start(next).is_some_and(Padding::is_probable)
}

/// A length without a unit such as ` bytes`.
fn without_unit(value: &str) -> &str {
    let number = value.trim();
    match number.split_once(' ') {
        Some((number, "bytes" | "Bytes" | "byte" | "B")) => number,
        _ => number,
    }
}

#[cfg(test)]
mod tests;
