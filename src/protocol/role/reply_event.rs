//! Events in the bytes that an index server sends to a peer (protocol.md sections 3.2 and 4.9).

use std::time::Duration;

use super::event::Event;
use crate::protocol::{DecodeError, ReplyPart};

/// One event at the connection to an index server.
pub type ReplyEvent = Event<ReplyMeaning>;

/// The meaning of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReplyMeaning {
    /// Empty lines before a reply, which mean nothing.
    EmptyLines,
    /// Another line that is no part of a reply: of a greeting, or a header after the end of its reply.
    Skipped,
    /// A part of a reply, which does not end it.
    Part(ReplyPart),
    /// The end of a reply.
    End(ReplyEnd),
    /// The bytes are no reply. The connection cannot be used any more.
    Fault(DecodeError),
    /// The reply does not continue in time, or the connection ended within it; what was expected.
    Missing(&'static str),
    /// The server closed the connection within a reply that this peer had not read for a long time.
    NotRead,
    /// The server closed the connection between two replies.
    Closed,
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReplyEnd {
    /// It is complete.
    Complete,
    /// The server does not mark the end of its replies, and sent nothing for this time: the reply is
    /// possibly incomplete.
    Silence(Duration),
    /// The server closed the connection without marking the end: the reply is possibly incomplete.
    Close,
}

impl ReplyEvent {
    pub(super) fn fault(error: DecodeError) -> Self {
        let section = error.fault.section;
        Self::without_bytes(ReplyMeaning::Fault(error), section)
    }

    pub(super) const fn missing(expected: &'static str, section: &'static str) -> Self {
        Self::without_bytes(ReplyMeaning::Missing(expected), section)
    }
}

/// The section of protocol.md that defines a part.
pub(super) const fn section(part: &ReplyPart) -> &'static str {
    match part {
        ReplyPart::Found | ReplyPart::Refused(_) | ReplyPart::End => "3.2",
        ReplyPart::Reason(_) => "6.3",
        ReplyPart::Cluster(_) | ReplyPart::ClusterServer(_) => "4.13",
        ReplyPart::Record(_) => "4.5",
        ReplyPart::Attribute(_) => "4.11",
    }
}
