//! Where a request ends (protocol.md section 3.1).
//!
//! One decoder for both kinds of request. A partial message is not an error, and no byte is looked
//! at twice while more of them arrive. What the lines say is read in `head`.

use std::marker::PhantomData;

use memchr::memchr;

use super::error::{DecodeError, SyntaxError};
use super::head::Head;
use super::lines::Lines;
use crate::limits;

/// A request that can be read from a head and written: to the index, or to a peer.
pub trait Request: FromHead {
    /// Appends the request as it goes on the wire.
    fn encode(&self, out: &mut Vec<u8>);
}

/// The part of [`Request`] that only this module's neighbours implement.
pub trait FromHead: Sized {
    /// Makes sense of a head whose lines are well-formed.
    fn from_head(head: &Head<'_>) -> Result<Self, DecodeError>;
}

/// Counts the bytes of the empty lines that `input` begins with.
///
/// They may stand before a request and mean nothing (protocol.md section 3.1): whoever waits for
/// a request drops them, so that they start no deadline.
pub fn empty_lines(input: &[u8]) -> usize {
    let mut count = 0;
    loop {
        match &input[count..] {
            [b'\n', ..] => count += 1,
            [b'\r', b'\n', ..] => count += 2,
            _ => return count,
        }
    }
}

/// Reads requests from bytes as they arrive.
#[derive(Debug)]
pub struct RequestDecoder<R> {
    lines: Lines,
    request: PhantomData<R>,
}

impl<R: Request> RequestDecoder<R> {
    /// A decoder at the beginning of a conversation.
    pub fn new() -> Self {
        Self { lines: Lines::default(), request: PhantomData }
    }

    /// Looks for a request at the start of `input`.
    ///
    /// `Ok(None)`: so far it is a valid prefix; call again with the same bytes and more behind
    /// them. Otherwise the returned count says how many bytes the request took, and the next call
    /// must be without them.
    ///
    /// # Errors
    /// When the bytes are no request; [`DecodeError::framed`] says whether its end is known.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(R, usize)>, DecodeError> {
        let Some(start) = self.find_end(input)? else {
            return Ok(None);
        };
        let used = self.lines.taken;
        *self = Self::new();
        Head::new(&input[start..used])
            .and_then(|head| R::from_head(&head))
            .map(|request| Some((request, used)))
            .map_err(|error| error.ending_after(used))
    }

    /// The fault of a request that was begun and will not go on: `found` says what came instead.
    pub fn cut(&self, found: &'static str) -> DecodeError {
        let fault = SyntaxError::new("the empty line that ends a request", found, "3.1");
        DecodeError::new(self.lines.count + 1, fault)
    }

    /// Finds the empty line; returns where the request line begins.
    fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, DecodeError> {
        let start = empty_lines(input);
        if start > limits::HEAD {
            return Err(too_large(1, "at most 16384 bytes of empty lines"));
        }
        if self.lines.taken < start {
            self.lines = Lines { taken: start, scanned: start, count: 0 };
        }
        // Programs of other protocols often begin with a length or a marker and then wait: they
        // are answered at their first byte.
        let first = input.get(start).filter(|_| self.lines.count == 0);
        if let Some(&first) = first
            && !first.is_ascii_graphic()
            && !matches!(first, b' ' | b'\t' | b'\r')
        {
            return Err(unframed(1, "a request line, such as `LIST ALL P2P-CI/1.0`", &[first]));
        }
        loop {
            let number = self.lines.count + 1;
            let limit = if number == 1 { limits::START_LINE } else { limits::HEADER_LINE };
            let scanned = self.lines.scanned;
            let line = self.lines.next(input, limit);
            // Refused as soon as it is seen: who sends such a byte may never end the line.
            let seen = &input[scanned..self.lines.scanned];
            if has_stray(seen)
                && let Some(at) = seen.iter().position(|&byte| is_stray(byte))
            {
                let found = &seen[at..=at];
                return Err(unframed(number, "text without control characters", found));
            }
            let Some(line) = line? else { return Ok(None) };
            if self.lines.taken - start > limits::HEAD {
                return Err(too_large(number, "a head of at most 16384 bytes"));
            }
            if line.is_empty() {
                return Ok(Some(start));
            }
            if memchr(b'\r', line).is_some() {
                return Err(unframed(number, "a line end behind each carriage return", b"\r"));
            }
            if number > 1 + limits::REQUEST_HEADERS {
                return Err(too_large(number, "at most 32 header lines"));
            }
        }
    }
}

fn unframed(line: usize, expected: &'static str, found: &[u8]) -> DecodeError {
    DecodeError::new(line, SyntaxError::at(expected, found, "3.1"))
}

fn too_large(line: usize, expected: &'static str) -> DecodeError {
    DecodeError::new(line, SyntaxError::new(expected, "more", "7"))
}

impl<R: Request> Default for RequestDecoder<R> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether there is one. Looking at every byte, without an end in between, is what a compiler turns
/// into a few vector instructions.
fn has_stray(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, &byte| found | is_stray(byte))
}

/// A control byte that no line may hold. Tab is a blank; carriage return is judged by its place.
fn is_stray(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n')
}
