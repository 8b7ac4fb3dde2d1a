//! What a request is about (protocol.md section 2.4).

use std::fmt;

use super::{FileName, RfcNumber, SyntaxError};

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
    /// What a person types for it: the number, or the decoded file name.
    pub fn name(&self) -> String {
        match self {
            Self::Rfc(number) => number.to_string(),
            Self::File(name) => name.as_str().to_string(),
        }
    }

    /// Bytes of memory that it takes.
    pub(super) fn kept_bytes(&self) -> usize {
        size_of::<Self>().saturating_add(self.name_bytes())
    }

    /// Bytes of memory outside this value.
    pub(super) fn name_bytes(&self) -> usize {
        match self {
            Self::Rfc(_) => 0,
            Self::File(name) => name.as_str().len(),
        }
    }

    /// Reads the two words of a request line.
    pub(super) fn from_words(kind: &str, name: &str) -> Result<Self, SyntaxError> {
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

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rfc(number) => write!(f, "RFC {number}"),
            Self::File(name) => write!(f, "FILE {name}"),
        }
    }
}
