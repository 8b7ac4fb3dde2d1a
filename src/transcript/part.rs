//! The parts of a conversation as values: what a program needs to compare replies.

use crate::protocol::{DocumentHead, ReplyPart};

/// A part of the conversation on a connection. All but requests are parts of replies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// A request is complete; the request in a few words.
    Request(String),
    /// A part of a reply of an index server, or a refusal of an upload server; never the end.
    Index(ReplyPart),
    /// The head of a document.
    Head(DocumentHead),
    /// The next bytes of the document.
    Body(Vec<u8>),
    /// Bytes that belong before all others of the document.
    BodyBegins(Vec<u8>),
    /// The next bytes, which were not recorded: of the document, or of a reply of an index server.
    Unrecorded(u64),
    /// Bytes that are no part of a reply.
    Other(Vec<u8>),
    /// A line as it was received; of a document, its beginning.
    Line(Vec<u8>),
    /// The reply has ended. The request that it answers may not be in the conversation.
    End {
        /// Whether it is.
        has_request: bool,
    },
}
