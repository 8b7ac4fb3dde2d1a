//! RFC numbers, limits of SEARCH, and lengths (protocol.md sections 2.2, 2.9, 4.10).
//!
//! A number consists of digits only; it has no sign and no blanks.

use std::fmt;
use std::str::FromStr;

use super::SyntaxError;

/// The number of an RFC (protocol.md section 2.2).
///
/// ```text
/// rfc-number = 1*9DIGIT   ; 1..=999999999, written without leading zeros
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RfcNumber(u32);

impl RfcNumber {
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
                "an RFC number from 1 to 999999999 without leading zeros, such as `793`",
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

/// The maximum number of records in the reply to SEARCH (protocol.md section 4.10).
///
/// ```text
/// limit = 1*9DIGIT   ; 1..=999999999
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit(u32);

impl Limit {
    /// The number itself, 1..=999999999.
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl FromStr for Limit {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        match digits(text, 9).map(u32::try_from) {
            Some(Ok(limit @ 1..)) => Ok(Self(limit)),
            _ => Err(SyntaxError::at("a limit from 1 to 999999999, such as `20`", text, "4.10")),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A length of a document in bytes, at most 19 digits (protocol.md section 2.9).
pub(in crate::protocol) struct ContentLength(pub(in crate::protocol) u64);

impl FromStr for ContentLength {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        digits(text, 19)
            .map(Self)
            .ok_or_else(|| SyntaxError::at("a length of 1 to 19 digits", text, "2.9"))
    }
}

/// Reads a number of digits only, at most `longest` of them. `str::parse` would also accept `+5`.
pub(in crate::protocol) fn digits(text: &str, longest: usize) -> Option<u64> {
    if !(1..=longest).contains(&text.len()) {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_numbers_at_their_edges() {
        for text in ["1", "9", "123", "999999999"] {
            assert_eq!(text.parse::<RfcNumber>().map(|n| n.to_string()), Ok(text.into()));
        }
        for text in
            ["", "0", "00", "01", "0123", "1000000000", "+5", "-5", " 5", "5 ", "0x5", "٣", "5a"]
        {
            assert!(text.parse::<RfcNumber>().is_err(), "RFC {text:?}");
        }
    }

    #[test]
    fn limits_at_their_edges() {
        for text in ["1", "999999999"] {
            assert_eq!(text.parse::<Limit>().map(|limit| limit.to_string()), Ok(text.into()));
        }
        for text in ["", "0", "-1", "+1", "1000000000"] {
            assert!(text.parse::<Limit>().is_err(), "limit {text:?}");
        }
    }

    #[test]
    fn lengths_at_their_edges() {
        for (text, length) in
            [("0", 0), ("007", 7), ("9999999999999999999", 9_999_999_999_999_999_999)]
        {
            assert_eq!(text.parse::<ContentLength>().map(|length| length.0), Ok(length));
        }
        for text in ["", "-1", "+1", "1 ", "10000000000000000000", "1e3"] {
            assert!(text.parse::<ContentLength>().is_err(), "length {text:?}");
        }
    }
}
