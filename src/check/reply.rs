//! A reply as it was received.

use super::symptom::Symptom;
use crate::protocol::DocumentHead;

/// A reply of an index server or an upload server, or what was received instead.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: Option<u16>,
    /// The records, in the form of the grammar.
    pub(super) records: Vec<String>,
    pub(super) attributes: Vec<String>,
    pub(super) head: Option<DocumentHead>,
    /// The document.
    pub(super) body: Vec<u8>,
    /// Bytes of the document.
    pub(super) ending: Ending,
    /// Bytes after the document.
    pub(super) surplus: usize,
    /// Whether the connection was closed after the document.
    pub(super) is_closed: bool,
    /// The bytes of the reply; of a document, its head.
    pub(super) raw: Vec<u8>,
}

/// How a reply ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Ending {
    /// Where its own bytes say so, and the connection is open as far as is known.
    #[default]
    Complete,
    /// By silence.
    Silence,
    /// By the end of the connection.
    Close,
    /// It did not end in time; or nothing was received.
    Late,
    /// The connection ended before its end.
    CutOff,
    /// The bytes are no reply.
    Unreadable,
}

impl Reply {
    /// Why it is no whole reply; `None` if it is one.
    pub(super) fn broken(&self) -> Option<Symptom> {
        let is_empty = self.raw.trim_ascii().is_empty();
        match self.ending {
            Ending::Complete | Ending::Silence | Ending::Close => None,
            Ending::Late if is_empty => Some(Symptom::Silent),
            Ending::CutOff if is_empty => Some(Symptom::Closed),
            Ending::Late | Ending::CutOff => Some(Symptom::CutOff),
            Ending::Unreadable => Some(Symptom::Unreadable),
        }
    }
}
