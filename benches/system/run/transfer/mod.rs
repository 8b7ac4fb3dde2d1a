//! Documents from a peer, one by one and whole libraries.

mod copies;
pub(crate) mod documents;
pub(crate) mod gets;
mod libraries;
mod sizes;

use crate::run::Suite;

pub(crate) const SUITES: &[Suite] = &[
    Suite { name: "small", what: "documents, a connection each", run: gets::small },
    Suite { name: "sizes", what: "documents from 1 KB to 1 GB", run: sizes::sizes },
    Suite { name: "large", what: "one large file", run: gets::large },
    Suite { name: "sync", what: "a library into an empty directory", run: libraries::sync },
    Suite { name: "registering", what: "from start to registered", run: libraries::registering },
    Suite { name: "digests", what: "SHA-256 of a library", run: libraries::digests },
];
