//! What a decoder finds in a reply.

use crate::protocol::message::index_reply::ReplyPart;

/// What begins at the start of the input.
pub(in crate::protocol) enum Found {
    /// A part of a reply, and its number of bytes.
    Part(ReplyPart, usize),
    /// An empty line before a reply, of this number of bytes.
    EmptyLine(usize),
    /// Another line that is no part of a reply: of a greeting, or a header after its reply.
    Skipped(usize),
    /// Not yet a whole line.
    Incomplete,
}

/// What begins at the next byte.
pub(super) enum Other {
    Line,
    Found(Found),
    /// Bytes that mean nothing. They were taken, and something else begins after them.
    Skipped,
}
