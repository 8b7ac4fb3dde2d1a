//! Events that a registration reports to the program.

use std::sync::Arc;
use std::time::Duration;

use crate::discovery::IndexError;
use crate::protocol::{Document, Refusal};

/// What a member's program may want to tell people.
#[derive(Debug)]
pub enum Event {
    /// The index has acknowledged this number of documents.
    Registered(usize),
    /// The index refused this document, and this number of others.
    Refused {
        /// The first one.
        document: Document,
        /// What it answered to that.
        refusal: Refusal,
        /// How many more it did not take.
        others: usize,
    },
    /// The index has taken documents that it had refused before.
    RegisteredLater(usize),
    /// This many documents are no RFCs, and the index has not shown that it knows others.
    NotSupported(usize),
    /// The connection is gone, or could not be made; the next attempt is after this pause.
    Away(Arc<IndexError>, Duration),
}
