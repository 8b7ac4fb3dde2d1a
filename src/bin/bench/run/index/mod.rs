//! The index under load.

mod requests;

use crate::run::Suite;

pub(crate) const SUITES: &[Suite] = &[
    Suite { name: "lookup", what: "LOOKUP as fast as it goes", run: requests::lookups },
    Suite { name: "add", what: "ADD as fast as it goes", run: requests::adds },
];
