//! A record as readers see it (protocol.md sections 4.3 and 4.11).

use std::net::IpAddr;

use super::attributes::{Attributes, date};
use crate::protocol::{BorrowedRecord, Content, RecordEnd};

/// A record and its attributes, borrowed from the index.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// The record.
    pub record: BorrowedRecord<'a>,
    /// The end of its line.
    pub end: &'a RecordEnd,
    pub(super) content: &'a Content,
    pub(super) added: u32,
    pub(super) address: Option<IpAddr>,
}

impl RecordView<'_> {
    /// The attributes of the record.
    pub fn attributes(&self) -> Attributes {
        Attributes { content: *self.content, added: date(self.added), address: self.address }
    }
}
