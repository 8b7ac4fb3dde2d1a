//! Length prefixes before a request, and the same prefixes before its reply (protocol.md appendix B.3).

use crate::limits;

/// The most bytes of a decimal prefix with its padding.
const LONGEST_PREFIX: usize = 64;
/// The most digits of a decimal prefix.
const MOST_DIGITS: usize = 10;

/// How the messages of a connection are framed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Framing {
    /// Lines, which have an end of their own.
    #[default]
    Lines,
    /// Text after its length.
    Prefixed(Prefix),
    /// A value in the format of Python's pickle module, perhaps after its length.
    Pickle(Option<Prefix>),
}

/// A length before a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Prefix {
    /// A decimal length in a field of this width.
    Decimal {
        /// Bytes of the field.
        width: usize,
        /// How it is filled.
        fill: Fill,
    },
    /// A binary length in network byte order: two bytes, as Java's `writeUTF` sends it, or four or eight.
    Binary {
        /// Bytes of the length.
        width: usize,
    },
    /// A binary length as most processors store it, the lowest byte first: four or eight bytes.
    Native {
        /// Bytes of the length.
        width: usize,
    },
}

/// How a decimal length fills its field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fill {
    /// Zeros before it.
    Zeros,
    /// Blanks before it.
    BlanksBefore,
    /// Blanks after it.
    BlanksAfter,
    /// Nothing: this separates it from the message.
    Separator(&'static str),
}

/// What separates a decimal length from its message.
const SEPARATORS: [&str; 3] = ["\r\n", "\n", ":"];

/// What a message begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beginning {
    /// A message after its length, which has this position.
    Framed {
        prefix: Prefix,
        /// The position of the text: the bytes of the prefix.
        start: usize,
        /// The length that the prefix announces.
        length: usize,
    },
    /// A value in the format of Python's pickle module.
    Pickle,
    /// Lines without a prefix.
    Lines,
    /// More bytes are needed to tell.
    Unknown,
}

/// Tells how the message at the start of `input` is framed. `starts_text` tells whether bytes are the
/// beginning of a request line; `None` if there are too few of them.
pub(super) fn beginning(input: &[u8], starts_text: impl Fn(&[u8]) -> Option<bool>) -> Beginning {
    match input {
        [] => Beginning::Unknown,
        // No text has a NUL, and no request reaches the upper bytes of a length.
        [first, second, 0, 0, ..] if (*first, *second) != (0, 0) => native(input),
        [0x80, ..] => Beginning::Pickle,
        [b'(', b'd' | b'l', ..] | [b'S', b'\'' | b'"', ..] => Beginning::Pickle,
        [b'V', text @ ..] if starts_text(text) == Some(true) => Beginning::Pickle,
        [b'('] => Beginning::Unknown,
        [first, ..] if *first < b' ' && !first.is_ascii_whitespace() => binary(input),
        [b'0'..=b'9' | b' ', ..] => decimal(input, starts_text),
        _ => Beginning::Lines,
    }
}

fn binary(input: &[u8]) -> Beginning {
    let framed = |width, length: u32| Beginning::Framed {
        prefix: Prefix::Binary { width },
        start: width,
        length: usize::try_from(length).unwrap_or(usize::MAX),
    };
    match *input {
        [0, 0, 0, 0, 0, 0, seventh, eighth, ..] => {
            framed(8, u32::from_be_bytes([0, 0, seventh, eighth]))
        }
        [0, 0, 0, 0, ..] => Beginning::Unknown,
        [0, 0, third, fourth, ..] => framed(4, u32::from_be_bytes([0, 0, third, fourth])),
        [0, 0, ..] | [_] => Beginning::Unknown,
        // No text begins with a control character: this is another protocol, such as TLS.
        [_, _, first, ..] if first.is_ascii_control() && !first.is_ascii_whitespace() => {
            Beginning::Lines
        }
        [high, low, ..] => framed(2, u32::from_be_bytes([0, 0, high, low])),
        [] => Beginning::Unknown,
    }
}

fn native(input: &[u8]) -> Beginning {
    let length = |first, second| usize::from(u16::from_le_bytes([first, second]));
    let framed = |width, length| Beginning::Framed {
        prefix: Prefix::Native { width },
        start: width,
        length,
    };
    match *input {
        [first, second, _, _, 0, 0, 0, 0, ..] => framed(8, length(first, second)),
        [_, _, _, _] | [_, _, _, _, 0, ..] => Beginning::Unknown,
        [first, second, ..] => framed(4, length(first, second)),
        _ => Beginning::Unknown,
    }
}

fn decimal(input: &[u8], starts_text: impl Fn(&[u8]) -> Option<bool>) -> Beginning {
    let count =
        |bytes: &[u8], is: fn(&u8) -> bool| bytes.iter().take_while(|byte| is(byte)).count();
    let blank = |byte: &u8| *byte == b' ';
    let before = count(input, blank);
    let rest = input.get(before..).unwrap_or_default();
    let digits = count(rest, u8::is_ascii_digit);
    let after = count(rest.get(digits..).unwrap_or_default(), blank);
    let separated = rest.get(digits..).unwrap_or_default();
    let separator = SEPARATORS
        .into_iter()
        .find(|one| (before, after) == (0, 0) && separated.starts_with(one.as_bytes()));
    let width = before + digits + after + separator.map_or(0, str::len);
    if digits > MOST_DIGITS || width > LONGEST_PREFIX || (before > 0 && after > 0) {
        return Beginning::Lines;
    }
    match starts_text(input.get(width..).unwrap_or_default()) {
        _ if digits > 0 && separated == b"\r" => return Beginning::Unknown,
        None => return Beginning::Unknown,
        Some(false) => return Beginning::Lines,
        Some(true) if digits == 0 => return Beginning::Lines,
        Some(true) => {}
    }
    let number = rest.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
    let Some(length) = number.and_then(|number| number.parse().ok()) else {
        return Beginning::Lines;
    };
    let fill = match (separator, before, after) {
        (Some(separator), _, _) => Fill::Separator(separator),
        (None, 0, 0) => Fill::Zeros,
        (None, 0, _) => Fill::BlanksAfter,
        (None, _, _) => Fill::BlanksBefore,
    };
    Beginning::Framed { prefix: Prefix::Decimal { width, fill }, start: width, length }
}

impl Framing {
    /// The most bytes of a reply that is held until its length is known.
    pub(super) const LONGEST: usize = limits::LIST_BUFFER;

    /// Appends `text` with its prefix; `false` if the prefix cannot express its length.
    pub(super) fn frame(self, text: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Self::Lines => {
                out.extend_from_slice(text);
                true
            }
            Self::Prefixed(prefix) => prefix.frame(text, out),
            Self::Pickle(prefix) => {
                let mut value = Vec::new();
                super::pickle::write_text(text, &mut value);
                match prefix {
                    Some(prefix) => prefix.frame(&value, out),
                    None => {
                        out.append(&mut value);
                        true
                    }
                }
            }
        }
    }
}

impl Prefix {
    /// Appends `text` after its length; `false` if this prefix cannot express it.
    fn frame(self, text: &[u8], out: &mut Vec<u8>) -> bool {
        let length = text.len();
        match self {
            Self::Decimal { width, fill } => {
                let prefix = match fill {
                    Fill::Zeros => format!("{length:0width$}"),
                    Fill::BlanksBefore => format!("{length:width$}"),
                    Fill::BlanksAfter => format!("{length:<width$}"),
                    Fill::Separator(separator) => {
                        out.extend_from_slice(format!("{length}{separator}").as_bytes());
                        out.extend_from_slice(text);
                        return true;
                    }
                };
                // A prefix of one to nine digits without padding is as wide as its number.
                if prefix.len() > width && (fill != Fill::Zeros || width >= MOST_DIGITS) {
                    return false;
                }
                out.extend_from_slice(prefix.as_bytes());
            }
            Self::Binary { width } => {
                let Ok(length) = u64::try_from(length) else { return false };
                let bytes = length.to_be_bytes();
                let (unused, used) = bytes.split_at(bytes.len().saturating_sub(width));
                if unused.iter().any(|&byte| byte != 0) {
                    return false;
                }
                out.extend_from_slice(used);
            }
            Self::Native { width } => {
                let Ok(length) = u32::try_from(length) else { return false };
                out.extend_from_slice(&length.to_le_bytes());
                out.extend(std::iter::repeat_n(0, width.saturating_sub(4)));
            }
        }
        out.extend_from_slice(text);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::request_end::{may_start_request, starts_request};
    use super::*;

    fn begins(input: &[u8]) -> Beginning {
        beginning(input, |text| match starts_request(text) {
            true => Some(true),
            false => (!may_start_request(text)).then_some(false),
        })
    }

    #[test]
    fn prefixes_are_read_and_answered_in_kind() {
        let text = b"LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n";
        let table: [(&[u8], Prefix); 12] = [
            (b"0000000036", Prefix::Decimal { width: 10, fill: Fill::Zeros }),
            (b"36        ", Prefix::Decimal { width: 10, fill: Fill::BlanksAfter }),
            (b"              36", Prefix::Decimal { width: 16, fill: Fill::BlanksBefore }),
            (b"\0\x24", Prefix::Binary { width: 2 }),
            (b"\0\0\0\x24", Prefix::Binary { width: 4 }),
            (b"36", Prefix::Decimal { width: 2, fill: Fill::Zeros }),
            (b"\0\0\0\0\0\0\0\x24", Prefix::Binary { width: 8 }),
            (b"\x24\0\0\0", Prefix::Native { width: 4 }),
            (b"\x24\0\0\0\0\0\0\0", Prefix::Native { width: 8 }),
            (b"36\r\n", Prefix::Decimal { width: 4, fill: Fill::Separator("\r\n") }),
            (b"36\n", Prefix::Decimal { width: 3, fill: Fill::Separator("\n") }),
            (b"36:", Prefix::Decimal { width: 3, fill: Fill::Separator(":") }),
        ];
        for (bytes, prefix) in table {
            let message = [bytes, text].concat();
            let expected = Beginning::Framed { prefix, start: bytes.len(), length: text.len() };
            assert_eq!(begins(&message), expected, "{bytes:?}");
            // The first three bytes of a native length may be text.
            let from = if matches!(prefix, Prefix::Native { .. }) { 4 } else { 0 };
            for end in from..bytes.len() {
                let part = message.get(..end).unwrap_or_default();
                assert_eq!(begins(part), Beginning::Unknown, "{part:?}");
            }
            let mut framed = Vec::new();
            assert!(Framing::Prefixed(prefix).frame(text, &mut framed));
            assert_eq!(framed, message);
        }
    }

    #[test]
    fn a_length_that_the_prefix_cannot_express_is_not_framed() {
        let long = vec![b'x'; 70_000];
        assert!(!Prefix::Binary { width: 2 }.frame(&long, &mut Vec::new()));
        assert!(Prefix::Binary { width: 4 }.frame(&long, &mut Vec::new()));
        let field = Prefix::Decimal { width: 4, fill: Fill::BlanksAfter };
        assert!(!field.frame(&long, &mut Vec::new()));
    }

    #[test]
    fn other_bytes_are_lines() {
        for input in [
            "ADD ",
            "12 angry men",
            "12: angry men",
            "12\nmen",
            "793 RFC\n",
            "            x",
            "12345678901LIST ALL ",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}",
        ] {
            assert_eq!(begins(input.as_bytes()), Beginning::Lines, "{input:?}");
        }
    }
}
