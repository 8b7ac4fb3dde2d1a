//! Requests of other threads on the connection of the registration (protocol.md section 3.4).
//!
//! One thread reads from the connection. It passes the parts of a reply to the thread that sent the
//! request.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::ledger::{Announcement, Outcome};
use super::shared::Shared;
use super::state::{Delivery, PendingRequests, State};
use crate::discovery::{IndexError, Link, Replies, encode_cluster_query};
use crate::limits;
use crate::net::Cancel;
use crate::protocol::{Endpoint, ReplyPart};

/// Parts that wait between the two threads: enough to keep both busy.
const PARTS_AHEAD: usize = 256;

impl Shared {
    /// Sends some requests in one write, and passes the parts of all replies to `take`. `encode`
    /// appends the requests and returns what they announce; without an announcement nothing is sent.
    /// If this is cancelled after the requests were sent, the next request waits for the replies.
    pub(super) fn request_together(
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
        let deliveries =
            self.expect_replies(&link, announcements.iter().cloned().map(Some).collect())?;
        if let Err(error) = link.send_requests(requests) {
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

    /// Asks a server of a cluster for the cluster, and passes the parts of the reply to `take`.
    pub(super) fn request_cluster(
        &self,
        cancel: &Cancel,
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        let _turn = self.turn.take(cancel).ok_or_else(|| self.cancelled())?;
        let link = self.link(cancel)?;
        self.wait_for_ignored(&link, cancel)?;
        let mut request = Vec::new();
        encode_cluster_query(&link.own, &mut request);
        let deliveries = self.expect_replies(&link, VecDeque::from([None]))?;
        if let Err(error) = link.send_requests(request) {
            link.close();
            return Err(error);
        }
        loop {
            let (part, _) = self.receive(&deliveries, &link, cancel)?;
            if part == ReplyPart::End {
                return Ok(());
            }
            take(part);
        }
    }

    /// The time in which a reply must arrive: a shorter one where another server can be used.
    fn reply_time(&self) -> Duration {
        let reply = self.dialect.limits().reply;
        match self.clusters.held_by(self.number) {
            Some(_) => reply.min(limits::CLUSTER_REPLY),
            None => reply,
        }
    }

    /// The next part of a reply.
    fn receive(
        &self,
        deliveries: &Receiver<Delivery>,
        link: &Link,
        cancel: &Cancel,
    ) -> Result<Delivery, IndexError> {
        let deadline = limits::ends_after(self.reply_time());
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
            // Otherwise a late reply would be taken for the reply to the next request.
            link.close();
            return Err(link.lost(error.into()));
        }
    }

    /// Waits for the end of the replies to cancelled requests.
    fn wait_for_ignored(&self, link: &Arc<Link>, cancel: &Cancel) -> Result<(), IndexError> {
        let deadline = limits::ends_after(self.reply_time());
        let mut state = self.lock();
        while matches!(&*state, State::Registered(here, Some(_)) if Arc::ptr_eq(here, link)) {
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

    fn expect_replies(
        &self,
        link: &Arc<Link>,
        unanswered: VecDeque<Option<Announcement>>,
    ) -> Result<Receiver<Delivery>, IndexError> {
        let (deliveries, receiver) = sync_channel(PARTS_AHEAD);
        match &mut *self.lock() {
            State::Registered(here, pending) if Arc::ptr_eq(here, link) => {
                let (refused, last) = (None, None);
                *pending = Some(PendingRequests { deliveries, unanswered, refused, last });
            }
            _ => return Err(link.lost(io::ErrorKind::ConnectionAborted.into())),
        }
        Ok(receiver)
    }

    /// Passes a part to the thread that waits for it; `false` if no request is unanswered. The end of
    /// a reply is recorded even if the thread no longer waits.
    pub(super) fn deliver(&self, part: ReplyPart, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let State::Registered(_, Some(pending)) = &mut *state else { return false };
        if pending.unanswered.is_empty() {
            return false;
        }
        let mut answered = None;
        match part {
            ReplyPart::Refused(refusal) => pending.refused = Some(refusal),
            ReplyPart::End => {
                let refused = pending.refused.take();
                let announcement = pending.unanswered.pop_front().flatten();
                answered = announcement.map(|announcement| (announcement, refused));
                let document = |one: &Announcement| one.document.clone();
                pending.last = answered.as_ref().map(|(one, refused)| (document(one), *refused));
            }
            _ => {}
        }
        let deliveries = pending.deliveries.clone();
        drop(state);
        if let Some((announcement, refused)) = answered {
            self.lock_ledger().record(&announcement, refused);
        }
        // The thread may have given up; the part was requested nevertheless.
        let _ = deliveries.send((part, bytes.to_vec()));
        true
    }

    /// Allows the next request after a reply, unless the index has sent more than was requested.
    pub(super) fn end_reply(&self, replies: &mut Replies<'_>) -> Result<(), IndexError> {
        let last = match &*self.lock() {
            State::Registered(_, Some(pending)) if pending.unanswered.is_empty() => {
                pending.last.clone()
            }
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
        if let State::Registered(_, pending) = &mut *self.lock() {
            *pending = None;
        }
        self.changed.notify_all();
        Ok(())
    }
}
