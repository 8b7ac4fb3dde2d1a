//! Parts of a document (protocol.md section 5.6).

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::SyntaxError;
use super::number::digits;

/// The requested bytes: from one position to another, or to the end.
///
/// ```text
/// range = "bytes=" 1*19DIGIT "-" [ 1*19DIGIT ]
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ByteRange {
    first: u64,
    last: Option<u64>,
}

impl ByteRange {
    /// All bytes from the one at `first`, counted from 0.
    pub fn start(first: u64) -> Self {
        Self { first, last: None }
    }
}

impl From<Range<u64>> for ByteRange {
    /// The bytes of a range that is not empty.
    fn from(range: Range<u64>) -> Self {
        Self { first: range.start, last: Some(range.end.saturating_sub(1).max(range.start)) }
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes={}-", self.first)?;
        self.last.map_or(Ok(()), |last| last.fmt(f))
    }
}

/// The value of `Range`. A value in another form belongs to another extension and requests nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::protocol) struct RequestedRange(pub(in crate::protocol) Option<ByteRange>);

impl FromStr for RequestedRange {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let range = || {
            let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
            let first = digits(first, 19)?;
            let last = match last {
                "" => None,
                last => Some(digits(last, 19).filter(|last| *last >= first)?),
            };
            Some(ByteRange { first, last })
        };
        Ok(Self(range()))
    }
}

/// The bytes that a reply carries, and the length of the whole document.
///
/// ```text
/// content-range = "bytes" SP 1*19DIGIT "-" 1*19DIGIT "/" 1*19DIGIT   ; first <= last < length
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContentRange {
    first: u64,
    last: u64,
    length: u64,
}

impl ContentRange {
    /// The part of a range that a document of this length has; `None` if it has no byte of the
    /// range.
    pub fn of(range: ByteRange, length: u64) -> Option<Self> {
        let end = length.checked_sub(1)?;
        let last = range.last.unwrap_or(end).min(end);
        (range.first <= last).then_some(Self { first: range.first, last, length })
    }

    /// The first byte, counted from 0.
    pub fn first(self) -> u64 {
        self.first
    }

    /// The number of bytes, at least 1.
    pub fn count(self) -> u64 {
        self.last - self.first + 1
    }

    /// The length of the whole document.
    pub fn length(self) -> u64 {
        self.length
    }
}

impl FromStr for ContentRange {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let parse = || {
            let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
            let (first, last) = range.split_once('-')?;
            let (first, last) = (digits(first, 19)?, digits(last, 19)?);
            let length = digits(length, 19)?;
            (first <= last && last < length).then_some(Self { first, last, length })
        };
        parse().ok_or_else(|| SyntaxError::at("a range such as `bytes 0-99/1000`", text, "5.6"))
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}-{}/{}", self.first, self.last, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_and_print() {
        for text in ["bytes=0-", "bytes=5-5", "bytes=100-9999999999999999999"] {
            let RequestedRange(range) = text.parse().unwrap();
            assert_eq!(range.map(|range| range.to_string()).as_deref(), Some(text));
        }
        for text in ["", "bytes", "bytes=-5", "bytes=5-4", "bytes=0-1,3-4", "lines=0-", "bytes=+1-"]
        {
            assert_eq!(text.parse(), Ok(RequestedRange(None)), "{text:?}");
        }
    }

    #[test]
    fn the_part_of_a_document_in_a_range() {
        let of = |first, last, length| {
            ContentRange::of(ByteRange { first, last }, length).map(|range| range.to_string())
        };
        assert_eq!(of(0, None, 10).as_deref(), Some("bytes 0-9/10"));
        assert_eq!(of(9, None, 10).as_deref(), Some("bytes 9-9/10"));
        assert_eq!(of(10, None, 10), None);
        assert_eq!(of(2, Some(4), 10).as_deref(), Some("bytes 2-4/10"));
        assert_eq!(of(2, Some(99), 10).as_deref(), Some("bytes 2-9/10"));
        assert_eq!(of(0, None, 0), None);
    }

    #[test]
    fn content_ranges_read_and_print() {
        let range: ContentRange = "bytes 2-4/10".parse().unwrap();
        assert_eq!((range.first(), range.count(), range.length()), (2, 3, 10));
        assert_eq!(range.to_string(), "bytes 2-4/10");
        for text in
            ["", "bytes 4-2/10", "bytes 2-10/10", "bytes */10", "bytes 2-4/*", "bytes=2-4/10"]
        {
            assert!(text.parse::<ContentRange>().is_err(), "{text:?}");
        }
    }
}
