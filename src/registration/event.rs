//! Events that a registration reports to the program.

use std::sync::Arc;
use std::time::Duration;

use crate::discovery::IndexError;
use crate::protocol::{ClusterId, Document, Endpoint, Refusal};

/// An event that a registration reports to the program.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The index has acknowledged this number of documents.
    Registered(usize),
    /// The index refused this document, and this number of others.
    Refused {
        /// The first one.
        document: Document,
        /// The refusal of that document.
        refusal: Refusal,
        /// How many more it refused.
        others: usize,
    },
    /// The index has registered this number of documents that it had refused before.
    RegisteredLater(usize),
    /// This number of documents are not RFCs, and the index has not shown that it supports others.
    NotSupported(usize),
    /// Everything is registered with another server of the cluster from now on.
    Moving(Endpoint),
    /// Nothing is registered with this server, because another registration is made with its cluster.
    StandingBy {
        /// The cluster.
        cluster: ClusterId,
        /// The server of that registration.
        with: Option<Endpoint>,
    },
    /// The connection was lost or could not be made. The next attempt is after this pause.
    Away(Arc<IndexError>, Duration),
}
