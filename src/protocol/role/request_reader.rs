//! Reading requests with their deadline: the part that both servers share (protocol.md sections 3.1 and 7).

use std::time::Duration;

use super::request_event::{RequestEvent, RequestMeaning};
use crate::limits;
use crate::protocol::{Request, RequestDecoder};

/// Reads requests, one after the other.
#[derive(Debug)]
pub(super) struct RequestReader<R> {
    decoder: RequestDecoder<R>,
    /// Whether a part of a request has arrived, and not its end.
    has_begun: bool,
    deadline: Option<Duration>,
}

impl<R: Request> RequestReader<R> {
    pub(super) fn new() -> Self {
        Self { decoder: RequestDecoder::new(), has_begun: false, deadline: None }
    }

    /// Whether a part of a request has arrived, and not its end.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Looks for a request at the start of the input. `None`: more bytes are needed.
    pub(super) fn next(&mut self, input: &[u8]) -> Option<RequestEvent<R>> {
        if input.is_empty() {
            self.has_begun = false;
            return None;
        }
        let event = match self.decoder.decode(input) {
            Ok(None) => {
                self.has_begun = true;
                return None;
            }
            Ok(Some((request, used))) => {
                let section = request.section();
                RequestEvent { used, meaning: RequestMeaning::Request(request), section }
            }
            Err(error) => RequestEvent::fault(error),
        };
        self.reset();
        Some(event)
    }

    /// No part of a request has arrived.
    pub(super) fn reset(&mut self) {
        (self.has_begun, self.deadline) = (false, None);
    }

    /// Sets the deadline of the head that is arriving, unless there is one.
    pub(super) fn wait_for_head(&mut self, now: impl FnOnce() -> Duration) -> Duration {
        *self.deadline.get_or_insert_with(|| now().saturating_add(limits::HEAD_DEADLINE))
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub(super) fn is_late(&self, now: Duration) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// The deadline of a head has passed.
    pub(super) fn late(&self) -> RequestEvent<R> {
        self.cut("nothing more for 20 seconds")
    }

    /// The connection ended within a request.
    pub(super) fn ended(&self) -> RequestEvent<R> {
        self.cut("the end of the connection")
    }

    fn cut(&self, found: &'static str) -> RequestEvent<R> {
        RequestEvent::fault(self.decoder.cut(found))
    }
}
