//! Splitting arriving bytes into lines (protocol.md section 2.1).

use memchr::memchr;

use super::decode_error::DecodeError;
use crate::protocol::SyntaxError;

/// Splits arriving bytes into lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// Bytes of the lines returned so far.
    pub(super) taken: usize,
    /// Bytes that are known to contain no further line end.
    pub(super) scanned: usize,
    /// Lines returned so far.
    pub(super) count: usize,
}

impl Lines {
    /// The bytes after the lines returned so far.
    pub(super) fn rest<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        input.get(self.taken..).unwrap_or_default()
    }

    /// Takes bytes that are no line.
    pub(super) fn skip(&mut self, count: usize) {
        self.taken += count;
        self.scanned = self.scanned.max(self.taken);
    }

    /// The next line without its line end, CRLF or LF; `None` while its end has not arrived.
    pub(super) fn next<'a>(
        &mut self,
        input: &'a [u8],
        limit: usize,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        let end = memchr(b'\n', input.get(self.scanned..).unwrap_or_default());
        let length = end.map_or(input.len(), |at| self.scanned + at + 1) - self.taken;
        // `scanned` stays within the limit, so that one long line is not searched to its end.
        self.scanned = (self.taken + length).min(self.taken + limit).max(self.scanned);
        if length > limit || (end.is_none() && length == limit) {
            let expected = format!("a line of at most {limit} bytes");
            let fault = SyntaxError::new(expected, "a longer one", "7");
            return Err(DecodeError::new(self.count + 1, fault));
        }
        if end.is_none() {
            return Ok(None);
        }
        let line = self.rest(input).get(..length - 1).unwrap_or_default();
        self.taken += length;
        self.count += 1;
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}
