//! A record of a batch that is added (protocol.md section 4.1).

use crate::index::records::Records;
use crate::index::{Attributes, Charge, Full, Owner};
use crate::protocol::Record;

/// A record to add, and the outcome.
#[derive(Debug)]
pub struct Addition {
    /// The record, until it is added or refused.
    record: Option<Record>,
    attributes: Attributes,
    charge: Charge,
    outcome: Result<usize, Full>,
}

impl Addition {
    /// A record that is to be added. Its charge is computed before, while the index is not locked.
    pub fn new(record: Record, charge: Charge, attributes: Attributes) -> Self {
        Self { record: Some(record), attributes, charge, outcome: Ok(0) }
    }

    /// The memory that the record is charged.
    pub fn charge(&self) -> Charge {
        self.charge
    }

    /// The record, until it is added or refused.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Its attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Bytes that the replaced record was charged ([`Charge::bytes`]), or 0 if none was replaced.
    ///
    /// # Errors
    /// When a limit was reached. Then the index has not changed.
    pub fn outcome(&self) -> Result<usize, Full> {
        self.outcome
    }

    pub(super) fn add_to(&mut self, records: &mut Records, owner: Owner) {
        if let Some(record) = self.record.take() {
            self.outcome = records.add_charged(owner, record, self.charge, self.attributes);
        }
    }
}
