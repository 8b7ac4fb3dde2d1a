//! Requests on the connection on which everything is registered: one thread reads, and passes the
//! parts of the replies on.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::told::Told;
use super::{Membership, Shared, State};
use crate::limits;
use crate::net::Cancel;
use crate::peer::index_error::IndexError;
use crate::peer::index_link::Link;
use crate::peer::listed::Completeness;
use crate::peer::query::{AskIndex, Query};
use crate::protocol::{Endpoint, ReplyPart};

/// Parts that wait between the two threads: enough to keep both busy.
const PARTS_AHEAD: usize = 256;

/// A part of a reply, with its bytes, on the way from the reading thread to who asked.
type Delivery = (ReplyPart, Vec<u8>);

/// Who waits for replies, and for how many.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    deliveries: SyncSender<Delivery>,
    replies: usize,
}

impl Membership {
    /// Sends a request on the connection on which everything is registered, and hands the parts of
    /// the reply to `take`: for ADD and REMOVE, since records belong to that connection.
    ///
    /// # Errors
    /// When there is no reply, `take` fails, or `cancel` is cancelled. The index may have read a
    /// cancelled request.
    pub fn ask(
        &self,
        query: Query<'_>,
        cancel: &Cancel,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let shared = &self.shared;
        if let Query::Add { document, .. } | Query::Remove(document) = query {
            // Without attributes.
            shared.lock_announced().remove(document);
        }
        // An index that has shown no extension is told of a document once.
        let added = match query {
            Query::Add { document, .. } if !shared.dialect.shows_extensions() => Some(document),
            _ => None,
        };
        let mut take = |part: ReplyPart, bytes: &[u8]| {
            if let (ReplyPart::Refused(_), Some(document)) = (&part, added) {
                shared.lock_told().insert(document.clone(), Told::Refused);
            }
            take(part, bytes)
        };
        if shared.dialect.answers_one_request() {
            shared.lock_told().extend(added.map(|one| (one.clone(), Told::Registered)));
            let queries = shared.queries();
            queries.cancel_with(cancel);
            return queries.ask(query, &mut take);
        }
        let mut taken = Ok(());
        let encode = |own: &Endpoint, out: &mut Vec<u8>| {
            shared.lock_told().extend(added.map(|one| (one.clone(), Told::Registered)));
            query.encode(own, out);
            1
        };
        // To its end, even if `take` fails: the next reply must find its own reader.
        shared.ask_together(cancel, &encode, &mut |part, bytes| {
            if taken.is_ok() {
                taken = take(part, bytes);
            }
        })?;
        taken.map_err(IndexError::Taker)?;
        Ok(Completeness::Complete)
    }
}

impl Shared {
    /// Sends some requests in one go, and hands the parts of all replies to `take`. `encode` appends
    /// the requests and returns their number. If this is cancelled after the requests were sent,
    /// the next request waits for the replies, and they are ignored.
    pub(super) fn ask_together(
        &self,
        cancel: &Cancel,
        encode: &dyn Fn(&Endpoint, &mut Vec<u8>) -> usize,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<(), IndexError> {
        let _turn = self.turn.take(cancel).ok_or_else(|| self.cancelled())?;
        let link = self.link(cancel)?;
        self.wait_for_ignored(&link, cancel)?;
        let mut bytes = Vec::new();
        let mut replies = encode(&link.own, &mut bytes);
        let deliveries = self.expect_replies(&link, replies)?;
        if let Err(error) = link.send_bytes(&self.dialect.line_ends().apply(bytes)) {
            // Half a request may have been sent.
            link.close();
            return Err(error);
        }
        while replies > 0 {
            let (part, bytes) = self.receive(&deliveries, &link, cancel)?;
            replies -= usize::from(part == ReplyPart::End);
            take(part, &bytes);
        }
        Ok(())
    }

    /// The next part of a reply.
    fn receive(
        &self,
        deliveries: &Receiver<Delivery>,
        link: &Link,
        cancel: &Cancel,
    ) -> Result<Delivery, IndexError> {
        let deadline = Instant::now() + limits::INDEX_REPLY;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match deliveries.recv_timeout(left.min(limits::INTERRUPT_POLL)) {
                Ok(delivery) => return Ok(delivery),
                Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                    return Err(self.cancelled());
                }
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => continue,
                Err(RecvTimeoutError::Timeout) => io::ErrorKind::TimedOut,
                Err(RecvTimeoutError::Disconnected) => io::ErrorKind::ConnectionAborted,
            };
            // Without this reply the next one would be taken for it.
            link.close();
            return Err(link.lost(error.into()));
        }
    }

    /// Waits for the end of the replies to cancelled requests.
    fn wait_for_ignored(&self, link: &Arc<Link>, cancel: &Cancel) -> Result<(), IndexError> {
        let deadline = Instant::now() + limits::INDEX_REPLY;
        let mut state = self.lock();
        while matches!(&*state, State::Here(here, Some(_)) if Arc::ptr_eq(here, link)) {
            if cancel.is_cancelled() {
                return Err(self.cancelled());
            }
            if Instant::now() >= deadline {
                link.close();
                return Err(link.lost(io::ErrorKind::TimedOut.into()));
            }
            let waited = self.changed.wait_timeout(state, limits::INTERRUPT_POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    pub(super) fn cancelled(&self) -> IndexError {
        IndexError::Cancelled { index: self.index.clone() }
    }

    fn expect_replies(
        &self,
        link: &Arc<Link>,
        replies: usize,
    ) -> Result<Receiver<Delivery>, IndexError> {
        let (deliveries, receiver) = sync_channel(PARTS_AHEAD);
        match &mut *self.lock() {
            State::Here(here, asker) if Arc::ptr_eq(here, link) => {
                *asker = Some(Asker { deliveries, replies });
            }
            _ => return Err(link.lost(io::ErrorKind::ConnectionAborted.into())),
        }
        Ok(receiver)
    }

    /// Passes a part on to the thread that waits for it; `false` if there is none.
    pub(super) fn deliver(&self, part: ReplyPart, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let State::Here(_, waiting) = &mut *state else { return false };
        let Some(asker) = waiting else { return false };
        let deliveries = asker.deliveries.clone();
        if part == ReplyPart::End {
            asker.replies = asker.replies.saturating_sub(1);
            if asker.replies == 0 {
                *waiting = None;
                self.changed.notify_all();
            }
        }
        drop(state);
        // It may have given up: the part was asked for all the same.
        let _ = deliveries.send((part, bytes.to_vec()));
        true
    }
}
