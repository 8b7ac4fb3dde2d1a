//! The end of a request that has no length prefix (protocol.md appendix B.2).

use std::time::Duration;

use memchr::memchr;

use super::header_names::{header_in, host_and_port};
use super::request_line::{headers_in_line, split_headers};
use super::vocabulary::{JOINING, LEAVING};
use crate::limits;

/// Silence that ends a request whose headers are complete.
const COMPLETE: Duration = Duration::from_millis(50);
/// Silence that ends a request whose last line has no line end.
pub(super) const UNTERMINATED: Duration = Duration::from_millis(300);
/// Silence that ends a request without all of its headers. A person who types a request needs longer than a
/// program for each line.
const INCOMPLETE: Duration = Duration::from_secs(2);

/// The word that ends a request, on a line of its own.
pub(super) const END: &[u8] = b"END";

/// The words that begin a request line.
const METHODS: [&str; 8] = ["ADD", "REMOVE", "DEL", "LOOKUP", "LIST", "LISTALL", "SEARCH", "GET"];

/// The words that mean, alone on a line and without a version, that the peer leaves.
const LEAVING_ALONE: [&str; 7] = ["LEAVE", "DISCONNECT", "EXIT", "QUIT", "STOP", "BYE", "CLOSE"];

/// How far a request reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RequestEnd {
    /// The request has ended.
    Found(Extent),
    /// More bytes are needed, unless none arrive for this time.
    Silence(Duration),
}

/// The bytes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Extent {
    /// Bytes of its lines.
    pub(super) text: usize,
    /// Bytes of its lines and of what ends them.
    pub(super) used: usize,
    /// What ended it.
    pub(super) by: EndedBy,
}

/// What ended a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EndedBy {
    /// An empty line.
    EmptyLine,
    /// A line `END`, perhaps after an empty line.
    Word,
    /// A run of this byte.
    Padding(u8),
    /// The next request line.
    NextRequest,
    /// Nothing more has arrived for some time.
    Silence,
}

/// Finds the end of the request at the start of `input`, which begins with its request line. Requests of some
/// connections are complete without a Port.
pub(super) fn find_end(input: &[u8], without_port: bool) -> RequestEnd {
    let mut begin = 0;
    let mut headers = Seen { port: without_port, ..Seen::default() };
    loop {
        let rest = input.get(begin..).unwrap_or_default();
        let length = memchr(b'\n', rest).map(|at| at + 1);
        let whole = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        let line = whole.trim_ascii_end();
        let found = |used, by| RequestEnd::Found(Extent { text: begin, used, by });
        if begin > 0 {
            if length.is_some() && line.is_empty() {
                let after = begin + whole.len();
                return match end_word(input.get(after..).unwrap_or_default()) {
                    Some(word) => found(after + word, EndedBy::Word),
                    None => found(after, EndedBy::EmptyLine),
                };
            }
            if let Some(word) = end_word(rest) {
                return found(begin + word, EndedBy::Word);
            }
            if starts_request(rest) {
                return found(begin, EndedBy::NextRequest);
            }
        }
        if let Some(at) = padding(whole, begin, length.is_some()) {
            let text = begin + at;
            let padded = input.get(text..).unwrap_or_default();
            let used = text + padding_length(padded);
            let by = EndedBy::Padding(padded.first().copied().unwrap_or_default());
            return RequestEnd::Found(Extent { text, used, by });
        }
        if begin > 0 && length.is_none() && trailing_padding(rest) == Some(0) {
            // Padding after the lines, or the beginning of a header that begins with blanks.
            let silence = if headers.are_complete() { COMPLETE } else { INCOMPLETE };
            return RequestEnd::Silence(silence);
        }
        if begin == 0
            && let Some(used) = length.filter(|_| is_word_of_leaving(line))
        {
            return RequestEnd::Found(Extent { text: used, used, by: EndedBy::Silence });
        }
        headers.add(line, begin == 0);
        if headers.lines > 1 + limits::REQUEST_HEADERS {
            // The decoder says that these are too many.
            return found(begin, EndedBy::NextRequest);
        }
        match length {
            Some(length) => begin += length,
            None if !rest.is_empty() => return RequestEnd::Silence(UNTERMINATED),
            None if headers.are_complete() => return RequestEnd::Silence(COMPLETE),
            None => return RequestEnd::Silence(INCOMPLETE),
        }
    }
}

/// The number of bytes at the start of `input` that can only belong to the end of an earlier request: empty
/// lines, a line `END`, and its padding.
pub(super) fn remains(input: &[u8], padding: Option<u8>) -> usize {
    let mut rest = input;
    loop {
        if let [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] = rest {
            rest = after;
        } else if let Some(word) = end_word(rest) {
            rest = rest.get(word..).unwrap_or_default();
        } else if (padding.is_some() && rest.first().copied() == padding) || is_run_of_padding(rest)
        {
            rest = rest.get(padding_length(rest)..).unwrap_or_default();
        } else {
            return input.len() - rest.len();
        }
    }
}

/// Whether this begins with padding that no request can begin with. Blanks may stand before a request line.
fn is_run_of_padding(input: &[u8]) -> bool {
    let first = input.first().filter(|byte| is_padding(byte) && **byte != b' ');
    first.is_some_and(|&first| run(input, first) >= limits::PADDING)
}

/// The words with which programs join or leave. `DEL` is none of them, because it may also remove a record.
fn session_words() -> impl Iterator<Item = &'static &'static str> {
    JOINING.iter().chain(&LEAVING)
}

/// Whether a request line begins here: a method or another known word, and a blank.
pub(super) fn starts_request(input: &[u8]) -> bool {
    let end = input.iter().position(u8::is_ascii_whitespace);
    let Some(word) = end.and_then(|end| input.get(..end)) else { return false };
    METHODS.iter().chain(session_words()).any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether this line says that the peer leaves, and no header can follow it.
fn is_word_of_leaving(line: &[u8]) -> bool {
    let word = line.trim_ascii();
    LEAVING_ALONE.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether the request line that begins here has a word for joining or leaving, after which no other program sends
/// headers.
pub(super) fn begins_session_line(input: &[u8]) -> bool {
    let word = input.trim_ascii_start().split(u8::is_ascii_whitespace).next().unwrap_or_default();
    session_words().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether what has arrived may become the beginning of a request line.
pub(super) fn may_start_request(input: &[u8]) -> bool {
    let known = METHODS.iter().chain(session_words());
    known.map(|word| word.as_bytes()).any(|word| {
        input.len() <= word.len()
            && word.get(..input.len()).is_some_and(|begin| input.eq_ignore_ascii_case(begin))
    })
}

/// Whether a header begins here that belongs to the request before.
pub(super) fn is_late_header(input: &[u8]) -> bool {
    !input.first().is_some_and(u8::is_ascii_whitespace) && !header_in(input).0.is_empty()
}

/// The length of a line `END`. The next request may take the place of its line end.
pub(super) fn end_word(input: &[u8]) -> Option<usize> {
    let after = input.strip_prefix(END)?;
    let line_end = [&b"\n"[..], b"\r\n"].into_iter().find(|end| after.starts_with(end));
    match line_end {
        Some(line_end) => Some(END.len() + line_end.len()),
        None => starts_request(after).then_some(END.len()),
    }
}

/// What silence has ended: all that has arrived, or the lines before an `END` without a line end.
pub(super) fn ended_by_silence(input: &[u8]) -> Extent {
    let used = input.len();
    match input.strip_suffix(END).filter(|lines| lines.ends_with(b"\n")) {
        Some(lines) => Extent { text: lines.len(), used, by: EndedBy::Word },
        None => Extent { text: used, used, by: EndedBy::Silence },
    }
}

/// The position of padding that ends a request without a pause, in a line that begins at `begin` and reaches to
/// the end of what has arrived of it.
///
/// What may still become a line of the grammar is not padding: a title may have, and end with, any number of
/// exclamation marks, and its line may arrive in pieces. Such padding ends a request after a silence.
fn padding(line: &[u8], begin: usize, is_terminated: bool) -> Option<usize> {
    // No line has a NUL.
    if !is_terminated && line.ends_with(b"\0") {
        return Some(line.len() - line.iter().rev().take_while(|&&byte| byte == 0).count());
    }
    let first = *line.first().filter(|byte| begin > 0 && is_padding(byte))?;
    let count = run(line, first);
    let after = line.get(count..).unwrap_or_default();
    let ends = starts_request(after) || (is_terminated && after.trim_ascii().is_empty());
    (count >= limits::PADDING && ends).then_some(0)
}

/// The position of padding at the end of a line.
pub(super) fn trailing_padding(line: &[u8]) -> Option<usize> {
    let last = *line.last().filter(|byte| is_padding(byte))?;
    let count = line.iter().rev().take_while(|&&byte| byte == last).count();
    (count >= limits::PADDING).then_some(line.len() - count)
}

/// Whether programs pad requests with this byte.
pub(super) fn is_padding(byte: &u8) -> bool {
    matches!(byte, b'~' | b'!' | b'\0' | b' ')
}

/// The number of bytes of padding and of line ends after it.
fn padding_length(input: &[u8]) -> usize {
    let count = input.first().map_or(0, |&first| run(input, first));
    let after = input.get(count..).unwrap_or_default();
    count
        + [&b"\r\n"[..], b"\n"]
            .into_iter()
            .find(|end| after.starts_with(end))
            .map_or(0, <[u8]>::len)
}

/// The number of bytes equal to `byte` at the start.
fn run(input: &[u8], byte: u8) -> usize {
    input.iter().take_while(|&&other| other == byte).count()
}

/// The headers of a request that have been seen.
#[derive(Default)]
struct Seen {
    lines: usize,
    host: bool,
    port: bool,
    title: bool,
    method: Option<Method>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Method {
    Add,
    Get,
    Lookup,
    /// A word of a session: it needs no header.
    Session,
    Other,
}

impl Seen {
    fn add(&mut self, line: &[u8], is_request_line: bool) {
        self.lines += 1;
        if is_request_line {
            let words = line.split(u8::is_ascii_whitespace);
            let first = words.into_iter().find(|word| !word.is_empty()).unwrap_or_default();
            let is = |name: &str| first.eq_ignore_ascii_case(name.as_bytes());
            self.method = Some(match first {
                _ if is("ADD") => Method::Add,
                _ if is("GET") => Method::Get,
                _ if is("LOOKUP") => Method::Lookup,
                _ if is("DEL") || session_words().any(|word| is(word)) => Method::Session,
                _ => Method::Other,
            });
            let text = std::str::from_utf8(line).unwrap_or_default();
            headers_in_line(split_headers(text.trim()).1)
                .into_iter()
                .for_each(|header| self.add_header(header.as_bytes()));
            return;
        }
        self.add_header(line);
    }

    fn add_header(&mut self, line: &[u8]) {
        match header_in(line) {
            ("Host", value) => {
                self.host = true;
                self.port |= host_and_port(value).is_some();
            }
            ("Port", _) => self.port = true,
            ("Title", _) => self.title = true,
            _ => {}
        }
    }

    fn are_complete(&self) -> bool {
        match self.method {
            Some(Method::Add) => self.host && self.port && self.title,
            // OS is not required, and a late one changes no reply.
            Some(Method::Get) => self.host,
            // All programs send the title last.
            Some(Method::Lookup) => self.host && (self.port || self.title),
            Some(Method::Session) => true,
            Some(Method::Other) => self.host && self.port,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests;
