//! Names of documents other than RFCs (protocol.md section 2.3).
//!
//! A name is percent-encoded on the wire and decoded in memory. By its grammar it is a relative
//! path without `..`. Only the library turns it into a path.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::SyntaxError;
use crate::limits;

/// The characters that would end a word on the wire, or begin an escape.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'/');

/// The name of a document other than an RFC: one path segment, or several with `/` between them.
///
/// ```text
/// file-name   = 1*(VCHAR-but-percent-and-slash / UTF8-non-ascii / pct-encoded)
/// pct-encoded = "%" 2HEXDIG
///             ; decoded: 1 to 255 bytes of UTF-8 without controls and "\"; no segment between
///             ; "/" is empty, "." or ".."
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FileName(Box<str>);

impl FileName {
    /// The decoded name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a name from its decoded form, as in a directory.
    ///
    /// # Errors
    /// When a segment is empty, `.` or `..`, or it holds a control character.
    pub fn from_decoded(name: &str) -> Result<Self, SyntaxError> {
        let legal = (1..=limits::FILE_NAME).contains(&name.len())
            && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
            && !name.chars().any(|c| c.is_control() || matches!(c, '\\' | '\u{2028}' | '\u{2029}'));
        if legal {
            Ok(Self(name.into()))
        } else {
            Err(SyntaxError::at(
                "a file name of 1 to 255 bytes without `\\`, control characters and segments such as `..`",
                name,
                "2.3",
            ))
        }
    }
}

impl FromStr for FileName {
    type Err = SyntaxError;

    /// Reads the percent-encoded form, in which `/` is `%2F`.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let escapes_are_whole = text.split('%').skip(1).all(|after| {
            after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
        });
        let decoded = percent_decode_str(text).decode_utf8();
        match decoded {
            Ok(name) if escapes_are_whole && !text.contains('/') => Self::from_decoded(&name),
            _ => Err(SyntaxError::at(
                "a percent-encoded file name in UTF-8, with `%2F` for `/`",
                text,
                "2.3",
            )),
        }
    }
}

impl fmt::Display for FileName {
    /// Writes the percent-encoded form, which is plain ASCII.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        utf8_percent_encode(&self.0, ENCODED).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_and_print() {
        for (wire, name) in [
            ("lecture-01.pdf", "lecture-01.pdf"),
            ("a%20b%25.txt", "a b%.txt"),
            ("%C3%A9t%C3%A9", "été"),
            ("...", "..."),
            ("notes%2F2026%2Fa.md", "notes/2026/a.md"),
            ("%e2%80%ae.txt", "\u{202e}.txt"),
        ] {
            let parsed: FileName = wire.parse().unwrap();
            assert_eq!(parsed.as_str(), name);
            assert_eq!(parsed.to_string().to_lowercase(), wire.to_lowercase());
        }
        assert_eq!("été".parse::<FileName>().unwrap().to_string(), "%C3%A9t%C3%A9");
    }

    #[test]
    fn names_that_lead_elsewhere() {
        let too_long = "x".repeat(256);
        for wire in [
            "",
            ".",
            "..",
            "%2e%2E",
            "a/b",
            "..%2f..",
            "%2fa",
            "a%2f",
            "a%2f%2fb",
            "a%2f..%2fb",
            "a%2f.",
            "%5c",
            "%00",
            "a%0d",
            "%",
            "%4",
            "%zz",
            "%ff",
            "%+1",
            &too_long,
        ] {
            assert!(wire.parse::<FileName>().is_err(), "{wire:?}");
        }
    }
}
