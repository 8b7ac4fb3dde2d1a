//! Padding between the head of a reply and its document, as programs send it that fill a block with the head
//! (protocol.md section 5.4).

use super::document_bounds::{DocumentBounds, Surplus, is_padding};

/// The fewest bytes other than NUL that are probably padding: many documents begin with some blanks.
const LEAST: usize = 8;

/// The smallest block that a head is filled to.
const LEAST_BLOCK: u64 = 64;
/// Larger blocks have a multiple of this size, if they are no power of two.
const BLOCK: u64 = 1024;

/// Equal bytes at the beginning of a document that may be padding after its head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Padding {
    /// The byte.
    pub(super) byte: u8,
    /// Their number.
    pub(super) count: usize,
}

impl Padding {
    /// The padding at the beginning of these bytes.
    pub(super) fn at_start(bytes: &[u8]) -> Option<Self> {
        let byte = bytes.first().copied().filter(|byte| matches!(byte, 0 | b' ' | b'~' | b'!'))?;
        let count = bytes.iter().take_while(|other| **other == byte).count();
        Some(Self { byte, count })
    }

    /// Whether few texts begin with these bytes.
    pub(super) fn is_probable(self) -> bool {
        self.byte == 0 || self.count >= LEAST
    }
}

impl DocumentBounds {
    /// The number of bytes at the beginning of a document that are probably padding after its head: few texts
    /// begin with them.
    pub fn probable_padding(&self, beginning: &[u8]) -> Option<usize> {
        let padding = self.padding_at_start(beginning).filter(|padding| padding.is_probable());
        padding.map(|padding| padding.count)
    }

    fn padding_at_start(&self, beginning: &[u8]) -> Option<Padding> {
        Padding::at_start(beginning).filter(|_| self.may_deviate())
    }

    /// The padding before a document that is followed by more bytes. It may be longer than the document.
    pub(super) fn padding_before(&self, beginning: &[u8], surplus: &[u8]) -> Option<Padding> {
        let mut padding = self.padding_at_start(beginning).filter(|_| !surplus.is_empty())?;
        if self.content_length == Some(padding.count as u64) {
            padding.count += surplus.iter().take_while(|byte| **byte == padding.byte).count();
        }
        Some(padding)
    }

    /// What padding at the beginning of a document means that ends with the connection.
    pub fn padding_without_length(&self, beginning: &[u8]) -> Surplus {
        match self.padding_at_start(beginning).filter(|padding| padding.is_probable()) {
            Some(padding) if self.fills_block(padding.count) => Surplus::Shifted(padding.count),
            // Centered first lines begin with blanks.
            Some(padding) if padding.byte != b' ' => Surplus::Unclear(padding.count),
            _ => Surplus::Ignored,
        }
    }

    /// What the bytes after `Content-Length` bytes mean, if those begin with `padding`.
    pub(super) fn surplus_of(&self, padding: Padding, surplus: &[u8]) -> Surplus {
        let Padding { byte, count } = padding;
        let missing = surplus.len().min(count);
        let (end, after) = surplus.split_at_checked(missing).unwrap_or((surplus, &[]));
        let is_exact = surplus.len() == count
            || self.fills_block(missing)
            || (surplus.len() > count && byte != b' ');
        // A text has no NUL, and a program that sends the NUL after a string sends one.
        let is_of_text = byte == 0
            && (count == 1 || count >= LEAST)
            && !end.contains(&0)
            && after.iter().all(|other| *other == 0);
        let is_end_of_document = is_of_text || !is_ending(end);
        if !padding.is_probable() {
            return match surplus.len() == count && is_end_of_document {
                true => Surplus::Shifted(count),
                false => Surplus::Ignored,
            };
        }
        if !(is_exact && is_ending(after)) {
            return match is_ending(surplus) {
                true => Surplus::Ignored,
                false => Surplus::Unclear(missing),
            };
        }
        match is_end_of_document {
            true => Surplus::Shifted(missing),
            // The same padding, or as much, after the document.
            false if surplus.contains(&byte) || surplus.len() >= LEAST => Surplus::Unclear(missing),
            false => Surplus::Ignored,
        }
    }

    /// Whether the head and this number of bytes are a block.
    fn fills_block(&self, padding: usize) -> bool {
        let all = self.head.saturating_add(padding as u64);
        all >= LEAST_BLOCK && (all.is_power_of_two() || all.is_multiple_of(BLOCK))
    }
}

/// Whether programs send these bytes after documents.
fn is_ending(bytes: &[u8]) -> bool {
    is_padding(bytes) || bytes.trim_ascii() == b"END"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The meaning of padding after a head of 100 bytes, and of the bytes after the document.
    fn meaning(byte: u8, count: usize, surplus: &[u8]) -> Surplus {
        let content_length = Some(count as u64 + 3);
        let bounds = DocumentBounds { head: 100, content_length, ..DocumentBounds::default() };
        let beginning = [vec![byte; count], b"RFC".to_vec()].concat();
        bounds.surplus(&beginning, surplus)
    }

    #[test]
    fn the_number_of_bytes_decides_whether_padding_belongs_to_the_document() {
        for byte in [0, b' ', b'~', b'!'] {
            // All bytes are accounted for: the document begins with them.
            assert_eq!(meaning(byte, 28, b""), Surplus::Ignored);
            let end = [b'x'; 28];
            assert_eq!(meaning(byte, 28, &end), Surplus::Shifted(28));
            // A document that begins with such bytes after padding up to 128 bytes.
            assert_eq!(meaning(byte, 31, &end), Surplus::Shifted(28));
            assert_eq!(meaning(byte, 28, &end[..20]), Surplus::Unclear(20));
            assert_eq!(meaning(byte, 28, &[&end[..], b"\r\n"].concat()), Surplus::Shifted(28));
            assert_eq!(meaning(byte, 28, &[&end[..], b"more"].concat()), Surplus::Unclear(28));
            // A line end after a document that begins with them.
            assert_eq!(meaning(byte, 20, b"\r\n"), Surplus::Ignored);
            assert_eq!(meaning(byte, 20, b"END\n"), Surplus::Ignored);
            // Padding before or after it.
            assert_eq!(meaning(byte, 28, &[byte; 28]), Surplus::Unclear(28));
        }
        assert_eq!(meaning(0, 1, b"\n"), Surplus::Shifted(1));
        assert_eq!(meaning(0, 1, b"."), Surplus::Shifted(1));
        assert_eq!(meaning(0, 1, b"\n\0"), Surplus::Shifted(1));
        assert_eq!(meaning(0, 1, b"\r\n"), Surplus::Ignored);
        assert_eq!(meaning(0, 2, b"\r\n"), Surplus::Ignored);
        assert_eq!(meaning(0, 1, b"\0"), Surplus::Unclear(1));
        assert_eq!(meaning(b' ', 1, b"\n"), Surplus::Ignored);
        assert_eq!(meaning(b' ', 4, b"END\n"), Surplus::Ignored);
        assert_eq!(meaning(b' ', 4, b"text"), Surplus::Shifted(4));
        assert_eq!(meaning(b' ', 20, &[b'~'; 500]), Surplus::Ignored);
    }

    #[test]
    fn without_a_length_a_full_block_decides() {
        let bounds = DocumentBounds { head: 100, ..DocumentBounds::default() };
        let meaning = |byte, count| bounds.padding_without_length(&vec![byte; count]);
        for byte in [0, b' ', b'~', b'!'] {
            assert_eq!(meaning(byte, 28), Surplus::Shifted(28));
            assert_eq!(meaning(byte, 3072 - 100), Surplus::Shifted(2972));
        }
        assert_eq!(meaning(0, 1), Surplus::Unclear(1));
        assert_eq!(meaning(b'~', 20), Surplus::Unclear(20));
        assert_eq!(meaning(b' ', 20), Surplus::Ignored);
        assert_eq!(meaning(b'~', 3), Surplus::Ignored);
        let own = DocumentBounds { has_extensions: true, ..bounds };
        assert_eq!(own.padding_without_length(&[0; 28]), Surplus::Ignored);
    }
}
