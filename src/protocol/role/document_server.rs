//! An upload server at the connection of one client (protocol.md sections 5 and 7).

use std::time::Duration;

use super::request_event::{RequestEvent, RequestMeaning};
use super::request_reader::RequestReader;
use crate::limits;
use crate::protocol::dialect::{CompatReader, ReplyStyle};
use crate::protocol::{RecordRequests, UploadRequest};

/// Reads the requests of one client, with their deadlines.
///
/// A request is due from the beginning of the connection, because a silent client occupies a
/// connection, too. When the server keeps the connection open after a reply, it waits a shorter time
/// for the first byte of the next request, and then closes the connection without a reply.
#[derive(Debug)]
pub struct DocumentServer {
    requests: RequestReader<UploadRequest>,
    head_deadline: Duration,
    kept_open: Duration,
    /// Whether the connection is kept open, and nothing of the next request has arrived.
    is_kept_open: bool,
    /// The requests for records that are no faults.
    records: RecordRequests,
}

/// An event at an upload server.
type Event = RequestEvent<UploadRequest>;

impl DocumentServer {
    /// An upload server at the beginning of a connection.
    pub fn new() -> Self {
        Self::with_limits(&limits::Uploads::DEFAULT)
    }

    /// The same with the deadlines of these limits.
    pub fn with_limits(limits: &limits::Uploads) -> Self {
        let limits::Uploads { head_deadline, kept_open, .. } = *limits;
        let requests = RequestReader::new();
        let records = RecordRequests::None;
        Self { requests, head_deadline, kept_open, is_kept_open: false, records }
    }

    /// The same server in compatibility mode (protocol.md appendix B).
    pub fn compatible(self, reader: CompatReader) -> Self {
        Self { requests: self.requests.compatible(reader), ..self }
    }

    /// The same server with these requests for records (protocol.md sections 5.8 and 5.9), which are faults otherwise.
    pub fn with_records(self, records: RecordRequests) -> Self {
        Self { records, ..self }
    }

    /// The form of the reply to the last request, unless it is that of the grammar.
    pub fn style(&self) -> Option<ReplyStyle> {
        self.requests.style()
    }

    /// Returns the next event at the start of `input`, the bytes that have arrived after those that
    /// events took. `None`: more bytes are needed; call again with the same bytes and more after
    /// them.
    ///
    /// `now` is called only if the time matters.
    pub fn next(&mut self, input: &[u8], now: impl FnOnce() -> Duration) -> Option<Event> {
        if self.is_kept_open && !input.is_empty() {
            self.is_kept_open = false;
            self.requests.stop_waiting();
        }
        let event = self.requests.next(input, now)?;
        let fault = match &event.meaning {
            RequestMeaning::Request(request) => request.unanswered(self.records, event.used),
            _ => None,
        };
        Some(fault.map_or(event, RequestEvent::fault))
    }

    /// The last reply was sent, and the connection stays open for the next request.
    pub fn keep_open(&mut self) {
        self.is_kept_open = true;
    }

    /// The caller is about to wait for bytes. Starts the deadline of the next event, unless it runs
    /// already, and returns it.
    pub fn wait(&mut self, now: impl FnOnce() -> Duration) -> Duration {
        let time = if self.is_kept_open { self.kept_open } else { self.head_deadline };
        self.requests.wait(time, now)
    }

    /// The time at which [`DocumentServer::on_timeout`] has an event, unless bytes arrive before.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.requests.deadline()
    }

    /// Returns the event of a deadline that has passed. `None`: ask `next` again.
    pub fn on_timeout(&mut self, now: Duration) -> Option<Event> {
        if !self.requests.is_late(now) {
            return None;
        }
        Some(if self.is_kept_open { RequestEvent::closed("5.7") } else { self.requests.late() })
    }

    /// The client has closed its side of the connection. `None`: that ends a request, which `next` returns.
    pub fn on_end(&mut self) -> Option<Event> {
        if self.requests.ends_request() {
            return None;
        }
        Some(match self.requests.has_begun() || self.requests.has_skipped() {
            true => self.requests.ended(),
            false => RequestEvent::closed("5.7"),
        })
    }
}

impl Default for DocumentServer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn word(event: &Event) -> &'static str {
        match &event.meaning {
            RequestMeaning::EmptyLines => "empty",
            RequestMeaning::Request(_) => "request",
            RequestMeaning::Fault(_) => "fault",
            RequestMeaning::Joined => "joined",
            RequestMeaning::LateEnd => "end",
            RequestMeaning::Leaving => "leaving",
            RequestMeaning::Closed => "closed",
        }
    }

    #[test]
    fn cuts_do_not_matter() {
        let two = GET.repeat(2);
        for cut in 0..two.len() {
            let mut role = DocumentServer::new();
            let mut input = Vec::new();
            let mut found = Vec::new();
            for piece in [&two[..cut], &two[cut..]] {
                input.extend_from_slice(piece);
                while let Some(event) = role.next(&input, || at(0)) {
                    found.push((word(&event), event.used, event.section));
                    input.drain(..event.used);
                }
            }
            assert_eq!(found, [("request", GET.len(), "5.1"); 2], "cut at {cut}");
        }
    }

    #[test]
    fn a_request_is_due_from_the_beginning_of_the_connection() {
        for end in 0..GET.len() {
            let mut role = DocumentServer::new();
            assert_eq!((role.next(b"", || at(1)), role.wait(|| at(1))), (None, at(21)));
            // What arrives does not extend it.
            assert_eq!(role.next(b"\r\n", || at(9)).map(|event| word(&event)), Some("empty"));
            assert_eq!(role.next(&GET[..end], || at(10)), None);
            assert_eq!((role.wait(|| at(10)), role.next_deadline()), (at(21), Some(at(21))));
            assert_eq!(role.on_timeout(at(20)), None);
            assert_eq!(role.on_timeout(at(21)).map(|event| word(&event)), Some("fault"));
        }
    }

    #[test]
    fn a_connection_that_is_kept_open_waits_for_the_first_byte() {
        let mut role = DocumentServer::new();
        assert_eq!(role.next(GET, || at(0)).map(|event| word(&event)), Some("request"));
        role.keep_open();
        assert_eq!((role.next(b"", || at(7)), role.wait(|| at(7))), (None, at(12)));
        assert_eq!(role.on_timeout(at(12)).map(|event| word(&event)), Some("closed"));
        assert_eq!(word(&role.on_end().unwrap()), "closed");
        // From its first byte on, the request has as long as the first one.
        assert_eq!((role.next(b"G", || at(11)), role.wait(|| at(11))), (None, at(31)));
        assert_eq!(role.on_timeout(at(31)).map(|event| word(&event)), Some("fault"));
    }

    #[test]
    fn the_end_of_the_connection_cuts_a_request() {
        for end in 0..GET.len() {
            let mut role = DocumentServer::new();
            assert_eq!(role.next(&GET[..end], || at(0)), None);
            assert_eq!(word(&role.on_end().unwrap()), if end == 0 { "closed" } else { "fault" });
        }
        let mut role = DocumentServer::new();
        assert_eq!(role.next(b"\r\n", || at(0)).map(|event| event.used), Some(2));
        assert_eq!(word(&role.on_end().unwrap()), "fault");
    }

    #[test]
    fn requests_for_records_are_requests_only_where_they_are_answered() {
        use RecordRequests::{All, Lookup, None};
        let head = |words: &str| format!("{words} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        for (words, answered) in [
            ("LIST ALL", &[All][..]),
            ("LIST FILES", &[All]),
            ("LIST", &[]),
            ("LIST RFC 1", &[]),
            ("LOOKUP RFC 1", &[Lookup, All]),
            ("LOOKUP FILE a.pdf", &[Lookup, All]),
            ("LOOKUP RFC x", &[]),
            ("LOOKUP", &[]),
            ("ADD RFC 1", &[]),
        ] {
            let text = head(words);
            for records in [None, Lookup, All] {
                let mut role = DocumentServer::new().with_records(records);
                let event = role.next(text.as_bytes(), || at(0)).unwrap();
                let expected = if answered.contains(&records) { "request" } else { "fault" };
                assert_eq!(
                    (word(&event), event.used),
                    (expected, text.len()),
                    "{words} {records:?}"
                );
            }
        }
        for words in ["LIST ALL", "LOOKUP RFC 1"] {
            let text = format!("{words} P2P-CI/1.0\r\nHost: h\r\n\r\n");
            let mut role = DocumentServer::new().with_records(All);
            let event = role.next(text.as_bytes(), || at(0)).unwrap();
            assert_eq!((word(&event), event.used), ("fault", text.len()));
        }
    }
}
