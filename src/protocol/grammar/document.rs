//! The document that a request names (protocol.md section 2.4).

use std::fmt;

use super::{FileName, RfcNumber, SyntaxError};
use crate::escape::is_shown_as_it_is;

/// A document is named by its RFC number, or by its file name.
///
/// ```text
/// document = "RFC" SP rfc-number / "FILE" SP file-name
/// ```
///
/// RFCs come before files, in the order of their numbers; files in the byte order of their names.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Document {
    /// An RFC.
    Rfc(RfcNumber),
    /// Any other file.
    File(FileName),
}

impl Document {
    /// The form that a user types: the number, or the decoded file name.
    pub fn name(&self) -> String {
        match self {
            Self::Rfc(number) => number.to_string(),
            Self::File(name) => name.as_str().to_string(),
        }
    }

    /// The form on the wire, in records and requests.
    pub fn wire(&self) -> WireDocument<'_> {
        WireDocument(self)
    }

    /// The bytes of memory that the value takes as a key of a table, which may be half empty.
    pub(in crate::protocol) fn kept_bytes(&self) -> usize {
        size_of::<Self>().saturating_mul(4).saturating_add(self.name_bytes())
    }

    /// The bytes of memory outside of this value.
    pub(crate) fn name_bytes(&self) -> usize {
        match self {
            Self::Rfc(_) => 0,
            Self::File(name) => name.as_str().len(),
        }
    }

    /// Reads the two words of a request line.
    pub(crate) fn from_words(kind: &str, name: &str) -> Result<Self, SyntaxError> {
        match kind {
            "RFC" => name.parse().map(Self::Rfc),
            "FILE" => name.parse().map(Self::File),
            _ if kind.eq_ignore_ascii_case("RFC") || kind.eq_ignore_ascii_case("FILE") => {
                Err(SyntaxError::at("RFC or FILE in capital letters", kind, "2.4"))
            }
            _ => Err(SyntaxError::at("RFC or FILE before the name of a document", kind, "2.4")),
        }
    }
}

/// The form for display: of a file the decoded name, in which only characters that affect a
/// terminal are escaped.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rfc(number) => write!(f, "RFC {number}"),
            // Encoded if it has characters that cannot be seen: it can be typed as it is shown.
            Self::File(name) if !is_shown_as_it_is(name.as_str()) => {
                write!(f, "{}", self.wire())
            }
            Self::File(name) => write!(f, "FILE {}", name.as_str()),
        }
    }
}

/// The [`Display`](fmt::Display) that [`Document::wire`] returns.
#[derive(Clone, Copy, Debug)]
pub struct WireDocument<'a>(&'a Document);

impl fmt::Display for WireDocument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Document::Rfc(number) => write!(f, "RFC {number}"),
            Document::File(name) => write!(f, "FILE {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_for_people_and_encoded_on_the_wire() {
        for (wire, shown) in [
            ("FILE lecture%2001.pdf", "FILE lecture 01.pdf"),
            ("FILE a%2Fb%25%C3%A9", "FILE a/b%é"),
            ("FILE %E2%80%AE.txt", "FILE %E2%80%AE.txt"),
            ("RFC 793", "RFC 793"),
        ] {
            let (kind, name) = wire.split_once(' ').unwrap();
            let document = Document::from_words(kind, name).unwrap();
            assert_eq!(document.wire().to_string(), wire);
            assert_eq!(document.to_string(), shown);
        }
    }
}
