//! The lines of a whole request, and single header lines (protocol.md sections 2.8 and 2.9).

use std::io::Write;
use std::str::FromStr;

use super::VERSION;
use super::error::{DecodeError, SyntaxError};
use super::status::Refusal;

/// Headers that mean something in requests, and therefore may stand only once.
const ONCE: [&str; 10] = [
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
];

/// The lines of a whole head: each header line has a name and a colon.
pub struct Head<'a> {
    words: &'a str,
    headers: &'a str,
}

impl<'a> Head<'a> {
    /// Checks the version first: whatever else is wrong, another version is 505.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
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
                DecodeError::new(line, SyntaxError::at(expected, text, "2.9"))
            })?;
            let known = ONCE.iter().position(|once| once.eq_ignore_ascii_case(name));
            if let Some(known) = known
                && std::mem::replace(&mut seen[known], true)
            {
                let expected = format!("`{}` once", ONCE[known]);
                return Err(DecodeError::new(line, SyntaxError::new(expected, "it again", "2.9")));
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
        T: FromStr<Err = SyntaxError>,
    {
        for (line, text) in self.lines() {
            if let Some((found, value)) = split_header(text)
                && found.eq_ignore_ascii_case(name)
            {
                return value.parse().map(Some).map_err(|fault| DecodeError::new(line, fault));
            }
        }
        Ok(None)
    }

    /// The value of a header that must be there.
    pub(super) fn required<T>(&self, name: &'static str) -> Result<T, DecodeError>
    where
        T: FromStr<Err = SyntaxError>,
    {
        self.optional(name)?.ok_or_else(|| {
            let line = self.lines().count() + 2;
            let fault =
                SyntaxError::new(format!("a header `{name}`"), "the end of the head", "2.9");
            DecodeError::new(line, fault)
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
        DecodeError::new(line, SyntaxError::at("text in UTF-8", bad, "2.1"))
    })
}
