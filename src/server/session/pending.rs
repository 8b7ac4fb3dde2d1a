//! Records that wait to be added together (protocol.md section 4.1).

use std::ops::Range;

use crate::index::Addition;
use crate::protocol::Document;

/// A record whose reply is encoded and not yet sent.
pub(super) struct PendingAdd {
    pub(super) document: Document,
    pub(super) addition: Addition,
    /// The reply, as a part of the session's output.
    pub(super) reply: Range<usize>,
    /// The request as it is logged; empty if requests are not logged.
    pub(super) line: String,
}
