//! Large buffers for replies. All sessions share a few buffers.
//!
//! Most connections are idle, and an idle session has no large buffer. A session that replies to
//! many requests together takes a buffer from here, mostly the buffer that was used last and is
//! still in the processor's cache. The session returns it before it waits for further requests.

use std::sync::{Mutex, PoisonError};

use crate::limits;

/// Buffers that are not in use.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty buffer with capacity for a piece of a list.
    pub(super) fn take(&self) -> Vec<u8> {
        // A poisoned lock may be entered: all unused buffers are empty.
        let unused = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = unused.unwrap_or_default();
        buffer.reserve_exact(limits::LIST_BUFFER);
        buffer
    }

    /// Returns a buffer. Its content is dropped.
    pub(super) fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unused.len() < limits::UNUSED_BUFFERS {
            unused.push(buffer);
        }
    }
}
