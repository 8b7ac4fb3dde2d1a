//! Whether a reply of an index is complete; the list that is kept of one (protocol.md section 7).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::index_error::IndexError;
use crate::error_chain::error_chain;
use crate::protocol::Record;

/// Whether a reply is complete.
#[derive(Clone, Debug)]
#[must_use]
pub enum Completeness {
    /// The reply was read to its end.
    Complete,
    /// The callback asked to stop before the end.
    Stopped,
    /// Records may be missing.
    Incomplete(Gap),
}

/// Why records may be missing.
#[derive(Clone, Debug)]
pub struct Gap {
    /// The reason, for messages.
    pub reason: String,
    /// The kind of reason.
    pub cause: GapCause,
}

/// The kind of reason for which records may be missing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum GapCause {
    /// The index does not mark the end of its replies, or sends more than is read.
    Unmarked,
    /// The index closed the connection before it had marked the end of the reply.
    Closed,
    /// The reply ended with this error.
    Failed(Arc<IndexError>),
    /// Of several index servers, one has not replied.
    NoReply(Arc<IndexError>),
}

impl Completeness {
    /// Records may be missing, for this reason.
    pub fn incomplete(reason: impl Into<String>) -> Self {
        Self::Incomplete(Gap { reason: reason.into(), cause: GapCause::Unmarked })
    }

    /// Records may be missing, because the index closed the connection too early.
    pub(super) fn closed() -> Self {
        let reason = "the index closed the connection without a final empty line".into();
        Self::Incomplete(Gap { reason, cause: GapCause::Closed })
    }

    /// Records may be missing, because of this error.
    pub(super) fn failed(error: IndexError) -> Self {
        let reason = error_chain(&error);
        Self::Incomplete(Gap { reason, cause: GapCause::Failed(Arc::new(error)) })
    }

    /// The completeness of the replies of several index servers, of which some have not replied.
    pub(super) fn without_replies(errors: Vec<IndexError>) -> Self {
        let reason = errors.iter().map(|error| error_chain(error)).collect::<Vec<_>>().join("; ");
        match errors.into_iter().next() {
            None => Self::Complete,
            Some(first) => {
                Self::Incomplete(Gap { reason, cause: GapCause::NoReply(Arc::new(first)) })
            }
        }
    }

    /// The completeness of two replies: that of the first incomplete one.
    pub fn and(self, other: Self) -> Self {
        if let Self::Complete = self { other } else { self }
    }
}

/// The list of an index server whose LOOKUP finds nothing, kept to look up documents in it.
#[derive(Debug, Default)]
pub struct ListCache(Mutex<Option<Arc<KeptList>>>);

/// A list, perhaps the beginning of one.
#[derive(Debug)]
pub(super) struct KeptList {
    pub(super) records: Vec<Record>,
    pub(super) completeness: Completeness,
}

impl ListCache {
    pub(super) fn get(&self) -> Option<Arc<KeptList>> {
        self.lock().clone()
    }

    pub(super) fn put(&self, list: KeptList) -> Arc<KeptList> {
        Arc::clone(self.lock().insert(Arc::new(list)))
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<KeptList>>> {
        // Each change is one assignment: a poisoned list is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
