//! Reading requests in any of the forms (protocol.md appendix B).

use std::net::SocketAddr;
use std::time::Duration;

use super::framing::{Beginning, Framing, Prefix, beginning};
use super::pickle::{self, Unreadable};
use super::pickled_request::text_of;
use super::reply_style::{LineEnd, ReplyStyle, StyleSettings};
use super::request_end::{
    END, EndedBy, Extent, RequestEnd, UNTERMINATED, begins_session_line, end_word,
    ended_by_silence, find_end, is_late_header, is_padding, may_start_request, remains,
    starts_request, trailing_padding,
};
use super::vocabulary::{Meaning, Sender};
use crate::limits;
use crate::protocol::SyntaxError;

/// Silence after which a request is answered although the earlier requests of its connection had an end of
/// their own.
const EXCEPTION: Duration = Duration::from_secs(2);

/// The least port that a program may state as a number before its first request.
const LEAST_PORT: usize = 1024;

/// What a program may send before a request line, and is no part of it: the byte order mark of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the requests of one connection in the forms of other programs, and learns the form of its replies.
#[derive(Debug)]
pub struct CompatReader {
    sender: Sender,
    settings: StyleSettings,
    style: ReplyStyle,
    last: Last,
    /// Whether a request had an end of its own: then silence means little.
    has_ends: bool,
    /// Whether a request was read, and not its line `END`.
    has_answered: bool,
    /// Whether requests begin with an empty line: then one does not end the request before.
    has_empty_line_first: bool,
}

/// How the last request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Last {
    /// By its own end, or there was none.
    Ended,
    /// By a run of this byte. More of them may follow.
    Padding(u8),
    /// By silence: headers that arrive later belong to it.
    Silence,
    /// By silence within a line: the rest of the line belongs to it, too.
    SilenceInLine,
}

/// What a reader finds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reading {
    /// More bytes are needed. If there is a time, and none arrive for it, the caller calls
    /// [`CompatReader::on_silence`].
    More(Option<Duration>),
    /// This number of bytes has this meaning.
    Found(usize, CompatRequest),
}

/// The meaning of bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CompatRequest {
    /// They mean nothing: they are the end of an earlier request.
    Skipped,
    /// A request, as the grammar writes it.
    Request(Vec<u8>),
    /// The line `END` that belongs to the last request. Its reply was sent, and should end with it, too.
    LateEnd,
    /// The peer says that it has joined. Nothing is replied.
    Join,
    /// The peer leaves.
    Leave,
    /// No request; its end is unknown.
    Unreadable(SyntaxError),
}

impl CompatReader {
    /// A reader for a connection from this address. Requests without Host or Port are taken to have these.
    pub fn new(address: SocketAddr, settings: StyleSettings) -> Self {
        Self {
            sender: Sender::new(address),
            settings,
            style: settings.apply(ReplyStyle::default()),
            last: Last::Ended,
            has_ends: false,
            has_answered: false,
            has_empty_line_first: false,
        }
    }

    /// The form of the reply to the last request.
    pub fn style(&self) -> ReplyStyle {
        self.style
    }

    /// Looks for a request at the start of `input`.
    pub fn next(&mut self, input: &[u8]) -> Reading {
        if matches!(input, [] | [b'\r']) {
            // A carriage return alone is half of a line end.
            return Reading::More(None);
        }
        if self.has_answered
            && let Some(used) = end_word(input)
        {
            return self.late_end(used);
        }
        if let Some(used) = self.remains_of_last(input) {
            return Reading::Found(used, CompatRequest::Skipped);
        }
        match ignored_before(input) {
            Some(0) => {}
            Some(used) => return Reading::Found(used, CompatRequest::Skipped),
            None => return Reading::More(None),
        }
        let follows_silence = matches!(self.last, Last::Silence | Last::SilenceInLine);
        let is_part = follows_silence && !input.contains(&b'\n') && !starts_request(input);
        if is_part || (self.has_answered && b"END\r\n".starts_with(input)) {
            // The rest of its line tells whether it belongs to the last request.
            return Reading::More((self.has_answered && input == END).then_some(UNTERMINATED));
        }
        match beginning(input, starts_text) {
            Beginning::Framed { prefix, start, length } => {
                self.framed(input, prefix, start, length)
            }
            Beginning::Pickle => self.pickle(input, None),
            // Silence after a prefix does not end a request: some programs send the prefix, and then the request.
            Beginning::Unknown => Reading::More(None),
            Beginning::Lines => match find_end(input, self.sender.has_omitted_port()) {
                RequestEnd::Found(extent) => self.lines(input, extent),
                end @ RequestEnd::Silence(_) => self.more(input, end),
            },
        }
    }

    /// Nothing has arrived for the time that [`Reading::More`] named.
    pub fn on_silence(&mut self, input: &[u8]) -> Reading {
        if self.has_answered && input == END {
            return self.late_end(input.len());
        }
        if let Beginning::Framed { start, length, .. } = beginning(input, starts_text) {
            return self.announced_port(start, length);
        }
        self.lines(input, ended_by_silence(input))
    }

    /// A number before a request that is not its length: the program states its port first.
    fn announced_port(&mut self, start: usize, port: usize) -> Reading {
        self.sender.learn_port(&port.to_string());
        Reading::Found(start, CompatRequest::Join)
    }

    fn late_end(&mut self, used: usize) -> Reading {
        self.has_ends = true;
        self.has_answered = false;
        self.style = self.settings.apply(self.style.with_end_word());
        Reading::Found(used, CompatRequest::LateEnd)
    }

    /// The bytes that belong to the last request.
    fn remains_of_last(&mut self, input: &[u8]) -> Option<usize> {
        let (padding, has_ended) = match self.last {
            Last::Padding(byte) => (Some(byte), true),
            Last::Ended => (None, true),
            // Padding after a pause.
            Last::Silence | Last::SilenceInLine => {
                (input.first().copied().filter(is_padding), false)
            }
        };
        let is_first = !self.has_answered && !self.has_ends && has_ended;
        let begins_empty = input.starts_with(b"\n") || input.starts_with(b"\r\n");
        self.has_empty_line_first |= is_first && begins_empty;
        let used = match remains(input, padding) {
            0 if has_ended || starts_request(input) || may_start_request(input) => 0,
            0 if self.last == Last::SilenceInLine || is_late_header(input) => {
                let line = input.iter().position(|&byte| byte == b'\n');
                self.last = if line.is_some() { Last::Silence } else { Last::SilenceInLine };
                line.map_or(input.len(), |at| at + 1)
            }
            0 => 0,
            used => {
                // An end that arrived late is an end.
                let is_blank = input.iter().take(used).all(|&byte| byte == b' ');
                let is_end = !(is_blank || begins_empty && self.has_empty_line_first);
                self.has_ends |= !has_ended && is_end;
                if let Some(&byte) = input.get(used - 1).filter(|byte| is_padding(byte))
                    && has_ended
                {
                    self.last = Last::Padding(byte);
                }
                used
            }
        };
        (used > 0).then_some(used)
    }

    fn more(&self, input: &[u8], end: RequestEnd) -> Reading {
        if input.len() > limits::HEAD {
            // The decoder says which limit it exceeds.
            return Reading::Found(input.len(), CompatRequest::Request(input.to_vec()));
        }
        let RequestEnd::Silence(time) = end else { return Reading::More(None) };
        let is_exception = self.has_ends && !begins_session_line(input);
        Reading::More(Some(if is_exception { time.max(EXCEPTION) } else { time }))
    }

    fn framed(&mut self, input: &[u8], prefix: Prefix, start: usize, length: usize) -> Reading {
        let framing = Framing::Prefixed(prefix);
        if length > limits::HEAD {
            let expected = "a request of at most 16384 bytes";
            let fault = SyntaxError::new(expected, format!("a prefix of {length} bytes"), "7");
            self.set_style(LineEnd::LineFeed, EndedBy::EmptyLine, framing);
            return Reading::Found(0, CompatRequest::Unreadable(fault));
        }
        let end = start.saturating_add(length);
        let Some(text) = input.get(start..end) else {
            let begun = input.get(start..).unwrap_or_default();
            let may_be_port = matches!(prefix, Prefix::Decimal { .. }) && length >= LEAST_PORT;
            // A request that ends before its length does, has none.
            return match find_end(begun, false) {
                RequestEnd::Found(_) if may_be_port => self.announced_port(start, length),
                RequestEnd::Silence(_) if may_be_port && !begun.is_empty() => {
                    Reading::More(Some(EXCEPTION))
                }
                _ => Reading::More(None),
            };
        };
        if pickle::begins(text) {
            return match self.pickle(text, Some(prefix)) {
                // No more of it will arrive.
                Reading::More(_) => self.unreadable_pickle(Some(prefix)),
                unreadable @ Reading::Found(0, _) => unreadable,
                Reading::Found(_, request) => Reading::Found(end, request),
            };
        }
        let request = self.read(text, EndedBy::EmptyLine, framing);
        Reading::Found(end, request)
    }

    fn pickle(&mut self, input: &[u8], prefix: Option<Prefix>) -> Reading {
        if !input.ends_with(b".") && input.len() <= pickle::LONGEST {
            // A value ends with a full stop. So it is not read again with each byte that arrives.
            return Reading::More(None);
        }
        let (value, used) = match pickle::read(input) {
            Ok(found) => found,
            Err(Unreadable::Incomplete) => return Reading::More(None),
            Err(Unreadable::Refused) => return self.unreadable_pickle(prefix),
        };
        let Some(text) = text_of(&value) else { return self.unreadable_pickle(prefix) };
        let request = self.read(text.as_bytes(), EndedBy::EmptyLine, Framing::Pickle(prefix));
        Reading::Found(used, request)
    }

    fn unreadable_pickle(&mut self, prefix: Option<Prefix>) -> Reading {
        let expected =
            "lines of a request, alone or in a list or dictionary of strings and numbers";
        let fault = SyntaxError::new(expected, "another value of Python's pickle module", "B.3");
        self.set_style(LineEnd::LineFeed, EndedBy::EmptyLine, Framing::Pickle(prefix));
        Reading::Found(0, CompatRequest::Unreadable(fault))
    }

    fn set_style(&mut self, line_end: LineEnd, by: EndedBy, framing: Framing) {
        self.style = self.settings.apply(ReplyStyle::of_request(line_end, by, framing));
    }

    fn lines(&mut self, input: &[u8], extent: Extent) -> Reading {
        let text = input.get(..extent.text).unwrap_or_default();
        let request = self.read(text, extent.by, Framing::Lines);
        Reading::Found(extent.used, request)
    }

    fn read(&mut self, text: &[u8], by: EndedBy, framing: Framing) -> CompatRequest {
        let padding = trailing_padding(text).filter(|_| by == EndedBy::Silence);
        let padded = padding.and_then(|_| text.last().copied()).map(EndedBy::Padding);
        let lines = text.get(..padding.unwrap_or(text.len())).unwrap_or_default();
        let is_end_mark = |byte: &u8| matches!(byte, 0x03 | 0x04 | 0x1a);
        let marks = lines.iter().rev().take_while(|byte| is_end_mark(byte)).count();
        let lines = lines.get(..lines.len() - marks).unwrap_or_default();
        self.last = match padded.unwrap_or(by) {
            EndedBy::Silence if lines.ends_with(b"\n") => Last::Silence,
            EndedBy::Padding(byte) if by != EndedBy::Silence || lines.ends_with(b"\n") => {
                Last::Padding(byte)
            }
            // A line may continue after what looks like padding.
            EndedBy::Silence | EndedBy::Padding(_) => Last::SilenceInLine,
            EndedBy::EmptyLine | EndedBy::Word | EndedBy::NextRequest => Last::Ended,
        };
        self.has_answered = by != EndedBy::Word;
        self.has_ends |= matches!(by, EndedBy::EmptyLine | EndedBy::Word | EndedBy::Padding(_));
        let first = text.iter().position(|&byte| byte == b'\n').and_then(|at| text.get(..at));
        let line_end = match first.is_some_and(|line| line.ends_with(b"\r")) {
            true => LineEnd::CarriageReturnLineFeed,
            false => LineEnd::LineFeed,
        };
        self.set_style(line_end, padded.unwrap_or(by), framing);
        let text = lines;
        let readable = std::str::from_utf8(text).ok().filter(|text| {
            !text.contains(|c: char| c.is_ascii_control() && !matches!(c, '\r' | '\n' | '\t'))
        });
        // The decoder says what is wrong with other bytes.
        let Some(text) = readable else {
            return CompatRequest::Request([text.trim_ascii_end(), b"\r\n\r\n"].concat());
        };
        match self.sender.read(text) {
            Meaning::Request(request) => CompatRequest::Request(request.into_bytes()),
            Meaning::Join => CompatRequest::Join,
            Meaning::Leave => CompatRequest::Leave,
        }
    }
}

/// Whether bytes are the beginning of a request; `None` if there are too few of them.
fn starts_text(text: &[u8]) -> Option<bool> {
    match starts_request(text) || pickle::begins(text) {
        true => Some(true),
        false => (!may_start_request(text)).then_some(false),
    }
}

/// The bytes before a request line that are no part of it: NULs that end the texts of some programs, and a byte
/// order mark. `None`: more bytes are needed to tell.
fn ignored_before(input: &[u8]) -> Option<usize> {
    if let Some(text) = input.strip_prefix(BYTE_ORDER_MARK) {
        return Some(input.len() - text.len());
    }
    if BYTE_ORDER_MARK.starts_with(input) {
        return None;
    }
    let count = input.iter().take_while(|&&byte| byte == 0).count();
    match input.get(count..) {
        Some(text) if count > 0 && !text.is_empty() => match starts_text(text) {
            Some(true) if !pickle::begins(text) => Some(count),
            Some(_) => Some(0),
            None => None,
        },
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests;
