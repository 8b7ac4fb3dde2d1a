//! Large buffers for replies, of which a few are enough for all sessions.
//!
//! Thousands of peers are idle, and no large buffer is kept for an idle one. A session that replies to many
//! requests together takes a buffer here, mostly the one that was used last and is still in the
//! processor's cache, and puts it back before it waits for further requests.

use std::sync::{Mutex, PoisonError};

use crate::limits;

/// Buffers that are not in use.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty buffer with room for a piece of a list.
    pub(super) fn take(&self) -> Vec<u8> {
        // A poisoned lock may be entered: whichever buffers are there are empty.
        let unused = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = unused.unwrap_or_default();
        buffer.reserve_exact(limits::LIST_BUFFER);
        buffer
    }

    /// Puts a buffer back, whatever is in it.
    pub(super) fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unused.len() < limits::UNUSED_BUFFERS {
            unused.push(buffer);
        }
    }
}
