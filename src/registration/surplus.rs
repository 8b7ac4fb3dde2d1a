//! Bytes that an index without extensions sends after a reply (protocol.md section 4.9). They must not
//! be taken for the next reply.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::discovery::{IndexError, Replies};
use crate::error_chain::error_chain;
use crate::limits;
use crate::protocol::{Document, Refusal};

impl Shared {
    /// Checks what follows the reply to the ADD of a document. Returns an error if everything is to be
    /// registered on a new connection without a pause. A document whose refusal was followed by more
    /// bytes is not added again. If more bytes follow accepted documents, the connection is replaced
    /// once; after that the bytes are discarded.
    pub(super) fn check_surplus(
        &self,
        replies: &mut Replies<'_>,
        document: &Document,
        refused: Option<Refusal>,
    ) -> Result<Option<IndexError>, IndexError> {
        let limits = self.dialect.limits();
        let wait = if refused.is_some() { limits.refusal_rest } else { limits.reply_rest };
        let found = match replies.surplus(wait) {
            Ok(Some(found)) => found,
            // A close after the reply is seen by the next read.
            Ok(None) | Err(IndexError::Lost { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let error = IndexError::Unsolicited { index: self.index.clone(), found };
        let has_replaced = refused.is_none() && self.has_replaced.swap(true, Ordering::AcqRel);
        if has_replaced {
            log::debug!("{} after the reply to ADD of {document}", error_chain(&error));
            return discard(replies, limits, error).map(|()| None);
        }
        if refused.is_none() && replies.has_bad_request() {
            // The server may take the empty line for another request.
            self.dialect.shorten_form(replies.form());
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
fn discard(
    replies: &mut Replies<'_>,
    limits: &limits::IndexClient,
    error: IndexError,
) -> Result<(), IndexError> {
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        replies.discard_input();
        match replies.surplus(limits.refusal_rest) {
            Ok(Some(_)) => {}
            Ok(None) | Err(IndexError::Lost { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Err(error)
}
