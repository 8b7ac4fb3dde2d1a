//! Decoding requests from arriving bytes (protocol.md section 3.1).
//!
//! One decoder serves both kinds of request. A partial message is not an error, and no byte is
//! scanned twice. `request_lines` finds the lines, and `head` reads their contents.

use std::marker::PhantomData;

use super::decode_error::DecodeError;
use super::head::{Head, Headers, words_before_version};
use super::request_lines::RequestLines;
use crate::protocol::SyntaxError;

/// A request to an index server or to an upload server.
pub trait Request: FromHead {
    /// Appends the encoded request.
    fn encode(&self, out: &mut Vec<u8>);

    /// The section of protocol.md that defines the request.
    fn section(&self) -> &'static str;
}

/// The part of [`Request`] that is not public.
pub trait FromHead: Sized {
    /// A valid request line, for explanations.
    const EXAMPLE: &'static str;

    /// Reads a request from a head whose lines are well-formed.
    fn from_head(head: &Head<'_>) -> Result<Self, DecodeError>;
}

/// Reads requests from bytes as they arrive.
#[derive(Debug)]
pub struct RequestDecoder<R> {
    lines: RequestLines,
    /// The header lines of the previous request.
    headers: Headers,
    request: PhantomData<R>,
}

impl<R: Request> RequestDecoder<R> {
    /// A decoder for the beginning of a connection.
    pub fn new() -> Self {
        Self { lines: RequestLines::new(), headers: Headers::default(), request: PhantomData }
    }

    /// Looks for a request at the start of `input`.
    ///
    /// `Ok(None)`: the bytes are a valid prefix; call again with the same bytes and more after
    /// them. Otherwise the returned count is the length of the request, and the next input must
    /// begin after it.
    ///
    /// # Errors
    /// When the bytes are not a request; [`DecodeError::framed`] says whether its end is known.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(R, usize)>, DecodeError> {
        let Some(used) = self.find_end(input)? else {
            return Ok(None);
        };
        let lines = std::mem::replace(&mut self.lines, RequestLines::new());
        let whole = input.get(..used).unwrap_or_default();
        let (request_line, header_lines) = lines.split(whole);
        let request = words_before_version(request_line, R::EXAMPLE).and_then(|words| {
            self.headers.read(header_lines, lines.header_ends())?;
            R::from_head(&Head::new(words, &self.headers))
        });
        self.headers.forget_if_long();
        request.map(|request| Some((request, used))).map_err(|error| error.ending_after(used))
    }

    fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, DecodeError> {
        if !self.lines.find_request_line(input, R::EXAMPLE)? {
            return Ok(None);
        }
        let rest = self.lines.split(input).1;
        match self.headers.length_at(rest) {
            Some(length) => Ok(Some(input.len() - rest.len() + length)),
            None => self.lines.find_end(input),
        }
    }

    /// The fault of an incomplete request; `found` says what came instead of its rest.
    pub fn cut(&self, found: &'static str) -> DecodeError {
        let expected = match self.lines.is_within_line() {
            true => "the end of this line, and the empty line that ends a request",
            false => "the empty line that ends a request",
        };
        DecodeError::new(self.lines.count() + 1, SyntaxError::new(expected, found, "3.1"))
    }
}

impl<R: Request> Default for RequestDecoder<R> {
    fn default() -> Self {
        Self::new()
    }
}
