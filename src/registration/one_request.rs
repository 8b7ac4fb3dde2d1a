//! Registration with index servers that answer one request on a connection (protocol.md section
//! 8.5): each document is added on a connection of its own. Such a server keeps records without
//! their connections, and a peer cannot remove a record from them.

use std::io;

use super::ledger::{Announcement, Outcome};
use super::shared::Shared;
use crate::discovery::{AskIndex, IndexError, Query, Replies, Unsolicited};
use crate::net::Cancel;
use crate::protocol::{Document, Endpoint, ReplyPart};

/// Takes the parts of a reply, with their bytes.
pub(super) type Take<'a> = dyn FnMut(ReplyPart, &[u8]) -> io::Result<()> + 'a;

impl Shared {
    /// Adds a document on a connection of its own, if it is still shared and the index has not
    /// answered its ADD already.
    pub(super) fn add_shared_alone(
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
        if !self.lock_ledger().must_send(&announcement, false) {
            self.lock_ledger().settle(document);
            return Ok(None);
        }
        self.add_alone(query, announcement, cancel, &mut |_, _| Ok(())).map(Some)
    }

    /// Sends an ADD on a connection of its own, and records the reply.
    pub(super) fn add_alone(
        &self,
        query: Query<'_>,
        announcement: Announcement,
        cancel: &Cancel,
        take: &mut Take<'_>,
    ) -> Result<Outcome, IndexError> {
        let queries = self.queries();
        queries.cancel_with(cancel);
        let (mut refused, mut has_ended) = (None, false);
        let asked = queries.ask(query, &mut |part, bytes| {
            match part {
                ReplyPart::Refused(refusal) => refused = Some(refusal),
                ReplyPart::End => has_ended = true,
                _ => {}
            }
            take(part, bytes)
        });
        // The reply counts even if `take` fails: a second ADD could harm the index.
        if has_ended || asked.is_ok() {
            self.lock_ledger().record(&announcement, refused);
        }
        // The reply to ADD is complete, or an error.
        let _ = asked?;
        Ok(Outcome { announcement, refused })
    }

    /// The announcement of an ADD as this peer sends it now.
    pub(super) fn announcement_of(&self, query: Query<'_>) -> Option<Announcement> {
        encode_query(query, &self.own()?, &mut Vec::new())
    }

    /// Finds out after a reply whether the index closes the connection, if that is not known yet.
    pub(super) fn probe_closing(&self, replies: &mut Replies<'_>) -> Result<(), IndexError> {
        if self.dialect.is_suspected_of_one_request() {
            let closes = match replies.wait_for_unsolicited(self.dialect.limits().close_after_reply)
            {
                Ok(Unsolicited::Close) | Err(IndexError::Lost { .. }) => true,
                Ok(Unsolicited::Nothing | Unsolicited::Bytes(_)) => false,
                Err(error) => return Err(error),
            };
            self.dialect.set_one_request(closes);
        }
        Ok(())
    }
}

/// Appends the request of a user or of a library; returns what it announces.
pub(super) fn encode_query(
    query: Query<'_>,
    own: &Endpoint,
    out: &mut Vec<u8>,
) -> Option<Announcement> {
    let begin = out.len();
    query.encode(own, out);
    match query {
        Query::Add { document, title } => {
            let request = out.get(begin..).unwrap_or_default();
            Some(Announcement::add(document.clone(), title.clone(), request))
        }
        Query::Remove(document) => Some(Announcement::remove(document.clone())),
        Query::Lookup { .. } | Query::List(_) | Query::Search { .. } => None,
    }
}
