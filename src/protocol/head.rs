//! The lines of a whole request, and single header lines (protocol.md sections 2.8 and 2.9).

use std::io::Write;
use std::str::FromStr;

use memchr::memchr;

use super::error::{DecodeError, SyntaxError};
use super::status::Refusal;
use super::{VERSION, keep_alive};

/// A header that means something in requests, and therefore may stand only once.
#[derive(Clone, Copy)]
pub(super) enum Header {
    Host,
    Port,
    Title,
    Os,
    Limit,
    WantDigest,
    Range,
    WantAttributes,
    Digest,
    Length,
    Connection,
}

/// The names of each [`Header`], in their order.
const NAMES: [&str; 11] = [
    "Host",
    "Port",
    "Title",
    "OS",
    "Limit",
    "Want-Digest",
    "Range",
    "Want-Attributes",
    "Digest",
    "Length",
    keep_alive::NAME,
];

/// The lines of a whole head: each header line has a name and a colon.
pub struct Head<'a> {
    words: &'a str,
    /// Each header that is there: its line, and its value.
    headers: [Option<(usize, &'a str)>; NAMES.len()],
    /// Lines of the head, without the empty one.
    lines: usize,
}

impl<'a> Head<'a> {
    /// Checks the version first: whatever else is wrong, another version is 505.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let line_end = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        let (request_line, headers) = bytes.split_at(line_end);
        let words = Self::words_before_version(request_line)?;
        let mut head = Self { words, headers: [None; NAMES.len()], lines: 1 };
        let mut rest = utf8(headers, 2)?;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
            let (line, behind) = rest.split_at(end);
            rest = behind;
            let line = line.strip_suffix('\n').unwrap_or(line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            head.lines += 1;
            head.take(line).map_err(|fault| DecodeError::new(head.lines, fault))?;
        }
        Ok(head)
    }

    /// Takes the next header line.
    fn take(&mut self, text: &'a str) -> Result<(), SyntaxError> {
        let (name, value) = split_header(text).ok_or_else(|| {
            SyntaxError::at("a header such as `Host: somehost.csc.ncsu.edu`", text, "2.9")
        })?;
        let known = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
        if let Some(known) = known
            && self.headers[known].replace((self.lines, value)).is_some()
        {
            let expected = format!("`{}` once", NAMES[known]);
            return Err(SyntaxError::new(expected, "it again", "2.9"));
        }
        Ok(())
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
        let mut error = DecodeError::new(1, error);
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
        DecodeError::new(1, SyntaxError::at(expected, self.words.trim_end(), section))
    }

    /// The value of a header that may be absent, parsed.
    pub(super) fn optional<T>(&self, header: Header) -> Result<Option<T>, DecodeError>
    where
        T: FromStr<Err = SyntaxError>,
    {
        self.headers[header as usize]
            .map(|(line, value)| value.parse().map_err(|fault| DecodeError::new(line, fault)))
            .transpose()
    }

    /// The value of a header that must be there.
    pub(super) fn required<T>(&self, header: Header) -> Result<T, DecodeError>
    where
        T: FromStr<Err = SyntaxError>,
    {
        self.optional(header)?.ok_or_else(|| {
            let expected = format!("a header `{}`", NAMES[header as usize]);
            let fault = SyntaxError::new(expected, "the end of the head", "2.9");
            DecodeError::new(self.lines + 1, fault)
        })
    }
}

/// Splits a header line at its colon; blanks around name and value mean nothing.
pub(super) fn split_header(line: &str) -> Option<(&str, &str)> {
    let colon = memchr(b':', line.as_bytes())?;
    let (name, value) = (without_blanks(&line[..colon]), without_blanks(&line[colon + 1..]));
    let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    legal.then_some((name, value))
}

/// Takes blanks off both ends. `str::trim_matches` walks characters, which takes longer than all
/// else that is done with a header.
fn without_blanks(text: &str) -> &str {
    let is_no_blank = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = text.as_bytes().iter().position(is_no_blank).unwrap_or(text.len());
    let end = text.as_bytes().iter().rposition(is_no_blank).map_or(start, |at| at + 1);
    &text[start..end]
}

/// Appends one header line.
pub(super) fn encode_header(out: &mut Vec<u8>, name: &str, value: impl std::fmt::Display) {
    append(out, format_args!("{name}: {value}\r\n"));
}

/// Appends one header line with a text that need not be formatted.
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
        let bad = &bad[..bad.len().min(1)];
        DecodeError::new(line, SyntaxError::at("text in UTF-8", bad, "2.1"))
    })
}
