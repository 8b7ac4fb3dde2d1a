//! A length before the head of a reply, as some upload servers send it (protocol.md section 5.4).

use crate::protocol::grammar::number::digits;
use crate::protocol::grammar::version::{may_start_status_line, starts_status_line};

/// The most bytes of a decimal length with its blanks.
const LONGEST: usize = 64;
/// The most digits of a decimal length.
const MOST_DIGITS: usize = 10;

/// A length before a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Prefix {
    /// Its own bytes.
    pub(super) width: usize,
    /// The length that it announces.
    pub(super) length: u64,
    is_binary: bool,
}

/// What a reply begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beginning {
    /// A status line, an empty line, or bytes that are no reply.
    Lines,
    Prefixed(Prefix),
    /// More bytes are needed to tell.
    Unknown,
}

/// Tells whether a length comes before the status line.
pub(super) fn beginning(input: &[u8]) -> Beginning {
    // What follows the grammar is not examined further.
    if input.first() == Some(&b'P') {
        return Beginning::Lines;
    }
    for candidate in [decimal(input), binary(input, 2), binary(input, 4)] {
        if candidate != Beginning::Lines {
            return candidate;
        }
    }
    Beginning::Lines
}

/// A decimal length, filled with zeros or with blanks on either side.
fn decimal(input: &[u8]) -> Beginning {
    let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b' ';
    let width = input.iter().take_while(|byte| is_number(byte)).count();
    if !(1..=LONGEST).contains(&width) {
        return Beginning::Lines;
    }
    let number = input.get(..width).and_then(|number| std::str::from_utf8(number).ok());
    let length = number.and_then(|number| digits(number.trim_matches(' '), MOST_DIGITS));
    match (length, input.get(width..).unwrap_or_default()) {
        (_, []) => Beginning::Unknown,
        (Some(length), rest) => before_status(rest, Prefix { width, length, is_binary: false }),
        (None, _) => Beginning::Lines,
    }
}

/// A length in network byte order.
fn binary(input: &[u8], width: usize) -> Beginning {
    let (length, rest) = input.split_at_checked(width).unwrap_or((input, &[]));
    if length == b"\r\n" || length == b"\n\n" || (width == 4 && !length.starts_with(&[0, 0])) {
        return Beginning::Lines;
    }
    let length = length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    before_status(rest, Prefix { width, length, is_binary: true })
}

fn before_status(rest: &[u8], prefix: Prefix) -> Beginning {
    match starts_status_line(rest) {
        true => Beginning::Prefixed(prefix),
        false if may_start_status_line(rest) => Beginning::Unknown,
        false => Beginning::Lines,
    }
}

impl Prefix {
    /// The width of another prefix of this kind at the start of `input`, if it announces this length.
    pub(super) fn width_of_another(&self, length: u64, input: &[u8]) -> Option<usize> {
        if self.is_binary {
            let found = input.get(..self.width)?;
            let found = found.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
            return (found == length).then_some(self.width);
        }
        // Without padding, it is as wide as its number.
        let number = input.get(..self.width.min(input.len()))?;
        let wide = |width: usize| {
            let number = std::str::from_utf8(number.get(..width)?).ok()?;
            (digits(number.trim_matches(' '), MOST_DIGITS)? == length).then_some(width)
        };
        wide(self.width).or_else(|| wide(length.to_string().len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_before_a_status_line() {
        let status = b"P2P-CI/1.0 200 OK\n";
        let table: [(&[u8], u64); 7] = [
            (b"0000011761", 11761),
            (b"18", 18),
            (b"18        ", 18),
            (b"        18", 18),
            (b"\0\x12", 18),
            (b"-\x91", 11665),
            (b"\0\0\x12\0", 4608),
        ];
        for (prefix, length) in table {
            let reply = [prefix, status].concat();
            let is_binary = !prefix.ends_with(b" ") && !prefix.last().unwrap().is_ascii_digit();
            let expected = Prefix { width: prefix.len(), length, is_binary };
            assert_eq!(beginning(&reply), Beginning::Prefixed(expected), "{prefix:?}");
            for end in 0..prefix.len() + 6 {
                let part = reply.get(..end).unwrap_or_default();
                assert_eq!(beginning(part), Beginning::Unknown, "{part:?}");
            }
            assert_eq!(expected.width_of_another(length, prefix), Some(prefix.len()));
            assert_eq!(expected.width_of_another(length + 1, prefix), None);
        }
        for reply in
            ["P2P-CI", "\r\nP2P-CI/1.0 200", "\nP2P-CI/1.0 200", "hi\n", "12 angry", "12\n"]
        {
            assert_eq!(beginning(reply.as_bytes()), Beginning::Lines, "{reply:?}");
        }
    }
}
