//! The state of the connection of a registration.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::ledger::Announcement;
use crate::discovery::{IndexError, Link};
use crate::protocol::{Document, Refusal, ReplyPart};

#[derive(Debug)]
pub(super) enum State {
    Connecting,
    /// Connected, and adding documents.
    Joining(Arc<Link>),
    /// Everything is registered. A thread may wait for replies.
    Registered(Arc<Link>, Option<PendingRequests>),
    Away(Arc<IndexError>),
    Closing,
}

/// A part of a reply, with its bytes, on the way from the reading thread to the requesting one.
pub(super) type Delivery = (ReplyPart, Vec<u8>);

/// Requests that were sent on the connection, and the thread that waits for their replies.
#[derive(Debug)]
pub(super) struct PendingRequests {
    pub(super) deliveries: SyncSender<Delivery>,
    /// What each request announces, if it announces something.
    pub(super) unanswered: VecDeque<Option<Announcement>>,
    /// The refusal that is being read.
    pub(super) refused: Option<Refusal>,
    /// The last reply: the document, and the refusal if it was one.
    pub(super) last: Option<(Document, Option<Refusal>)>,
}

impl State {
    /// The connection, if there is one.
    pub(super) fn link(&self) -> Option<&Arc<Link>> {
        match self {
            Self::Joining(link) | Self::Registered(link, _) => Some(link),
            Self::Connecting | Self::Away(_) | Self::Closing => None,
        }
    }
}
