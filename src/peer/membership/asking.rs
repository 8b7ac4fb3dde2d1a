//! A member's questions: who asks gets the parts of the replies from the thread that reads.

use std::io;
use std::net::{IpAddr, Shutdown};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};

use super::{Membership, Shared, State};
use crate::limits;
use crate::peer::index_connection::Link;
use crate::peer::index_error::IndexError;
use crate::peer::query::{AskIndex, Completeness, Extensions, Query};
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

impl AskIndex for Membership {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let mut taken = Ok(());
        // To its end, even if the taker fails: the next reply must find its own asker.
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

    fn server(&self) -> &Endpoint {
        &self.shared.index
    }

    fn address(&self) -> Result<IpAddr, IndexError> {
        self.shared.link().map(|link| link.address)
    }

    fn extensions(&self) -> &Extensions {
        &self.shared.extensions
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
        link.send_bytes(&bytes)?;
        while replies > 0 {
            let (part, bytes) = deliveries.recv_timeout(limits::INDEX_REPLY).map_err(|error| {
                // Without this reply the next one would be taken for it.
                let _ = link.stream.shutdown(Shutdown::Both);
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

    /// Passes a part on to who asked.
    pub(super) fn deliver(&self, part: ReplyPart, bytes: &[u8]) {
        let mut state = self.lock();
        let State::Here(_, waiting) = &mut *state else {
            return;
        };
        // Nobody asked, or who asked is gone: then the part belongs to nobody.
        let Some(asker) = waiting else { return };
        let deliveries = asker.deliveries.clone();
        if part == ReplyPart::End {
            asker.replies -= 1;
            if asker.replies == 0 {
                *waiting = None;
            }
        }
        drop(state);
        let _ = deliveries.send((part, bytes.to_vec()));
    }
}
