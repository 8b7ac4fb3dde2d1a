//! Records that wait to be added together (protocol.md section 4.2).

use std::mem;
use std::ops::Range;

use crate::index::{Attributes, Charge, Full, Index, Owner};
use crate::protocol::{Document, Record};

/// A record whose reply is encoded and not sent.
pub(super) struct Adding {
    pub(super) document: Document,
    pub(super) charge: Charge,
    pub(super) attributes: Attributes,
    pub(super) progress: Progress,
    /// The reply, as a part of the session's output.
    pub(super) reply: Range<usize>,
    /// The request as it is logged; empty if requests are not logged.
    pub(super) line: String,
}

pub(super) enum Progress {
    Waiting(Record),
    /// The bytes that the record it replaced was charged.
    Added(usize),
    Refused(Full),
}

impl Adding {
    /// Adds the record, unless that was done.
    pub(super) fn add_to(&mut self, index: &mut Index, owner: Owner) {
        let before = mem::replace(&mut self.progress, Progress::Added(0));
        let Progress::Waiting(record) = before else { return };
        self.progress = match index.add_charged(owner, record, self.charge, self.attributes) {
            Ok(replaced) => Progress::Added(replaced),
            Err(full) => Progress::Refused(full),
        };
    }
}
