//! The reply to each request, and its line in the log (protocol.md section 4).

use std::io;

use super::connection::Session;
use crate::counted::counted;
use crate::counters::Cause;
use crate::index::{Cursor, Form};
use crate::protocol::{
    BorrowedRecord, END_OF_RECORDS, IndexRequest, LookupExtensions, Record, Refusal, Status,
    encode_found, encode_record,
};
use crate::server::logging::LOG_REQUESTS;
use crate::server::methods::method_of;

/// The cost of adding or removing a record, in visited records.
const CHANGE_COST: usize = 64;

/// The result of a request.
pub(super) enum Done {
    /// A record was added or removed.
    Changed,
    /// A record is added with the next ones.
    Pending,
    /// This number of records was sent.
    Sent(usize),
}

/// Why a request that follows the grammar is refused.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) cause: Cause,
    pub(super) reason: String,
}

impl Session<'_> {
    /// Handles a request. Its reply is appended to the output.
    pub(super) fn handle(&mut self, request: IndexRequest) -> io::Result<()> {
        if self.requests == 0 {
            // Before the request is handled: a long list, or a name to resolve, takes time.
            self.shared.permits.request_received(self.owner.0);
        }
        let is_logged = log::log_enabled!(target: LOG_REQUESTS, log::Level::Info);
        let line = if is_logged { request.to_string() } else { String::new() };
        if !matches!(request, IndexRequest::Add { .. }) {
            self.add_pending();
        }
        let method = method_of(&request);
        let subject = self.shared.live.is_watched().then(|| Self::subject_of(&request));
        let (wants_attributes, wants_cluster) = match request {
            IndexRequest::Lookup { want_attributes, want_cluster, .. } => {
                (want_attributes, want_cluster)
            }
            _ => (false, false),
        };
        let outcome = match request {
            IndexRequest::Add { document, title, content, from } => {
                self.add(Record { document, title, holder: from }, content, &line)
            }
            IndexRequest::Remove { document, from } => self.remove(&document, &from),
            IndexRequest::Lookup { document, .. } => {
                let form = if wants_attributes { Form::WithAttributes } else { Form::Line };
                self.look_up(document, form)?
            }
            IndexRequest::List { listing, .. } => {
                Ok(self.send_records(&mut Cursor::listing(listing), Form::Line)?)
            }
            IndexRequest::Search { words, limit, .. } => {
                let limit = limit.and_then(|limit| usize::try_from(limit.value()).ok());
                let mut cursor = Cursor::search(words, limit.unwrap_or(usize::MAX));
                Ok(self.send_records(&mut cursor, Form::Line)?)
            }
        };
        self.requests += 1;
        if let Some(subject) = subject {
            self.show(method, subject, &outcome);
        }
        match outcome {
            Ok(done) => {
                self.driver.role.replied(Status::Ok);
                self.tally.count(method, Status::Ok.code());
                if matches!(done, Done::Changed | Done::Pending) {
                    self.visited += CHANGE_COST;
                }
                if is_logged {
                    self.log_done(&line, &done);
                }
            }
            Err(refused) => {
                self.tally.count(method, Status::from(refused.refusal).code());
                self.shared.permits.refusals().add(refused.cause);
                let cluster = wants_cluster.then(|| self.shared.named_cluster()).flatten();
                let cluster = cluster.as_deref();
                let extensions = LookupExtensions { attributes: wants_attributes, cluster };
                self.refuse_request(&line, extensions, refused);
            }
        }
        Ok(())
    }

    /// Appends the reply to ADD or REMOVE.
    pub(super) fn reply_with(&mut self, record: BorrowedRecord<'_>) {
        encode_found(&mut self.output);
        encode_record(record, &mut self.output);
        self.output.extend_from_slice(END_OF_RECORDS);
    }

    #[cold]
    pub(super) fn log_refused(&self, line: &str, refusal: Refusal, reason: &str) {
        let (address, status) = (self.address, Status::from(refusal));
        log::info!(target: LOG_REQUESTS, "{address} {line}: {status}, {reason}");
    }

    #[cold]
    pub(super) fn log_done(&self, line: &str, done: &Done) {
        let (address, status) = (self.address, Status::Ok);
        match done {
            Done::Changed => {
                let population = self.shared.population();
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status} ({population})");
            }
            // Logged when the record is added.
            Done::Pending => {}
            Done::Sent(count) => {
                let records = counted(*count, "record");
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status}, {records}");
            }
        }
    }
}
