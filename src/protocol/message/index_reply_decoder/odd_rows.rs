//! What a decoder does with rows that are no records of the grammar (protocol.md section 4.9).

use super::fields::{Field, Fields, number};
use super::row_forms::record_in_any_form;
use crate::protocol::Record;

/// Whether rows that are no records of the grammar are read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum OddRows {
    #[default]
    Faults,
    Read {
        /// Whether a row without a host or a port is skipped. Otherwise it is a fault.
        skips_others: bool,
    },
}

impl OddRows {
    pub(super) fn are_read(self) -> bool {
        self != Self::Faults
    }
}

/// What has been read of records that are no lines.
#[derive(Debug, Default)]
pub(super) struct OtherRows {
    /// The fields of the record whose lines are read.
    pub(super) fields: Fields,
    /// Whether a line of this reply was a field.
    pub(super) has_fields: bool,
    /// Brackets that are open.
    pub(super) depth: usize,
    /// Whether brackets were closed, and the line continues.
    pub(super) is_after_group: bool,
}

/// Whether rows follow a status line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum RowsBegin {
    /// No row was seen.
    #[default]
    Unknown,
    WithStatus,
    WithoutStatus,
}

impl OtherRows {
    /// Whether a reply cannot end here.
    pub(super) fn is_open(&self) -> bool {
        self.depth > 0
    }

    pub(super) fn forget_fields(&mut self) {
        self.fields = Fields::default();
    }

    /// The record that ends with an unfinished line.
    pub(super) fn unfinished_record(&self, line: &str) -> Option<Record> {
        if self.is_open() {
            return None;
        }
        if let Some(record) = record_in_any_form(line) {
            return Some(record);
        }
        let mut fields = self.fields.clone();
        match field_of_line(line) {
            Some((field, value)) => fields.set(field, value).then(|| fields.record()).flatten(),
            None => line.is_empty().then(|| fields.record()).flatten(),
        }
    }
}

/// The name and the value of a line such as `Title: A Title`.
pub(super) fn field_of_line(line: &str) -> Option<(Field, &str)> {
    let (name, value) = line.split_once([':', '='])?;
    let field = Field::named(name.trim())?;
    let value = value.trim();
    let is_possible = match field {
        Field::Number => number(value).is_some(),
        Field::Title => true,
        Field::Host | Field::Port => !value.is_empty() && !value.contains(' '),
    };
    is_possible.then_some((field, value))
}
