//! Reading requests with their deadline: the part that both servers share (protocol.md sections 3.1 and 7).

use std::time::Duration;

use super::empty_lines::EmptyLines;
use super::request_event::{RequestEvent, RequestMeaning};
use crate::limits;
use crate::protocol::{DecodeError, Request, RequestDecoder, empty_lines};

/// Reads requests, one after the other.
#[derive(Debug)]
pub(super) struct RequestReader<R> {
    decoder: RequestDecoder<R>,
    /// Those that have arrived since the last request.
    empty_lines: EmptyLines,
    /// Whether a part of a request has arrived, and not its end.
    has_begun: bool,
    deadline: Option<Duration>,
}

impl<R: Request> RequestReader<R> {
    pub(super) fn new() -> Self {
        Self {
            decoder: RequestDecoder::new(),
            empty_lines: EmptyLines::at_most(limits::EMPTY_LINES),
            has_begun: false,
            deadline: None,
        }
    }

    /// Whether a part of a request has arrived, and not its end.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether empty lines have arrived since the last request.
    pub(super) fn has_skipped(&self) -> bool {
        self.empty_lines.has_any()
    }

    /// Returns the next event at the start of the input. `None`: more bytes are needed. A request or
    /// a fault ends the deadline.
    pub(super) fn next(
        &mut self,
        input: &[u8],
        now: impl FnOnce() -> Duration,
    ) -> Option<RequestEvent<R>> {
        self.has_begun = false;
        if input.is_empty() {
            return None;
        }
        // Before the decoder sees them, which counts from the beginning of its input. A carriage
        // return that seemed to begin a request may turn out to be a part of an empty line.
        let used = empty_lines(input);
        let event = if used == 0 {
            match self.decoder.decode(input) {
                Ok(None) => {
                    self.has_begun = true;
                    return None;
                }
                Ok(Some((request, used))) => {
                    let section = request.section();
                    RequestEvent { used, meaning: RequestMeaning::Request(request), section }
                }
                Err(error) => RequestEvent::fault(error),
            }
        } else if self.empty_lines.allows(used, now) {
            return Some(RequestEvent {
                used,
                meaning: RequestMeaning::EmptyLines,
                section: "3.1",
            });
        } else {
            RequestEvent::fault(DecodeError::of_empty_lines("a request", limits::EMPTY_LINES))
        };
        self.empty_lines.reset();
        self.deadline = None;
        Some(event)
    }

    /// Sets the deadline of the next event, unless there is one.
    pub(super) fn wait(&mut self, time: Duration, now: impl FnOnce() -> Duration) -> Duration {
        *self.deadline.get_or_insert_with(|| now().saturating_add(time))
    }

    /// Ends the deadline.
    pub(super) fn stop_waiting(&mut self) {
        self.deadline = None;
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub(super) fn is_late(&self, now: Duration) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// The fault of a request whose deadline has passed.
    pub(super) fn late(&self) -> RequestEvent<R> {
        self.cut("nothing more for 20 seconds")
    }

    /// The fault of a request within which the connection has ended.
    pub(super) fn ended(&self) -> RequestEvent<R> {
        self.cut("the end of the connection")
    }

    fn cut(&self, found: &'static str) -> RequestEvent<R> {
        RequestEvent::fault(self.decoder.cut(found))
    }
}
