//! Records that wait to be added together (protocol.md section 4.1).

use std::ops::Range;

use crate::protocol::Document;

/// An addition of the session whose reply is encoded and not yet sent.
pub(super) struct PendingAdd {
    pub(super) document: Document,
    /// The reply, as a part of the session's output.
    pub(super) reply: Range<usize>,
    /// The request as it is logged; empty if requests are not logged.
    pub(super) line: String,
}
