//! Registration with index servers that answer one request on a connection (protocol.md section
//! 8.5): each document is added on a connection of its own. Such a server keeps records without
//! their connections, and cannot be told that a document is gone.

use super::{Shared, State};
use crate::limits;
use crate::net::Cancel;
use crate::peer::index_connection::IndexConnection;
use crate::peer::index_error::IndexError;
use crate::peer::index_replies::{Refused, Replies, Unsolicited};
use crate::peer::query::{AskIndex, Query};
use crate::protocol::{Document, ReplyPart};
use std::sync::Arc;

impl Shared {
    /// Connections for one request each.
    pub(super) fn queries(&self) -> IndexConnection {
        let Self { index, host, port, dialect, .. } = self;
        // The name is found out once, when documents are registered.
        let found = || match &*self.lock() {
            State::Here(link, _) | State::Joining(link) => Some(link.own.host.clone()),
            State::Connecting | State::Away(_) | State::Leaving => None,
        };
        let host = host.clone().or_else(found);
        IndexConnection::new(index.clone(), host, Some(*port), Arc::clone(dialect))
    }

    /// Adds a document on a connection of its own, if it is still shared; returns why the index
    /// refused, if it did.
    pub(super) fn add_alone(
        &self,
        document: &Document,
        cancel: &Cancel,
    ) -> Result<Option<(Document, Option<Refused>)>, IndexError> {
        let title = self.library.read().entry(document).map(|entry| entry.title().clone());
        let Some(title) = title else { return Ok(None) };
        let (mut refusal, mut reason) = (None, None);
        let query = Query::Add { document, title: &title };
        // The reply to ADD is complete, or an error.
        let queries = self.queries();
        queries.cancel_with(cancel);
        let _ = queries.ask(query, &mut |part, _| {
            match part {
                ReplyPart::Refused(found) => refusal = Some(found),
                ReplyPart::Reason(text) => reason = Some(text),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Some((document.clone(), refusal.map(|refusal| (refusal, reason)))))
    }

    /// After a reply: whether the index closes the connection by itself, if that is not known yet.
    pub(super) fn find_out_closing(&self, replies: &mut Replies<'_>) -> Result<(), IndexError> {
        if self.dialect.is_suspected_of_one_request() {
            let closes = match replies.wait_for_unsolicited(limits::CLOSE_AFTER_REPLY) {
                Ok(Unsolicited::Close) | Err(IndexError::Lost { .. }) => true,
                Ok(Unsolicited::Nothing | Unsolicited::Bytes(_)) => false,
                Err(error) => return Err(error),
            };
            self.dialect.set_one_request(closes);
        }
        Ok(())
    }
}
