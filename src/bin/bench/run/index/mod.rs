//! The index under load.

mod fill;
mod growth;
mod requests;

use crate::run::Suite;

pub(crate) const SUITES: &[Suite] = &[
    Suite { name: "lookup", what: "LOOKUP as fast as it goes", run: requests::lookups },
    Suite { name: "add", what: "ADD as fast as it goes", run: requests::adds },
    Suite { name: "growth", what: "LOOKUP in an index that grows", run: growth::lookups },
    Suite { name: "memory", what: "what a record takes of the memory", run: growth::memory },
];
