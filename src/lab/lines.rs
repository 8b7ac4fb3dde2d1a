//! One direction of a connection as lines, without the bytes of documents.

/// A longer line is shown in parts.
const LONGEST: usize = 8 * 1024;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line.
    partial: Vec<u8>,
    /// The length of the document that follows the head.
    announced: u64,
    /// Bytes of the document that have not been sent.
    body_left: u64,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent<'a> {
    /// A line without its end.
    Line(&'a [u8]),
    /// A document of this length begins.
    Body(u64),
}

impl Lines {
    /// Takes the next `length` bytes, of which at least the beginning is known.
    pub(super) fn take(&mut self, bytes: &[u8], length: usize, mut report: impl FnMut(Sent<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.body_left > 0 {
                let skipped = usize::try_from(self.body_left).unwrap_or(usize::MAX).min(rest.len());
                self.body_left -= skipped as u64;
                rest = rest.get(skipped..).unwrap_or_default();
                continue;
            }
            let (part, is_whole) = match rest.iter().position(|byte| *byte == b'\n') {
                Some(at) => (rest.get(..=at).unwrap_or_default(), true),
                None => (rest, false),
            };
            self.partial.extend_from_slice(part);
            rest = rest.get(part.len()..).unwrap_or_default();
            if is_whole || self.partial.len() > LONGEST {
                self.end_line(&mut report);
            }
        }
        let missing = length.saturating_sub(bytes.len()) as u64;
        self.body_left = self.body_left.saturating_sub(missing);
    }

    fn end_line(&mut self, report: &mut impl FnMut(Sent<'_>)) {
        let partial = std::mem::take(&mut self.partial);
        let line = partial.trim_ascii_end();
        report(Sent::Line(line));
        if let Some(value) = line.strip_prefix(b"Content-Length:") {
            let value = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
            self.announced = value.parse().unwrap_or(0);
        } else if line.is_empty() && self.announced > 0 {
            self.body_left = std::mem::take(&mut self.announced);
            report(Sent::Body(self.body_left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(parts: &[(&[u8], usize)]) -> Vec<String> {
        let (mut lines, mut taken) = (Lines::default(), Vec::new());
        for (bytes, length) in parts {
            lines.take(bytes, *length, |sent| {
                taken.push(match sent {
                    Sent::Line(line) => String::from_utf8(line.to_vec()).unwrap(),
                    Sent::Body(length) => format!("<{length}>"),
                });
            });
        }
        taken
    }

    #[test]
    fn documents_are_left_out_however_they_are_cut() {
        let bytes = b"P2P-CI/1.0 200 OK\r\nContent-Length: 7\r\n\r\nab\ncd\n\nP2P-CI/1.0 404 Not Found\r\n\r\n";
        let expected =
            ["P2P-CI/1.0 200 OK", "Content-Length: 7", "", "<7>", "P2P-CI/1.0 404 Not Found", ""];
        for cut in 0..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(taken(&[(first, first.len()), (second, second.len())]), expected, "{cut}");
        }
        // Bytes of a document that were not recorded.
        let (head, rest) = bytes.split_at(40);
        assert_eq!(taken(&[(head, 47), (&rest[7..], rest.len() - 7)]), expected);
    }
}
