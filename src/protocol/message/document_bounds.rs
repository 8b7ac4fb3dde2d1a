//! Where a document begins and ends if its upload server has not sent the head or the length of the grammar
//! (protocol.md section 5.4).
//!
//! The number of bytes that arrive decides: a reading of the reply is used only if it accounts for all of
//! them.

use std::borrow::Cow;

use super::reply_prefix::Prefix;

/// The longest name before the colon of a mark such as ` RFC Data: `.
const LONGEST_MARK: usize = 40;

/// The words of which the name of a mark consists. The last one is of the second list.
const MARKED: [&str; 6] = ["rfc", "file", "document", "message", "entity", "the"];
const MARKS: [&str; 6] = ["data", "content", "contents", "body", "text", "payload"];

/// Bytes at the beginning of a document that show what may come before it.
pub const BEGINNING: usize = 16 * 1024;

/// What the head of a reply tells about the place of the document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DocumentBounds {
    /// The bytes of the head, without a prefix before it.
    pub(super) head: u64,
    /// The bytes at the end of the head that may belong to the document: lines that are no header of the
    /// protocol, and the empty line.
    pub(super) doubtful: Cow<'static, [u8]>,
    /// The length of the empty line that ended the head; 0 if there was none.
    pub(super) empty_line: usize,
    pub(super) prefix: Option<Prefix>,
    pub(super) content_length: Option<u64>,
    /// Whether a line that is no header was within the head.
    pub(super) has_other_line: bool,
    /// Whether the status line has another version.
    pub(super) has_other_status: bool,
    /// Whether the reply has a header of an extension. Programs that send one follow the grammar.
    pub(super) has_extensions: bool,
}

/// What the bytes after `Content-Length` bytes mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Surplus {
    /// They belong to no reply.
    Ignored,
    /// The document begins after this number of bytes. As many of these bytes are its end.
    Shifted(usize),
    /// The document may begin at its first byte or after this number of bytes.
    Unclear(usize),
}

impl DocumentBounds {
    /// Whether the reply may be one of a program without extensions.
    pub fn may_deviate(&self) -> bool {
        !self.has_extensions
    }

    /// What the head has in place of what the grammar requires, if it does not follow it.
    pub fn deviation(&self) -> Option<&'static str> {
        if self.prefix.is_some() {
            Some("a length before the head")
        } else if self.has_other_status {
            Some("a status line with another version")
        } else if self.has_other_line {
            Some("a line that is no header")
        } else if self.empty_line == 0 {
            Some("no empty line after the head")
        } else {
            None
        }
    }

    /// Whether a document of which this number of bytes is missing at the end of the connection is
    /// complete; see [`DocumentBounds::put_back`] and [`DocumentBounds::counts_head`].
    pub fn explains(&self, missing: u64) -> bool {
        self.counts_head(missing) || self.put_back(missing).is_some()
    }

    /// The bytes at the end of the head that are the beginning of the document, if this number of bytes is
    /// missing at the end of the connection: whole lines that were taken for the end of the head.
    pub fn put_back(&self, missing: u64) -> Option<&[u8]> {
        let missing = usize::try_from(missing).ok().filter(|missing| *missing > 0)?;
        let start = self.doubtful.len().checked_sub(missing)?;
        let (before, lines) = self.doubtful.split_at_checked(start)?;
        (before.is_empty() || before.ends_with(b"\n")).then_some(lines)
    }

    /// Whether the length includes the head, because exactly the head's length is missing at the end of
    /// the connection.
    pub fn counts_head(&self, missing: u64) -> bool {
        self.may_deviate() && missing > 0 && missing == self.head
    }

    /// All bytes that may have to be put before the document, the fewest first.
    pub fn fronts(&self) -> impl Iterator<Item = &[u8]> {
        let starts = (0..self.doubtful.len()).rev();
        starts.filter_map(|start| self.put_back((self.doubtful.len() - start) as u64))
    }

    /// How many bytes at its beginning may not belong to the document: a line `END`, a mark such as
    /// ` RFC Data: `, or a second length. The most likely number is first.
    pub fn marks(&self, beginning: &[u8]) -> Vec<usize> {
        if !self.may_deviate() {
            return Vec::new();
        }
        if let Some(prefix) = self.prefix
            && let Some(length) = self.content_length
            && let Some(width) = prefix.width_of_another(length, beginning)
        {
            return vec![width];
        }
        for line in [&b"END\r\n"[..], b"END\n"] {
            if beginning.starts_with(line) {
                return vec![line.len()];
            }
        }
        mark_length(beginning).map_or_else(Vec::new, |colon| {
            let after = beginning.get(colon..).unwrap_or_default();
            let more: &[usize] = match after {
                [b'\r', b'\n', ..] => &[2, 0],
                [b' ', b'\n', ..] => &[1, 2, 0],
                [b' ', b'\r', b'\n', ..] => &[1, 3, 0],
                [b' ' | b'\n', ..] => &[1, 0],
                _ => &[0],
            };
            more.iter().map(|more| colon + more).collect()
        })
    }

    /// What the bytes mean that have arrived after `Content-Length` bytes, the first of which are
    /// `beginning`. Padding after the head may be longer than the document.
    pub fn surplus(&self, beginning: &[u8], surplus: &[u8]) -> Surplus {
        let mut fitting = self.marks(beginning);
        fitting.retain(|mark| *mark <= surplus.len());
        let exact = fitting.iter().find(|mark| **mark == surplus.len());
        let Some(&mark) = exact.or(fitting.first()) else {
            // Another line end after the empty line, if it is exactly what is too much.
            let front = beginning.iter().take_while(|byte| b"\r\n".contains(byte)).count();
            let is_front = self.may_deviate() && front > 0 && front == surplus.len();
            return match self.padding_before(beginning, surplus) {
                Some(padding) => self.surplus_of(padding, surplus),
                None if is_front && !is_padding(surplus) => Surplus::Shifted(front),
                None => Surplus::Ignored,
            };
        };
        // Padding after a document that begins with the mark, or the end of one that does not.
        match is_padding(surplus.get(..mark).unwrap_or_default()) {
            true => Surplus::Unclear(mark),
            false => Surplus::Shifted(mark),
        }
    }
}

/// Whether these bytes may be padding after a document, or line ends.
pub fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'~' | b'!' | 0 | b' ' | b'\r' | b'\n' | b'\t'))
}

/// The length of a name such as ` RFC Data:`, with its colon, at the start of these bytes.
pub(super) fn mark_length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.get(..bytes.len().min(LONGEST_MARK))?;
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = std::str::from_utf8(line.get(..colon)?).ok()?;
    let mut words = name.split([' ', '-', '_']).filter(|word| !word.is_empty()).rev();
    let last = words.next()?;
    let is_in = |list: [&str; 6], word: &str| list.iter().any(|one| one.eq_ignore_ascii_case(word));
    let is_mark = is_in(MARKS, last) && words.all(|word| is_in(MARKED, word));
    is_mark.then_some(colon + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(doubtful: &'static str) -> DocumentBounds {
        DocumentBounds {
            head: 100,
            doubtful: Cow::Borrowed(doubtful.as_bytes()),
            content_length: Some(20),
            ..DocumentBounds::default()
        }
    }

    #[test]
    fn whole_lines_are_put_back() {
        let bounds = bounds("X: y\r\n\r\n");
        let back = |missing| bounds.put_back(missing).map(<[u8]>::to_vec);
        assert_eq!(back(2), Some(b"\r\n".to_vec()));
        assert_eq!(back(8), Some(b"X: y\r\n\r\n".to_vec()));
        for missing in [0, 1, 3, 7, 9, u64::MAX] {
            assert_eq!(back(missing), None, "{missing}");
        }
        assert_eq!(bounds.fronts().count(), 2);
        assert!(bounds.counts_head(100) && !bounds.counts_head(99));
    }

    #[test]
    fn marks_before_documents() {
        let bounds = bounds("\n");
        for (beginning, lengths) in [
            (" RFC Data: RFC 1", vec![11, 10]),
            ("Data:x", vec![5]),
            ("RFC Data:\r\nx", vec![11, 9]),
            ("RFC Data: \r\nx", vec![10, 12, 9]),
            ("File-Content: x", vec![14, 13]),
            ("the body:\nx", vec![10, 9]),
            ("END\nx", vec![4]),
            ("END\r\nx", vec![5]),
            ("ENDS\n", vec![]),
            ("RFC 793: Data", vec![]),
            ("Metadata: x", vec![]),
            ("Request for Comments: 1", vec![]),
        ] {
            assert_eq!(bounds.marks(beginning.as_bytes()), lengths, "{beginning:?}");
        }
        let own = DocumentBounds { has_extensions: true, ..bounds };
        assert_eq!(own.marks(b"Data:x"), [0; 0]);
    }

    #[test]
    fn the_number_of_bytes_decides_whether_a_mark_belongs_to_the_document() {
        let bounds = bounds("");
        let meaning = |surplus: &str| bounds.surplus(b" RFC Data: RFC 1", surplus.as_bytes());
        assert_eq!(meaning(""), Surplus::Ignored);
        assert_eq!(meaning("\r\n\r\n"), Surplus::Ignored);
        assert_eq!(meaning("ASCII only."), Surplus::Shifted(11));
        assert_eq!(meaning("ASCII only"), Surplus::Shifted(10));
        assert_eq!(meaning("CII only.\r\n\r\n\r\n"), Surplus::Shifted(11));
        assert_eq!(meaning("~~~~~~~~~~~~~~~~"), Surplus::Unclear(11));
        assert_eq!(bounds.surplus(b"RFC 1", b"~~~~~~~~~~~~~~~~"), Surplus::Ignored);
    }
}
