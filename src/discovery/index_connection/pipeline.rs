//! Pipelined LOOKUPs, for an index that has shown an extension: it reads pipelined requests
//! (protocol.md section 8.5).

use std::sync::Arc;

use super::{IndexConnection, Last, Open, lock};
use crate::discovery::cluster_query::{NamedCluster, encode_cluster_query};
use crate::discovery::index_error::IndexError;
use crate::discovery::index_link::Link;
use crate::discovery::index_replies::Replies;
use crate::discovery::query::{LookupTitle, Query};
use crate::limits;
use crate::protocol::{Cluster, Document, Record, Refusal, ReplyForm, ReplyPart};

impl IndexConnection {
    /// Looks up documents, with attributes, and passes the parts of each reply to `take`. A document
    /// without a holder is not an error.
    ///
    /// # Errors
    /// When the index does not answer, or refuses.
    pub(super) fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        let mut rest = documents;
        while !rest.is_empty() {
            let reused = self.reuse();
            let is_reused = reused.is_some();
            let open = reused.map_or_else(|| self.open(), Ok)?;
            let before = rest.len();
            match self.pipeline(open, &mut rest, take) {
                // The index may close a connection after any reply.
                Err(IndexError::Lost { .. })
                    if (is_reused || rest.len() < before) && !self.cancels.own().is_cancelled() => {
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Asks a server that has shown an extension for its cluster.
    ///
    /// # Errors
    /// When it does not answer, or refuses for another reason than the unknown name.
    pub(in crate::discovery) fn ask_cluster(&self) -> Result<Option<Cluster>, IndexError> {
        let Open { link, between, .. } = self.reuse().map_or_else(|| self.open(), Ok)?;
        let _watched = self.cancels.own().watch(Arc::clone(&link.stream));
        let mut replies = Replies::new(&self.index, &self.dialect, &link.stream, between);
        let mut request = Vec::new();
        encode_cluster_query(&link.own, &mut request);
        replies.expect(ReplyForm::Records);
        link.send_requests(request)?;
        let mut named = NamedCluster::default();
        let until = limits::ends_after(self.dialect.limits().lookup);
        replies.begin_within(limits::CLUSTER_REPLY);
        replies.read_one_until(Some(until), &mut |part, _| named.take(part))?;
        let (between, last) = (replies.into_between(), Last::Refused);
        *lock(&self.open) = Some(Open { link, between, last });
        Ok(named.into_cluster())
    }

    /// Looks up all of `rest` on one connection, and removes the documents that were answered.
    fn pipeline(
        &self,
        open: Open,
        rest: &mut &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        let Open { link, between, .. } = open;
        // Cancelling shuts the connection down while this is held.
        let _watched = self.cancels.own().watch(Arc::clone(&link.stream));
        let mut replies = Replies::new(&self.index, &self.dialect, &link.stream, between);
        let mut last = Last::Found;
        while !rest.is_empty() {
            let (requests, count) = requests(&link, rest);
            replies.expect(ReplyForm::Records);
            let sent = link.send_requests(requests);
            for _ in 0..count {
                last = match self.read_reply(&link, &mut replies, take) {
                    Err(IndexError::Lost { .. }) if sent.is_err() => break,
                    // A refusal explains more than the failure to send the rest.
                    outcome => outcome?,
                };
                *rest = rest.split_first().map_or(&[], |(_, rest)| rest);
            }
            sent?;
        }
        let between = replies.into_between();
        *lock(&self.open) = Some(Open { link, between, last });
        Ok(())
    }

    fn read_reply(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<Last, IndexError> {
        let until = limits::ends_after(self.dialect.limits().lookup);
        let refused = replies.read_one_until(Some(until), &mut |part, _| match part {
            ReplyPart::Refused(_) | ReplyPart::Reason(_) => {}
            ReplyPart::Record(record) => {
                let holder = link.scoped(record.holder);
                take(ReplyPart::Record(Record { holder, ..record }));
            }
            part => take(part),
        })?;
        match refused {
            None => Ok(Last::Found),
            Some((Refusal::NotFound, _)) => Ok(Last::Refused),
            Some((refusal, reason)) => {
                Err(IndexError::Refused { index: self.index.clone(), refusal, reason })
            }
        }
    }
}

/// Encodes the requests that are sent together; returns their number, too.
fn requests(link: &Link, documents: &[&Document]) -> (Vec<u8>, usize) {
    let (mut requests, mut count) = (Vec::new(), 0);
    for document in documents.iter().take(limits::LOOKUPS_TOGETHER) {
        if requests.len() >= limits::LOOKUPS_TOGETHER_BYTES {
            break;
        }
        let query = Query::Lookup { document, title: LookupTitle::Omitted, want_attributes: true };
        query.encode(&link.own, &mut requests);
        count += 1;
    }
    (requests, count)
}
