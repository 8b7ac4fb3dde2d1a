//! Lines of an input that may have no line ends.

use std::io::{self, BufRead, Read};

/// Reads lines of at most a number of bytes.
#[derive(Debug)]
pub(in crate::cli) struct BoundedLines {
    longest: usize,
    /// Whether the rest of a line that is too long was not read.
    is_within: bool,
}

/// A line is too long.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::cli) struct TooLong {
    pub(in crate::cli) beginning: Vec<u8>,
}

impl BoundedLines {
    /// The longest line has this number of bytes, without its line end.
    pub(in crate::cli) const fn new(longest: usize) -> Self {
        Self { longest, is_within: false }
    }

    /// The next line with its line end; `None` at the end of the input. A line that is too long is reported when
    /// that many bytes are read. The next call skips its rest without storing it.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(in crate::cli) fn next(
        &mut self,
        reader: &mut impl BufRead,
    ) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
        self.skip(reader)?;
        let mut line = Vec::new();
        let most = u64::try_from(self.longest).unwrap_or(u64::MAX).saturating_add(1);
        reader.take(most).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.is_within = line.len() > self.longest && !line.ends_with(b"\n");
        Ok(Some(if self.is_within { Err(TooLong { beginning: line }) } else { Ok(line) }))
    }

    /// Skips the rest of a line that was too long.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(in crate::cli) fn skip(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        while self.is_within {
            let bytes = reader.fill_buf()?;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(bytes.len(), |end| end.saturating_add(1));
            self.is_within = count > 0 && end.is_none();
            reader.consume(count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_reported_early_and_skipped() {
        let text = format!("one\n{}\nabc\nabcd\nend", "x".repeat(100_000));
        let mut reader = text.as_bytes();
        let mut lines = BoundedLines::new(3);
        assert_eq!(lines.next(&mut reader).unwrap(), Some(Ok(b"one\n".to_vec())));
        let long = |text: &[u8]| Some(Err(TooLong { beginning: text.to_vec() }));
        assert_eq!(lines.next(&mut reader).unwrap(), long(b"xxxx"));
        assert_eq!(lines.next(&mut reader).unwrap(), Some(Ok(b"abc\n".to_vec())));
        assert_eq!(lines.next(&mut reader).unwrap(), long(b"abcd"));
        assert_eq!(lines.next(&mut reader).unwrap(), Some(Ok(b"end".to_vec())));
        assert_eq!(lines.next(&mut reader).unwrap(), None);
        let mut endless = io::repeat(b'x').take(1_000_000);
        let mut reader = io::BufReader::new(&mut endless);
        assert!(lines.next(&mut reader).unwrap().is_some_and(|line| line.is_err()));
        assert_eq!(lines.next(&mut reader).unwrap(), None);
    }
}
