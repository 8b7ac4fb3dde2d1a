//! Requests on the connection on which everything is registered: one thread reads, and passes the parts
//! of the replies on (protocol.md section 3.4).

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::ledger::{Announcement, Outcome};
use super::{Shared, State};
use crate::discovery::IndexError;
use crate::discovery::Link;
use crate::discovery::Replies;
use crate::limits;
use crate::net::Cancel;
use crate::protocol::{Document, Endpoint, Refusal, ReplyPart};

/// Parts that wait between the two threads: enough to keep both busy.
const PARTS_AHEAD: usize = 256;

/// A part of a reply, with its bytes, on the way from the reading thread to the asking one.
type Delivery = (ReplyPart, Vec<u8>);

/// A thread that waits for replies, and to which announcements.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    deliveries: SyncSender<Delivery>,
    unanswered: VecDeque<Announcement>,
    /// The refusal that is being read.
    refused: Option<Refusal>,
    /// What was answered last.
    last: Option<(Document, Option<Refusal>)>,
}

impl Shared {
    /// Sends some requests in one go, and hands the parts of all replies to `take`. `encode` appends
    /// the requests and returns what they announce; nothing is sent if that is nothing. If this is
    /// cancelled after the requests were sent, the next request waits for the replies.
    pub(super) fn ask_together(
        &self,
        cancel: &Cancel,
        encode: &dyn Fn(&Endpoint, &mut Vec<u8>) -> Vec<Announcement>,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<Vec<Outcome>, IndexError> {
        let _turn = self.turn.take(cancel).ok_or_else(|| self.cancelled())?;
        let link = self.link(cancel)?;
        self.wait_for_ignored(&link, cancel)?;
        let mut requests = Vec::new();
        let announcements = encode(&link.own, &mut requests);
        let mut outcomes = Vec::with_capacity(announcements.len());
        if announcements.is_empty() {
            return Ok(outcomes);
        }
        let deliveries = self.expect_replies(&link, announcements.iter().cloned().collect())?;
        if let Err(error) = link.send_bytes(&self.dialect.line_ends().apply(requests)) {
            // Half a request may have been sent.
            link.close();
            return Err(error);
        }
        for announcement in announcements {
            let mut refused = None;
            loop {
                let (part, bytes) = self.receive(&deliveries, &link, cancel)?;
                if let ReplyPart::Refused(refusal) = part {
                    refused = Some(refusal);
                }
                let is_end = part == ReplyPart::End;
                take(part, &bytes);
                if is_end {
                    break;
                }
            }
            outcomes.push(Outcome { announcement, refused });
        }
        Ok(outcomes)
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
        unanswered: VecDeque<Announcement>,
    ) -> Result<Receiver<Delivery>, IndexError> {
        let (deliveries, receiver) = sync_channel(PARTS_AHEAD);
        match &mut *self.lock() {
            State::Here(here, asker) if Arc::ptr_eq(here, link) => {
                let (refused, last) = (None, None);
                *asker = Some(Asker { deliveries, unanswered, refused, last });
            }
            _ => return Err(link.lost(io::ErrorKind::ConnectionAborted.into())),
        }
        Ok(receiver)
    }

    /// Passes a part on to the thread that waits for it; `false` if there is none. The end of a
    /// reply is recorded, even if nobody waits for it any more.
    pub(super) fn deliver(&self, part: ReplyPart, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let State::Here(_, Some(asker)) = &mut *state else { return false };
        if asker.unanswered.is_empty() {
            return false;
        }
        let mut answered = None;
        match part {
            ReplyPart::Refused(refusal) => asker.refused = Some(refusal),
            ReplyPart::End => {
                let refused = asker.refused.take();
                answered = asker.unanswered.pop_front().map(|announcement| (announcement, refused));
                let document = |one: &Announcement| one.document.clone();
                asker.last = answered.as_ref().map(|(one, refused)| (document(one), *refused));
            }
            _ => {}
        }
        let deliveries = asker.deliveries.clone();
        drop(state);
        if let Some((announcement, refused)) = answered {
            self.lock_ledger().record(&announcement, refused);
        }
        // It may have given up: the part was asked for all the same.
        let _ = deliveries.send((part, bytes.to_vec()));
        true
    }

    /// After a reply: allows the next request, unless the index has sent more than was requested.
    pub(super) fn end_reply(&self, replies: &mut Replies<'_>) -> Result<(), IndexError> {
        let last = match &*self.lock() {
            State::Here(_, Some(asker)) if asker.unanswered.is_empty() => asker.last.clone(),
            _ => return Ok(()),
        };
        if self.dialect.shows_extensions() {
            if replies.has_input() {
                // It is read before the next request, as what was not requested.
                return Ok(());
            }
        } else if let Some((document, refused)) = last
            && let Some(error) = self.check_surplus(replies, &document, refused)?
        {
            self.rejoins.store(true, Ordering::Release);
            return Err(error);
        }
        if let State::Here(_, asker) = &mut *self.lock() {
            *asker = None;
        }
        self.changed.notify_all();
        Ok(())
    }
}
