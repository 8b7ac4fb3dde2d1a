//! Requests on the connection on which everything is registered: one thread reads, and passes the
//! parts of the replies on.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};

use super::{Membership, Shared, State};
use crate::limits;
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
    /// When there is no reply, or `take` fails.
    pub fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        if self.shared.dialect.answers_one_request() {
            return self.shared.queries().ask(query, take);
        }
        let mut taken = Ok(());
        // To its end, even if `take` fails: the next reply must find its own reader.
        let encode = |own: &Endpoint, out: &mut Vec<u8>| {
            query.encode(own, out);
            1
        };
        self.shared.ask_together(&encode, &mut |part, bytes| {
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
    /// the requests and returns their number.
    pub(super) fn ask_together(
        &self,
        encode: &dyn Fn(&Endpoint, &mut Vec<u8>) -> usize,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<(), IndexError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let link = self.link()?;
        let mut bytes = Vec::new();
        let mut replies = encode(&link.own, &mut bytes);
        let deliveries = self.expect_replies(&link, replies)?;
        if let Err(error) = link.send_bytes(&self.dialect.line_ends().apply(bytes)) {
            // Half a request may have been sent.
            link.close();
            return Err(error);
        }
        while replies > 0 {
            let (part, bytes) = deliveries.recv_timeout(limits::INDEX_REPLY).map_err(|error| {
                // Without this reply the next one would be taken for it.
                link.close();
                link.lost(match error {
                    RecvTimeoutError::Timeout => io::ErrorKind::TimedOut.into(),
                    RecvTimeoutError::Disconnected => io::ErrorKind::ConnectionAborted.into(),
                })
            })?;
            replies -= usize::from(part == ReplyPart::End);
            take(part, &bytes);
        }
        Ok(())
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
            }
        }
        drop(state);
        // It may have given up: the part was asked for all the same.
        let _ = deliveries.send((part, bytes.to_vec()));
        true
    }
}
