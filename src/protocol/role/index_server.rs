//! An index server at the connection of one peer (protocol.md sections 3.1, 4 and 7).

use std::time::Duration;

use super::request_event::{RequestEvent, RequestMeaning};
use super::request_reader::RequestReader;
use crate::limits;
use crate::protocol::dialect::{CompatReader, ReplyStyle};
use crate::protocol::{DecodeError, IndexRequest, Refusal, Status};

/// Reads the requests of one peer, with their deadlines, and decides when faults end the connection.
///
/// ```
/// use std::time::Duration;
/// use p2p_ci::protocol::role::{IndexServer, RequestMeaning};
///
/// let mut role = IndexServer::new();
/// let now = || Duration::from_secs(3);
/// let mut input = &b"\r\nLIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\nLOOK"[..];
/// while let Some(event) = role.next(input, now) {
///     match event.meaning {
///         RequestMeaning::EmptyLines => assert_eq!(event.used, 2),
///         RequestMeaning::Request(request) => assert_eq!(request.to_string(), "LIST ALL"),
///         _ => unreachable!(),
///     }
///     input = &input[event.used..];
/// }
/// // The next request has begun, and has 20 seconds.
/// assert_eq!(role.wait(now), Some(Duration::from_secs(23)));
/// assert_eq!(role.on_timeout(Duration::from_secs(22)), None);
/// assert!(role.on_timeout(Duration::from_secs(23)).is_some());
/// ```
#[derive(Debug)]
pub struct IndexServer {
    requests: RequestReader<IndexRequest>,
    head_deadline: Duration,
    most_faults: u32,
    consecutive_faults: u32,
    /// Whether a request has arrived whose end is unknown.
    has_lost_frame: bool,
}

/// Why the index server closes the connection after its last reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// The end of a faulty request is unknown, so that no further request can be found.
    Unframed,
    /// Too many requests in a row were faulty.
    ConsecutiveFaults,
}

/// An event at an index server.
type Event = RequestEvent<IndexRequest>;

impl IndexServer {
    /// An index server at the beginning of a connection.
    pub fn new() -> Self {
        Self::with_limits(&limits::Server::DEFAULT)
    }

    /// The same with the deadline and the number of faults of these limits.
    pub fn with_limits(limits: &limits::Server) -> Self {
        Self {
            requests: RequestReader::new(),
            head_deadline: limits.head_deadline,
            most_faults: limits.consecutive_faults,
            consecutive_faults: 0,
            has_lost_frame: false,
        }
    }

    /// The same server in compatibility mode (protocol.md appendix B).
    pub fn compatible(self, reader: CompatReader) -> Self {
        Self { requests: self.requests.compatible(reader), ..self }
    }

    /// The form of the reply to the last request, unless it is that of the grammar.
    pub fn style(&self) -> Option<ReplyStyle> {
        self.requests.style()
    }

    /// Returns the next event at the start of `input`, the bytes that have arrived after those that
    /// events took. `None`: more bytes are needed; call again with the same bytes and more after
    /// them.
    ///
    /// `now` is called only if the time matters, so that the time of a usual request is not measured.
    pub fn next(&mut self, input: &[u8], now: impl FnOnce() -> Duration) -> Option<Event> {
        let event = self.requests.next(input, now)?;
        if matches!(event.meaning, RequestMeaning::EmptyLines) {
            // What had begun was the carriage return of an empty line.
            self.requests.stop_waiting();
        }
        Some(self.remember(event))
    }

    /// The caller is about to wait for bytes. Starts the deadline of a request that has begun, unless
    /// it runs already, and returns it. Between two requests a peer may be silent.
    pub fn wait(&mut self, now: impl FnOnce() -> Duration) -> Option<Duration> {
        self.requests.has_begun().then(|| self.requests.wait(self.head_deadline, now))
    }

    /// The time at which [`IndexServer::on_timeout`] has an event, unless bytes arrive before.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.requests.deadline()
    }

    /// Returns the event of a deadline that has passed. `None`: ask `next` again.
    pub fn on_timeout(&mut self, now: Duration) -> Option<Event> {
        let event = self.requests.is_late(now).then(|| self.requests.late())?;
        Some(self.remember(event))
    }

    /// The peer has closed its side of the connection. `None`: that ends a request, which `next` returns.
    pub fn on_end(&mut self) -> Option<Event> {
        if self.requests.ends_request() {
            return None;
        }
        if !self.requests.has_begun() {
            return Some(RequestEvent::closed("4.8"));
        }
        let event = self.requests.ended();
        Some(self.remember(event))
    }

    /// The last request was answered with this status.
    pub fn replied(&mut self, status: Status) {
        self.consecutive_faults = match status {
            Status::Refused(Refusal::BadRequest | Refusal::VersionNotSupported) => {
                self.consecutive_faults.saturating_add(1)
            }
            Status::Ok | Status::PartialContent | Status::Refused(_) => 0,
        };
    }

    /// Why the connection must be closed after the last reply, if it must.
    pub fn ending(&self) -> Option<Ending> {
        if self.has_lost_frame {
            return Some(Ending::Unframed);
        }
        (self.consecutive_faults >= self.most_faults).then_some(Ending::ConsecutiveFaults)
    }

    fn remember(&mut self, event: Event) -> Event {
        if let RequestMeaning::Fault(DecodeError { framed: None, .. }) = event.meaning {
            self.has_lost_frame = true;
        }
        event
    }
}

impl Default for IndexServer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
