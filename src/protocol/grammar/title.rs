//! Free text: titles and the texts of headers (protocol.md sections 2.5 and 2.9).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use smol_str::SmolStr;

use super::SyntaxError;
use crate::limits;

/// The title of a document, for people (protocol.md section 2.5).
///
/// ```text
/// title = *512(VCHAR / UTF8-non-ascii / SP)   ; no control, no line or paragraph separator,
///                                             ; no blank at either end; may be empty
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Title(Arc<str>);

impl Title {
    /// The title as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a title from any text: each character that a title cannot contain becomes a blank,
    /// runs of blanks become one, and a long text is truncated between characters.
    pub fn folded(text: &str) -> Self {
        Self(fold(text, limits::TITLE).into())
    }
}

impl FromStr for Title {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let text = text.trim_matches([' ', '\t']);
        if text.len() <= limits::TITLE && is_one_line(text) {
            Ok(Self(text.into()))
        } else {
            Err(fault(text, "a title of at most 512 bytes", limits::TITLE, "2.5"))
        }
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cold]
fn fault(text: &str, length: &'static str, longest: usize, section: &'static str) -> SyntaxError {
    match text.len() {
        1.. if text.len() <= longest => {
            SyntaxError::at("text without control characters and line ends", text, section)
        }
        count => SyntaxError::new(length, format!("{count} bytes"), section),
    }
}

fn fold(text: &str, longest: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || !is_title_character(c));
    let mut folded = String::with_capacity(text.len());
    for word in words.filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded.truncate(folded.floor_char_boundary(longest));
    folded.truncate(folded.trim_end().len());
    folded
}

/// Most titles are ASCII, for which the check is vectorized.
fn is_one_line(text: &str) -> bool {
    let is_plain = |plain: bool, byte: &u8| plain & matches!(byte, b' '..=b'~');
    text.as_bytes().iter().fold(true, is_plain) || text.chars().all(is_title_character)
}

/// The line and paragraph separators are refused because some languages treat them as line ends.
fn is_title_character(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}')
}

/// Short free text of a header: `OS`, `Content-Type` (protocol.md section 2.9).
///
/// ```text
/// header-text = 1*256(VCHAR / UTF8-non-ascii / SP)   ; as for a title
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HeaderText(SmolStr);

impl HeaderText {
    /// The text as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes header text from any text, as [`Title::folded`] does; `None` if nothing is left.
    pub fn folded(text: &str) -> Option<Self> {
        Some(fold(text, limits::HEADER_TEXT))
            .filter(|text| !text.is_empty())
            .map(|t| Self(t.into()))
    }
}

impl FromStr for HeaderText {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let text = text.trim_matches([' ', '\t']);
        let legal = (1..=limits::HEADER_TEXT).contains(&text.len()) && is_one_line(text);
        if legal {
            Ok(Self(text.into()))
        } else {
            Err(fault(text, "1 to 256 bytes", limits::HEADER_TEXT, "2.9"))
        }
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_one_line() {
        let longest = "é".repeat(256);
        for text in ["", "TCP", "A  B", "日本語", "a\u{202e}b", &longest] {
            assert_eq!(text.parse::<Title>().map(|t| t.to_string()), Ok(text.into()));
        }
        assert_eq!(" \tTCP\t ".parse::<Title>().map(|t| t.to_string()), Ok("TCP".into()));
        let too_long = "x".repeat(513);
        for text in ["a\tb", "a\rb", "a\nb", "a\0", "\u{1b}[0m", "\u{85}", "a\u{2028}b", &too_long]
        {
            assert!(text.parse::<Title>().is_err(), "title {text:?}");
        }
    }

    #[test]
    fn any_text_can_be_folded_into_a_title() {
        for (text, title) in [
            ("  Host\n   Software ", "Host Software"),
            ("a\u{1b}b\u{2028}c\u{85}d", "a b c d"),
            ("\0", ""),
        ] {
            assert_eq!(Title::folded(text).as_str(), title);
        }
        let folded = Title::folded(&"ab é ".repeat(500));
        assert!(folded.as_str().len() <= 512, "{}", folded.as_str().len());
        assert_eq!(folded.as_str().parse(), Ok(folded));
    }
}
