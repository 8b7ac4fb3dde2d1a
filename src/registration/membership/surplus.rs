//! Bytes that a server that has shown no extension sends after a reply (protocol.md section 4.9): the next
//! reply must not be looked for in it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Shared;
use crate::discovery::IndexError;
use crate::discovery::Replies;
use crate::error_chain::error_chain;
use crate::limits;
use crate::protocol::{Document, Refusal};

impl Shared {
    /// Checks what follows the reply to the ADD of a document. Returns what is wrong if everything is
    /// to be registered on a new connection without a pause. A document whose refusal was followed by more is not added again. If more follows
    /// accepted documents, the connection is replaced once, and then what follows is discarded.
    pub(super) fn check_surplus(
        &self,
        replies: &mut Replies<'_>,
        document: &Document,
        refused: Option<Refusal>,
    ) -> Result<Option<IndexError>, IndexError> {
        let wait = if refused.is_some() { limits::REFUSAL_REST } else { limits::REPLY_REST };
        let found = match replies.surplus(wait) {
            Ok(Some(found)) => found,
            // A close after the reply is found out about by reading on.
            Ok(None) | Err(IndexError::Lost { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let error = IndexError::Unsolicited { index: self.index.clone(), found };
        if refused.is_none() && self.has_replaced.swap(true, Ordering::AcqRel) {
            log::debug!("{} after the reply to ADD of {document}", error_chain(&error));
            return discard(replies, error).map(|()| None);
        }
        log::warn!(
            "{} after the reply to ADD of {document}; the connection is replaced",
            error_chain(&error)
        );
        if let Some(refusal) = refused {
            self.lock_ledger().refuse_to_add(document.clone(), refusal);
        }
        Ok(Some(error))
    }
}

/// Discards what arrives until nothing more does.
fn discard(replies: &mut Replies<'_>, error: IndexError) -> Result<(), IndexError> {
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        replies.discard_input();
        match replies.surplus(limits::REFUSAL_REST) {
            Ok(Some(_)) => {}
            Ok(None) | Err(IndexError::Lost { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Err(error)
}
