//! Events in the bytes that a client sends to a server (protocol.md section 3.1).

use super::event::Event;
use crate::protocol::DecodeError;

/// One event at the connection of a client.
pub type RequestEvent<R> = Event<RequestMeaning<R>>;

/// The meaning of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RequestMeaning<R> {
    /// Empty lines before a request, which mean nothing.
    EmptyLines,
    /// A whole request.
    Request(R),
    /// A fault, which the server answers with a refusal.
    Fault(DecodeError),
    /// The peer says that it has joined (appendix B.4). There is nothing to reply.
    Joined,
    /// The line `END`, after the request that it ends was answered (appendix B.2).
    LateEnd,
    /// The peer says that it leaves (appendix B.4): the server replies 200, and closes.
    Leaving,
    /// The connection ends between two requests. There is nothing to reply.
    Closed,
}

impl<R> RequestEvent<R> {
    /// A fault takes the bytes of its request, if the end of the request is known.
    pub(super) fn fault(error: DecodeError) -> Self {
        let (used, section) = (error.framed.unwrap_or(0), error.fault.section);
        Self { used, meaning: RequestMeaning::Fault(error), section }
    }

    pub(super) const fn closed(section: &'static str) -> Self {
        Self::without_bytes(RequestMeaning::Closed, section)
    }
}
