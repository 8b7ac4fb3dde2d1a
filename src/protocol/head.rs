//! Where a request ends, and what its lines are (protocol.md section 3).
//!
//! [`RequestDecoder`] finds the end of either kind of request, [`Head`] looks into its lines. A partial message is not an error, and no byte is looked at twice while
//! more of them arrive.

use std::io::Write;
use std::marker::PhantomData;

use super::error::{DecodeError, SyntaxError};
use super::lines::Lines;
use super::status::Refusal;
use super::{VERSION, token};
use crate::limits;

/// A request that can be read from a head and written: to the index, or to a peer.
pub trait Request: FromHead {
    /// Appends the request as it goes on the wire.
    fn encode(&self, out: &mut Vec<u8>);
}

/// The part of [`Request`] that only this module's neighbours implement.
pub trait FromHead: Sized {
    /// Makes sense of a head whose lines are well-formed.
    fn from_head(head: &Head<'_>) -> Result<Self, DecodeError>;
}

/// Counts the bytes of the empty lines that `input` begins with.
///
/// They may stand before a request and mean nothing (protocol.md section 3.1): whoever waits for
/// a request drops them, so that they start no deadline.
pub fn empty_lines(input: &[u8]) -> usize {
    let mut count = 0;
    loop {
        match &input[count..] {
            [b'\n', ..] => count += 1,
            [b'\r', b'\n', ..] => count += 2,
            _ => return count,
        }
    }
}

/// Reads requests from bytes as they arrive.
#[derive(Debug)]
pub struct RequestDecoder<R> {
    lines: Lines,
    request: PhantomData<R>,
}

impl<R: Request> RequestDecoder<R> {
    /// A decoder at the beginning of a conversation.
    pub fn new() -> Self {
        Self { lines: Lines::default(), request: PhantomData }
    }

    /// Looks for a request at the start of `input`.
    ///
    /// `Ok(None)`: so far it is a valid prefix; call again with the same bytes and more behind
    /// them. Otherwise the returned count says how many bytes the request took, and the next call
    /// must be without them.
    ///
    /// # Errors
    /// When the bytes are no request; [`DecodeError::framed`] says whether its end is known.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(R, usize)>, DecodeError> {
        let Some(start) = self.find_end(input)? else {
            return Ok(None);
        };
        let used = self.lines.taken;
        *self = Self::new();
        Head::new(&input[start..used])
            .and_then(|head| R::from_head(&head))
            .map(|request| Some((request, used)))
            .map_err(|error| error.ending_after(used))
    }

    /// The fault of a request that was begun and will not go on: `found` says what came instead.
    pub fn cut(&self, found: &'static str) -> DecodeError {
        let fault = SyntaxError::new("the empty line that ends a request", found, "3.1");
        DecodeError::unframed(self.lines.count + 1, fault)
    }

    /// Finds the empty line; returns where the request line begins.
    fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, DecodeError> {
        let start = empty_lines(input);
        if self.lines.taken < start {
            self.lines = Lines { taken: start, scanned: start, count: 0 };
        }
        // Programs of other protocols often begin with a length or a marker and then wait: they
        // are answered at their first byte.
        let first = input.get(start).filter(|_| self.lines.count == 0);
        if let Some(&first) = first
            && !first.is_ascii_graphic()
            && !matches!(first, b' ' | b'\t' | b'\r')
        {
            return Err(unframed(1, "a request line, such as `LIST ALL P2P-CI/1.0`", &[first]));
        }
        loop {
            let number = self.lines.count + 1;
            let limit = if number == 1 { limits::START_LINE } else { limits::HEADER_LINE };
            let scanned = self.lines.scanned;
            let line = self.lines.next(input, limit);
            // Refused as soon as it is seen: who sends such a byte may never end the line.
            let seen = &input[scanned..self.lines.scanned];
            if let Some(at) = seen.iter().position(|&byte| is_stray(byte)) {
                let found = &seen[at..=at];
                return Err(unframed(number, "text without control characters", found));
            }
            let Some(line) = line? else { return Ok(None) };
            if self.lines.taken - start > limits::HEAD {
                return Err(too_large(number, "a head of at most 16384 bytes"));
            }
            if line.is_empty() {
                return Ok(Some(start));
            }
            if line.contains(&b'\r') {
                return Err(unframed(number, "a line end behind each carriage return", b"\r"));
            }
            if number > 1 + limits::REQUEST_HEADERS {
                return Err(too_large(number, "at most 32 header lines"));
            }
        }
    }
}

fn unframed(line: usize, expected: &'static str, found: &[u8]) -> DecodeError {
    DecodeError::unframed(line, SyntaxError::at(expected, found, "3.1"))
}

fn too_large(line: usize, expected: &'static str) -> DecodeError {
    DecodeError::unframed(line, SyntaxError::new(expected, "more", "7"))
}

impl<R: Request> Default for RequestDecoder<R> {
    fn default() -> Self {
        Self::new()
    }
}

/// A control byte that no line may hold. Tab is a blank; carriage return is judged by its place.
fn is_stray(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n')
}

/// Headers that mean something in requests, and therefore may stand only once.
const ONCE: [&str; 4] = ["Host", "Port", "Title", "OS"];

/// The lines of a whole head: each header line has a name and a colon.
pub struct Head<'a> {
    words: &'a str,
    headers: &'a str,
}

impl<'a> Head<'a> {
    /// Checks the version first: whatever else is wrong, another version is 505.
    fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let line_end =
            bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let (request_line, headers) = bytes.split_at(line_end);
        let words = Self::words_before_version(request_line)?;
        let headers = utf8(headers, 2)?;
        let head = Self { words, headers };
        let mut seen = [false; ONCE.len()];
        for (line, text) in head.lines() {
            let (name, _) = split_header(text).ok_or_else(|| {
                let expected = "a header such as `Host: somehost.csc.ncsu.edu`";
                DecodeError::bad(line, SyntaxError::at(expected, text, "2.9"))
            })?;
            let known = ONCE.iter().position(|once| once.eq_ignore_ascii_case(name));
            if let Some(known) = known
                && std::mem::replace(&mut seen[known], true)
            {
                let expected = format!("`{}` once", ONCE[known]);
                return Err(DecodeError::bad(line, SyntaxError::new(expected, "it again", "2.9")));
            }
        }
        Ok(head)
    }

    fn words_before_version(request_line: &'a [u8]) -> Result<&'a str, DecodeError> {
        let line = request_line.trim_ascii();
        let is_blank = |&byte: &u8| matches!(byte, b' ' | b'\t');
        let start = line.iter().rposition(is_blank).map_or(0, |at| at + 1);
        let (words, version) = line.split_at(start);
        if version == VERSION.as_bytes() {
            return utf8(words, 1);
        }
        let error = SyntaxError::at("`P2P-CI/1.0` at the end of the line", version, "2.8");
        let mut error = DecodeError::bad(1, error);
        if version.starts_with(b"P2P-CI") {
            error.refusal = Refusal::VersionNotSupported;
        }
        Err(error)
    }

    /// The words of the request line before the version: at most four, one too many included.
    pub(super) fn words(&self) -> ([&'a str; 4], usize) {
        let mut words = [""; 4];
        let mut count = 0;
        for (place, word) in words.iter_mut().zip(self.words.split_ascii_whitespace()) {
            *place = word;
            count += 1;
        }
        (words, count)
    }

    /// An error about the request line.
    pub(super) fn bad_line(&self, expected: &'static str, section: &'static str) -> DecodeError {
        DecodeError::bad(1, SyntaxError::at(expected, self.words.trim_end(), section))
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        self.headers
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 2, line))
            .filter(|(_, l)| !l.is_empty())
    }

    /// The value of a header that may be absent, parsed.
    pub(super) fn optional<T>(&self, name: &'static str) -> Result<Option<T>, DecodeError>
    where
        T: std::str::FromStr<Err = SyntaxError>,
    {
        for (line, text) in self.lines() {
            if let Some((found, value)) = split_header(text)
                && found.eq_ignore_ascii_case(name)
            {
                return value.parse().map(Some).map_err(|fault| DecodeError::bad(line, fault));
            }
        }
        Ok(None)
    }

    /// The value of a header that must be there.
    pub(super) fn required<T>(&self, name: &'static str) -> Result<T, DecodeError>
    where
        T: std::str::FromStr<Err = SyntaxError>,
    {
        self.optional(name)?.ok_or_else(|| {
            let line = self.lines().count() + 2;
            let fault =
                SyntaxError::new(format!("a header `{name}`"), "the end of the head", "2.9");
            DecodeError::bad(line, fault)
        })
    }
}

/// Splits a header line at its colon; blanks around name and value mean nothing.
pub(super) fn split_header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_matches([' ', '\t']);
    let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    legal.then(|| (name, value.trim_matches([' ', '\t'])))
}

/// Appends one header line.
pub(super) fn encode_header(out: &mut Vec<u8>, name: &str, value: impl std::fmt::Display) {
    append(out, format_args!("{name}: {value}\r\n"));
}

/// Appends formatted text.
pub(super) fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

fn utf8(bytes: &[u8], first_line: usize) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (before, bad) = bytes.split_at(error.valid_up_to());
        let line = first_line + before.iter().filter(|&&byte| byte == b'\n').count();
        let bad = &bad[..bad.len().min(1)];
        DecodeError::bad(line, SyntaxError::at("text in UTF-8", bad, "2.1"))
    })
}

/// A length of a document in bytes, at most 19 digits (protocol.md section 2.9).
pub(super) struct ContentLength(pub(super) u64);

impl std::str::FromStr for ContentLength {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        token::digits(text, 19)
            .map(Self)
            .ok_or_else(|| SyntaxError::at("a length of 1 to 19 digits", text, "2.9"))
    }
}
