//! The words that messages are made of: RFC number, host, port, title (protocol.md section 2).
//!
//! Each is a newtype whose only way in is parsing, so that a value that exists can be written.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::SyntaxError;
use crate::limits;

/// The number of an RFC (protocol.md section 2.2).
///
/// ```text
/// rfc-number = 1*9DIGIT   ; 1..=999999999, written without leading zeros
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RfcNumber(u32);

impl RfcNumber {
    /// The largest number.
    pub const MAX: Self = Self(999_999_999);

    /// The number itself, 1..=999999999.
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl FromStr for RfcNumber {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        match digits(text, 9) {
            // Nine digits always fit in 32 bits.
            Some(number @ 1..) if !text.starts_with('0') => {
                Ok(Self(u32::try_from(number).unwrap_or(u32::MAX)))
            }
            _ => Err(SyntaxError::at(
                "an RFC number from 1 to 999999999 without leading zeros",
                text,
                "2.2",
            )),
        }
    }
}

impl fmt::Display for RfcNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a peer calls its machine: a host name or an IP address (protocol.md section 2.6).
///
/// ```text
/// host = 1*253 VCHAR   ; visible US-ASCII, no blank
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Host(Box<str>);

impl Host {
    /// The host as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let legal = (1..=limits::HOST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if legal {
            Ok(Self(text.into()))
        } else {
            Err(SyntaxError::at("a host of 1 to 253 visible ASCII characters", text, "2.6"))
        }
    }
}

impl From<std::net::IpAddr> for Host {
    /// An IPv6 address is written without brackets: the port is a word of its own.
    fn from(address: std::net::IpAddr) -> Self {
        Self(address.to_canonical().to_string().into())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The TCP port of an upload server (protocol.md section 2.6).
///
/// ```text
/// port = 1*5DIGIT   ; 1..=65535
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Port(NonZeroU16);

impl Port {
    /// The number itself, 1..=65535.
    pub const fn value(self) -> u16 {
        self.0.get()
    }
}

impl FromStr for Port {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        digits(text, 5)
            .and_then(|number| u16::try_from(number).ok())
            .and_then(NonZeroU16::new)
            .map(Self)
            .ok_or_else(|| SyntaxError::at("a port from 1 to 65535", text, "2.6"))
    }
}

impl From<NonZeroU16> for Port {
    fn from(port: NonZeroU16) -> Self {
        Self(port)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a peer's upload server is reached (protocol.md section 2.6).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    /// The machine.
    pub host: Host,
    /// The port on it.
    pub port: Port,
}

impl FromStr for Endpoint {
    type Err = SyntaxError;

    /// Reads `HOST:PORT`; an IPv6 address may stand in brackets.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| SyntaxError::at("HOST:PORT, such as `localhost:5678`", text, "2.6"))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok(Self { host: host.parse()?, port: port.parse()? })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.as_str().contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// The title of a document, for people (protocol.md section 2.5).
///
/// ```text
/// title = *512(VCHAR / UTF8-non-ascii / SP)   ; no control, no line or paragraph separator,
///                                             ; no blank at either end; may be empty
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Title(Box<str>);

impl Title {
    /// The title as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a title of any text: what a title cannot hold becomes a blank, runs of blanks become
    /// one, and what is too long is cut between characters.
    pub fn folded(text: &str) -> Self {
        Self(fold(text, limits::TITLE).into())
    }
}

impl FromStr for Title {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let text = text.trim_matches([' ', '\t']);
        if text.len() <= limits::TITLE && text.chars().all(is_title_character) {
            Ok(Self(text.into()))
        } else {
            Err(SyntaxError::at(
                "a title of at most 512 bytes without control characters",
                text,
                "2.5",
            ))
        }
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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

/// The separators are refused because programs in other languages take them for line ends.
fn is_title_character(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}')
}

/// Short free text of a header: `OS`, `Content-Type` (protocol.md section 2.9).
///
/// ```text
/// header-text = 1*256(VCHAR / UTF8-non-ascii / SP)   ; as for a title
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HeaderText(Box<str>);

impl HeaderText {
    /// The text as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HeaderText {
    /// Makes header text of any text, as [`Title::folded`] does; `None` if nothing is left.
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
        let legal =
            (1..=limits::HEADER_TEXT).contains(&text.len()) && text.chars().all(is_title_character);
        if legal {
            Ok(Self(text.into()))
        } else {
            Err(SyntaxError::at("1 to 256 bytes without control characters", text, "2.9"))
        }
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads a number of digits only, at most `longest` of them. `str::parse` would take `+5` too.
pub(super) fn digits(text: &str, longest: usize) -> Option<u64> {
    let legal = (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if legal { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_their_edges() {
        for text in ["1", "9", "123", "999999999"] {
            assert_eq!(text.parse::<RfcNumber>().map(|n| n.to_string()), Ok(text.into()));
        }
        for text in
            ["", "0", "00", "01", "0123", "1000000000", "+5", "-5", " 5", "5 ", "0x5", "٣", "5a"]
        {
            assert!(text.parse::<RfcNumber>().is_err(), "RFC {text:?}");
        }
        for text in ["1", "80", "7734", "65535"] {
            assert_eq!(text.parse::<Port>().map(|p| p.to_string()), Ok(text.into()));
        }
        for text in ["", "0", "00000", "65536", "99999", "100000", "+80", "-1", " 80", "8o"] {
            assert!(text.parse::<Port>().is_err(), "port {text:?}");
        }
    }

    #[test]
    fn hosts_are_one_visible_word() {
        let longest = "a".repeat(253);
        for text in ["h", "thishost.csc.ncsu.edu", "10.0.0.1", "::1", "DESKTOP_7", &longest] {
            assert_eq!(text.parse::<Host>().map(|h| h.to_string()), Ok(text.into()));
        }
        let too_long = "a".repeat(254);
        for text in ["", " ", "a b", "a\tb", "a\u{7f}", "é", "a\0", &too_long] {
            assert!(text.parse::<Host>().is_err(), "host {text:?}");
        }
    }

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

    #[test]
    fn endpoints_read_and_print() {
        for text in ["localhost:5678", "10.0.0.1:1", "[::1]:65535"] {
            assert_eq!(text.parse::<Endpoint>().map(|e| e.to_string()), Ok(text.into()));
        }
        for text in ["", "localhost", "localhost:", ":80", "a b:80", "[]:80"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
        }
    }
}
