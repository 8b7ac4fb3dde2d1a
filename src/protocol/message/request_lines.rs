//! Finding the lines of a request in arriving bytes (protocol.md sections 2.1 and 3.1).
//!
//! Each byte is scanned once, for the next control byte: it ends the line or is a fault. `head`
//! reads the contents of the lines.

use super::decode_error::DecodeError;
use super::mistakes;
use crate::limits;
use crate::protocol::SyntaxError;

/// The maximum number of lines: the request line and the header lines.
const MOST: usize = 1 + limits::REQUEST_HEADERS;

/// The lines of a request that have been found.
#[derive(Debug)]
pub(super) struct RequestLines {
    /// The position of the request line, after the empty lines before it.
    start: usize,
    /// The end of each line, including its line end, relative to `start`.
    ends: [u16; MOST],
    /// The number of lines that have been found.
    count: usize,
    /// The number of bytes that have been scanned.
    scanned: usize,
}

impl RequestLines {
    pub(super) fn new() -> Self {
        Self { start: 0, ends: [0; MOST], count: 0, scanned: 0 }
    }

    /// The number of lines that have been found.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether a line has begun whose end has not been found.
    pub(super) fn is_within_line(&self) -> bool {
        self.scanned > self.taken()
    }

    /// The request line with its line end, and the bytes after it.
    pub(super) fn split<'a>(&self, input: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let from_start = input.get(self.start..).unwrap_or_default();
        from_start.split_at_checked(usize::from(self.first_end())).unwrap_or_default()
    }

    /// The end of each header line, including its line end, relative to the end of the request
    /// line.
    pub(super) fn header_ends(&self) -> impl Iterator<Item = usize> {
        let first = self.first_end();
        let ends = self.ends.iter().take(self.count).skip(1);
        ends.map(move |end| usize::from(end.saturating_sub(first)))
    }

    /// Finds the request line, unless it has been found; returns whether it is complete.
    ///
    /// If not, call again with the same bytes and more after them. The same applies to
    /// [`RequestLines::find_end`].
    /// `example` is a valid request line for explanations.
    pub(super) fn find_request_line(
        &mut self,
        input: &[u8],
        example: &str,
    ) -> Result<bool, DecodeError> {
        if self.count == 0 {
            self.find_start(input, example)?;
            if let Some(length) = self.find_line(input)? {
                self.push(length)?;
            }
        }
        Ok(self.count > 0)
    }

    /// Finds the empty line that ends the request; returns the length of the request.
    pub(super) fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, DecodeError> {
        loop {
            let begin = self.taken();
            let Some(length) = self.find_line(input)? else { return Ok(None) };
            if let Some(b"\n" | b"\r\n") = input.get(begin..self.scanned) {
                return Ok(Some(self.scanned));
            }
            self.push(length)?;
        }
    }

    fn find_start(&mut self, input: &[u8], example: &str) -> Result<(), DecodeError> {
        self.start = empty_lines(input);
        if self.start > limits::EMPTY_LINES {
            return Err(DecodeError::of_empty_lines("a request", limits::EMPTY_LINES));
        }
        self.scanned = self.scanned.max(self.start);
        // Programs of other protocols often begin with a length or a marker and then wait. They are
        // refused at their first byte.
        let beginning = input.get(self.start..).unwrap_or_default();
        match beginning.first() {
            Some(first) if !first.is_ascii_graphic() && !matches!(first, b' ' | b'\t' | b'\r') => {
                let expected =
                    format!("a request line such as `{example}`, with nothing before it");
                let fault = SyntaxError::at(expected, [*first], "3.1");
                Err(DecodeError::new(1, with_hint(fault, mistakes::of_beginning(beginning))))
            }
            _ => Ok(()),
        }
    }

    /// Finds the end of the next line; returns its position relative to `start`.
    fn find_line(&mut self, input: &[u8]) -> Result<Option<u16>, DecodeError> {
        let number = self.count + 1;
        let limit = if number == 1 { limits::START_LINE } else { limits::HEADER_LINE };
        let longest = self.taken() + limit;
        // A line beyond its limit is not scanned to its end.
        let searched = input.get(..longest).unwrap_or(input);
        loop {
            let unscanned = searched.get(self.scanned..).unwrap_or_default();
            let count = text_before_control(unscanned);
            self.scanned += count;
            match unscanned.get(count..).unwrap_or_default() {
                [b'\n', ..] => self.scanned += 1,
                [b'\r', b'\n', ..] => self.scanned += 2,
                [b'\t', ..] => {
                    self.scanned += 1;
                    continue;
                }
                [] | [b'\r'] if searched.len() < longest => return Ok(None),
                [] | [b'\r'] => {
                    let expected = format!("a line of at most {limit} bytes");
                    let fault = SyntaxError::new(expected, "a longer one", "7");
                    return Err(DecodeError::new(number, fault));
                }
                [b'\r', other, ..] => {
                    let expected = "a line feed after the carriage return";
                    let hint = mistakes::of_return(self.scanned_of(input), *other);
                    return Err(unframed(number, expected, *other, Some(hint)));
                }
                // Refused immediately: the sender of such a byte may never end the line.
                [stray, ..] => {
                    let rest = input.get(self.scanned..).unwrap_or_default();
                    let hint = mistakes::of_control(self.scanned_of(input), rest);
                    return Err(unframed(number, "text without control characters", *stray, hint));
                }
            }
            let length = self.scanned - self.start;
            return match u16::try_from(length) {
                Ok(end) if length <= limits::HEAD => Ok(Some(end)),
                _ => Err(too_large(number, "a head of at most 16384 bytes")),
            };
        }
    }

    /// The bytes of the request that have been scanned.
    fn scanned_of<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        input.get(self.start..self.scanned).unwrap_or_default()
    }

    fn push(&mut self, end: u16) -> Result<(), DecodeError> {
        let Some(place) = self.ends.get_mut(self.count) else {
            return Err(too_large(self.count + 1, "at most 32 header lines"));
        };
        *place = end;
        self.count += 1;
        Ok(())
    }

    /// The end of the lines that have been found.
    fn taken(&self) -> usize {
        let last = self.count.checked_sub(1).and_then(|last| self.ends.get(last));
        self.start + last.map_or(0, |&end| usize::from(end))
    }

    /// The end of the request line, relative to `start`.
    fn first_end(&self) -> u16 {
        let [first, ..] = self.ends;
        first
    }
}

/// Counts the bytes of the empty lines that `input` begins with.
///
/// They may precede a request and are ignored (protocol.md section 3.1). A server that waits for a
/// request drops them, so that they start no deadline.
pub fn empty_lines(input: &[u8]) -> usize {
    let mut rest = input;
    while let [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] = rest {
        rest = after;
    }
    input.len() - rest.len()
}

#[cold]
fn unframed(
    line: usize,
    expected: &'static str,
    found: u8,
    hint: Option<&'static str>,
) -> DecodeError {
    DecodeError::new(line, with_hint(SyntaxError::at(expected, [found], "2.1"), hint))
}

fn with_hint(fault: SyntaxError, hint: Option<&'static str>) -> SyntaxError {
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

fn too_large(line: usize, expected: &'static str) -> DecodeError {
    DecodeError::new(line, SyntaxError::new(expected, "more", "7"))
}

/// The number of bytes before the first control byte, or of all bytes if there is none.
///
/// Eight bytes are checked together: the highest bit of a byte is set if it is below a space or is
/// a delete. A borrow may also set it in bytes after such a byte, so only the first one counts.
fn text_before_control(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let (eights, rest) = bytes.as_chunks();
    for (place, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let below_space = eight.wrapping_sub(EACH * 0x20) & !eight;
        let difference = eight ^ (EACH * 0x7f);
        let delete = difference.wrapping_sub(EACH) & !difference;
        let found = (below_space | delete) & (EACH * 0x80);
        if found != 0 {
            return place * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let in_rest = rest.iter().position(u8::is_ascii_control);
    eights.len() * 8 + in_rest.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_control_byte_is_found_wherever_it_is() {
        for byte in 0..=u8::MAX {
            for (before, after) in [(b' ', b'\n'), (b'~', 0), (0x80, 0x7f), (0xff, b'\r')] {
                for at in 0..20 {
                    let mut bytes = [before; 20];
                    bytes[at..].fill(after);
                    bytes[at] = byte;
                    let expected = if byte.is_ascii_control() { at } else { 20.min(at + 1) };
                    assert_eq!(text_before_control(&bytes), expected, "{byte:#x} at {at}");
                }
            }
        }
    }
}
