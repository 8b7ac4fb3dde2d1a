//! Reading requests with their deadline: the part that both servers share (protocol.md sections 3.1 and 7).

use std::time::Duration;

use super::empty_lines::EmptyLines;
use super::request_event::{RequestEvent, RequestMeaning};
use crate::limits;
use crate::protocol::dialect::{CompatReader, CompatRequest, Reading, ReplyStyle};
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
    /// In compatibility mode (protocol.md appendix B).
    compat: Option<Box<Compat>>,
}

/// Reading in the forms of other programs.
#[derive(Debug)]
struct Compat {
    reader: CompatReader,
    /// The silence that would end the request that has begun.
    silence: Option<Duration>,
    /// The time at which this silence will have lasted.
    deadline: Option<Duration>,
    /// Whether it has lasted, or the connection has ended.
    is_over: bool,
}

impl<R: Request> RequestReader<R> {
    pub(super) fn new() -> Self {
        Self {
            decoder: RequestDecoder::new(),
            empty_lines: EmptyLines::at_most(limits::EMPTY_LINES),
            has_begun: false,
            deadline: None,
            compat: None,
        }
    }

    /// Reads requests in the forms of other programs.
    pub(super) fn compatible(self, reader: CompatReader) -> Self {
        let compat = Compat { reader, silence: None, deadline: None, is_over: false };
        Self {
            // Padding counts as empty lines do.
            empty_lines: EmptyLines::at_most(limits::HEAD),
            compat: Some(Box::new(compat)),
            ..self
        }
    }

    /// The form of the reply to the last request, unless it is that of the grammar.
    pub(super) fn style(&self) -> Option<ReplyStyle> {
        self.compat.as_ref().map(|compat| compat.reader.style())
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
        if self.compat.is_some() {
            return self.next_compatible(input, now);
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

    fn next_compatible(
        &mut self,
        input: &[u8],
        now: impl FnOnce() -> Duration,
    ) -> Option<RequestEvent<R>> {
        let compat = self.compat.as_deref_mut()?;
        let is_over = std::mem::take(&mut compat.is_over);
        compat.deadline = None;
        let reading = match compat.reader.next(input) {
            Reading::More(_) if is_over => compat.reader.on_silence(input),
            reading => reading,
        };
        let (used, request) = match reading {
            Reading::More(silence) => {
                compat.silence = silence;
                self.has_begun = true;
                return None;
            }
            Reading::Found(used, request) => (used, request),
        };
        let meaning = match request {
            CompatRequest::Skipped if self.empty_lines.allows(used, now) => {
                return Some(RequestEvent {
                    used,
                    meaning: RequestMeaning::EmptyLines,
                    section: "B.2",
                });
            }
            CompatRequest::Skipped => {
                RequestMeaning::Fault(DecodeError::of_empty_lines("a request", limits::HEAD))
            }
            CompatRequest::LateEnd => RequestMeaning::LateEnd,
            CompatRequest::Join => RequestMeaning::Joined,
            CompatRequest::Leave => RequestMeaning::Leaving,
            CompatRequest::Unreadable(fault) => RequestMeaning::Fault(DecodeError::new(1, fault)),
            CompatRequest::Request(text) => match RequestDecoder::<R>::new().decode(&text) {
                Ok(Some((request, _))) => RequestMeaning::Request(request),
                Ok(None) => RequestMeaning::Fault(self.decoder.cut("other bytes")),
                Err(error) if error.framed.is_some() => {
                    RequestMeaning::Fault(error.ending_after(used))
                }
                Err(error) => RequestMeaning::Fault(error),
            },
        };
        self.empty_lines.reset();
        self.deadline = None;
        let section = match &meaning {
            RequestMeaning::Request(request) => request.section(),
            RequestMeaning::Fault(error) => error.fault.section,
            _ => "B.4",
        };
        Some(RequestEvent { used, meaning, section })
    }

    /// Sets the deadline of the next event, unless there is one.
    pub(super) fn wait(&mut self, time: Duration, now: impl FnOnce() -> Duration) -> Duration {
        match self.compat.as_deref_mut().filter(|_| self.has_begun) {
            None => *self.deadline.get_or_insert_with(|| now().saturating_add(time)),
            Some(compat) => {
                let now = now();
                let deadline = *self.deadline.get_or_insert(now.saturating_add(time));
                compat.deadline = compat.silence.map(|silence| now.saturating_add(silence));
                compat.deadline.map_or(deadline, |silence| deadline.min(silence))
            }
        }
    }

    /// Ends the deadline.
    pub(super) fn stop_waiting(&mut self) {
        self.deadline = None;
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let silence = self.compat.as_ref().and_then(|compat| compat.deadline);
        silence.into_iter().chain(self.deadline).min()
    }

    /// The connection has ended. Returns whether that ends a request, which `next` returns then.
    pub(super) fn ends_request(&mut self) -> bool {
        let begun = self.compat.as_deref_mut().filter(|_| self.has_begun);
        begun.is_some_and(|compat| {
            compat.is_over = true;
            true
        })
    }

    /// Whether the deadline has passed. If only a silence has lasted that ends a request, `next`
    /// returns the request.
    pub(super) fn is_late(&mut self, now: Duration) -> bool {
        if let Some(compat) = self.compat.as_deref_mut() {
            compat.is_over = compat.deadline.is_some_and(|deadline| now >= deadline);
        }
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// The fault of a request whose deadline has passed.
    pub(super) fn late(&self) -> RequestEvent<R> {
        self.cut("nothing more in the time for a request")
    }

    /// The fault of a request within which the connection has ended.
    pub(super) fn ended(&self) -> RequestEvent<R> {
        self.cut("the end of the connection")
    }

    fn cut(&self, found: &'static str) -> RequestEvent<R> {
        RequestEvent::fault(self.decoder.cut(found))
    }
}
