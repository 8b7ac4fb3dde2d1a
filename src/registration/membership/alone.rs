//! Registration with index servers that answer one request on a connection (protocol.md section
//! 8.5): each document is added on a connection of its own. Such a server keeps records without
//! their connections, and cannot be told that a document is gone.

use std::sync::Arc;

use super::ledger::{Announcement, Outcome};
use super::{Shared, State};
use crate::discovery::IndexConnection;
use crate::discovery::IndexError;
use crate::discovery::{AskIndex, Query};
use crate::discovery::{Replies, Unsolicited};
use crate::limits;
use crate::net::Cancel;
use crate::protocol::{Document, ReplyPart};

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

    /// Adds a document on a connection of its own, if it is still shared and the index has not
    /// answered that already.
    pub(super) fn tell_alone(
        &self,
        document: &Document,
        cancel: &Cancel,
    ) -> Result<Option<Outcome>, IndexError> {
        let title = self.library.read().entry(document).map(|entry| entry.title().clone());
        let Some(title) = title else {
            self.lock_ledger().settle(document);
            return Ok(None);
        };
        let query = Query::Add { document, title: &title };
        // Not settled: it would be tried again immediately.
        let announcement = self.announcement_of(query).ok_or(IndexError::Leaving)?;
        if !self.lock_ledger().is_news(&announcement, false) {
            self.lock_ledger().settle(document);
            return Ok(None);
        }
        let mut refused = None;
        let queries = self.queries();
        queries.cancel_with(cancel);
        // The reply to ADD is complete, or an error.
        let _ = queries.ask(query, &mut |part, _| {
            if let ReplyPart::Refused(refusal) = part {
                refused = Some(refusal);
            }
            Ok(())
        })?;
        self.lock_ledger().record(&announcement, refused);
        Ok(Some(Outcome { announcement, refused }))
    }

    /// What an ADD announces as this peer sends it now.
    pub(super) fn announcement_of(&self, query: Query<'_>) -> Option<Announcement> {
        let Query::Add { document, title } = query else { return None };
        let own = match &*self.lock() {
            State::Here(link, _) | State::Joining(link) => link.own.clone(),
            State::Connecting | State::Away(_) | State::Leaving => return None,
        };
        let mut request = Vec::new();
        query.encode(&own, &mut request);
        Some(Announcement::add(document.clone(), title.clone(), &request))
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
