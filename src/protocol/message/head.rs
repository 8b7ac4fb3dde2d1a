//! The contents of the lines of a request, and single header lines (protocol.md sections 2.8 and 2.9).

use std::cell::OnceCell;
use std::io::Write;
use std::ops::Range;
use std::str::FromStr;

use super::decode_error::DecodeError;
use super::header::{Header, NAMES};
use super::request_faults::{
    Reader, fault_of_header, fault_of_missing, fault_of_version, fault_of_words,
};
use super::status::Refusal;
use crate::limits;
use crate::protocol::{Endpoint, SyntaxError, VERSION};

/// The header lines of a request, each with a name and a colon.
#[derive(Debug, Default)]
pub(super) struct Headers {
    /// The bytes as received, with the final empty line. Empty before the first request.
    text: String,
    /// The line number of each [`Header`] that occurs, and the position of its value in `text`.
    values: [Option<(usize, Range<usize>)>; NAMES.len()],
    /// The number of lines, with the request line and without the empty line.
    lines: usize,
    /// Host and Port, once they have been parsed.
    endpoint: OnceCell<Endpoint>,
}

impl Headers {
    /// The number of bytes of these header lines, if `bytes` begin with the same lines.
    pub(super) fn length_at(&self, bytes: &[u8]) -> Option<usize> {
        let same = !self.text.is_empty() && bytes.starts_with(self.text.as_bytes());
        same.then_some(self.text.len())
    }

    /// Reads header lines, which end at `ends`, and replaces those of the request before.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        ends: impl Iterator<Item = usize>,
    ) -> Result<(), DecodeError> {
        if self.text.as_bytes() == bytes {
            return Ok(());
        }
        self.text.clear();
        self.values = Default::default();
        self.endpoint = OnceCell::new();
        self.lines = 1;
        let text = utf8(bytes, 2)?;
        let mut begin = 0;
        for end in ends {
            self.lines += 1;
            let line = text.get(begin..end).unwrap_or_default();
            let line = line.strip_suffix('\n').unwrap_or_default();
            let line = line.strip_suffix('\r').unwrap_or(line);
            self.take(line, begin).map_err(|fault| DecodeError::new(self.lines, fault))?;
            begin = end;
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Frees the memory of long headers, because ten thousand connections may be idle.
    pub(super) fn forget_if_long(&mut self) {
        if self.text.capacity() > limits::REMEMBERED_HEADERS {
            *self = Self::default();
        }
    }

    /// Reads the next header line, at position `begin` of the text.
    fn take(&mut self, line: &str, begin: usize) -> Result<(), SyntaxError> {
        let (name, value) = header_parts(line).ok_or_else(|| fault_of_header(line))?;
        let name = line.get(name).unwrap_or_default();
        let mut known = NAMES.iter().zip(&mut self.values);
        let Some((known, place)) = known.find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            return Ok(());
        };
        let value = begin + value.start..begin + value.end;
        if place.replace((self.lines, value)).is_some() {
            let expected = format!("`{known}` once");
            return Err(SyntaxError::new(expected, "it again", "2.9"));
        }
        Ok(())
    }
}

/// The lines of a whole head.
pub struct Head<'a> {
    words: &'a str,
    headers: &'a Headers,
}

impl<'a> Head<'a> {
    pub(super) fn new(words: &'a str, headers: &'a Headers) -> Self {
        Self { words, headers }
    }

    /// The words of the request line before the version, and their number: at most four, which is
    /// one more than any method has.
    pub(super) fn words(&self) -> ([&'a str; 4], usize) {
        let mut words = [""; 4];
        let mut count = 0;
        for (place, word) in words.iter_mut().zip(self.words.split_ascii_whitespace()) {
            *place = word;
            count += 1;
        }
        (words, count)
    }

    /// The error of a request line that matches no method.
    pub(super) fn bad_line(&self, reader: Reader) -> DecodeError {
        DecodeError::new(1, fault_of_words(reader, self.words))
    }

    /// The value of a header that may be absent, parsed.
    pub(super) fn optional<T>(&self, header: Header) -> Result<Option<T>, DecodeError>
    where
        T: FromStr<Err = SyntaxError>,
    {
        let known = self.headers.values.get(header as usize);
        let Some(Some((line, value))) = known else { return Ok(None) };
        let value = self.headers.text.get(value.clone()).unwrap_or_default().parse();
        value.map(Some).map_err(|fault| DecodeError::new(*line, fault))
    }

    /// The value of a header that must be there.
    pub(super) fn required<T>(&self, header: Header) -> Result<T, DecodeError>
    where
        T: FromStr<Err = SyntaxError>,
    {
        self.optional(header)?.ok_or_else(|| {
            let name = NAMES.get(header as usize).copied().unwrap_or_default();
            let fault = fault_of_missing(name, &self.headers.text);
            DecodeError::new(self.headers.lines + 1, fault)
        })
    }

    /// The endpoint of the sender: Host and Port.
    pub(super) fn endpoint(&self) -> Result<Endpoint, DecodeError> {
        if let Some(known) = self.headers.endpoint.get() {
            return Ok(known.clone());
        }
        let (host, port) = (self.required(Header::Host)?, self.required(Header::Port)?);
        Ok(self.headers.endpoint.get_or_init(|| Endpoint { host, port }).clone())
    }
}

/// The words of a request line before the version. The version is checked first: another version is
/// refused with 505, whatever else is wrong. `example` is a valid request line for explanations.
pub(super) fn words_before_version<'a>(
    line: &'a [u8],
    example: &str,
) -> Result<&'a str, DecodeError> {
    let line = line.trim_ascii();
    let is_blank = |&byte: &u8| matches!(byte, b' ' | b'\t');
    let words = line.strip_suffix(VERSION.as_bytes());
    if let Some(words) = words.filter(|words| words.last().is_none_or(is_blank)) {
        return utf8(words, 1);
    }
    let version = line.rsplit(is_blank).next().unwrap_or(line);
    let mut error = DecodeError::new(1, fault_of_version(line, example));
    if version.starts_with(b"P2P-CI") {
        error.refusal = Refusal::VersionNotSupported;
    }
    Err(error)
}

/// Splits a header line at its colon, and removes blanks around name and value.
pub(super) fn split_header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = header_parts(line)?;
    Some((line.get(name)?, line.get(value)?))
}

/// The positions of name and value.
fn header_parts(line: &str) -> Option<(Range<usize>, Range<usize>)> {
    let colon = line.bytes().position(|byte| byte == b':')?;
    let name = without_blanks(line, 0..colon);
    let characters = line.get(name.clone())?;
    let legal = !characters.is_empty() && characters.bytes().all(|b| b.is_ascii_graphic());
    legal.then(|| (name, without_blanks(line, colon + 1..line.len())))
}

/// Removes blanks at both ends. `str::trim_matches` iterates over characters, which would take
/// longer than the rest of reading a header.
fn without_blanks(text: &str, within: Range<usize>) -> Range<usize> {
    let is_no_blank = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let bytes = text.as_bytes().get(within.clone()).unwrap_or_default();
    let start = bytes.iter().position(is_no_blank).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(is_no_blank).map_or(start, |at| at + 1);
    within.start + start..within.start + end
}

/// Appends one header line.
pub(super) fn encode_header(out: &mut Vec<u8>, name: &str, value: impl std::fmt::Display) {
    append(out, format_args!("{name}: {value}\r\n"));
}

/// Appends one header line with a value that needs no formatting.
pub(super) fn encode_text_header(out: &mut Vec<u8>, name: &str, value: &str) {
    let parts = [name, ": ", value, "\r\n"];
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
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
        let first = bad.get(..1).unwrap_or_default();
        DecodeError::new(line, SyntaxError::at("text in UTF-8", first, "2.1"))
    })
}
