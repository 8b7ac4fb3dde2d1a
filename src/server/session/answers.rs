//! The reply to each request, and the changes that it makes (protocol.md section 4).
//!
//! It appends to the session's output; only the pieces of a long list are written here.

use std::io;

use super::Session;
use crate::index::{Cursor, Form};
use crate::limits;
use crate::protocol::{
    BorrowedRecord, Document, END_OF_RECORDS, IndexRequest, Record, Refusal, Status, encode_found,
    encode_record, encode_refusal, encode_refused_lookup,
};
use crate::server::{LOG_REQUESTS, counted};

/// As many records are looked at while one is added or removed.
const CHANGE: usize = 64;
/// What was done for a request.
pub(super) enum Done {
    /// A record was added or removed.
    Changed,
    /// A record is added with the next ones.
    Waits,
    /// So many records were sent.
    Sent(usize),
}

/// Why a request that follows the grammar is refused.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) reason: String,
}

impl Session<'_> {
    pub(super) fn answer(&mut self, request: IndexRequest) -> io::Result<()> {
        if self.requests == 0 {
            // Before the request is handled: a long list, or a name to resolve, takes time.
            self.shared.permits.has_asked(self.owner.0);
        }
        let logged = log::log_enabled!(target: LOG_REQUESTS, log::Level::Info);
        let line = if logged { request.to_string() } else { String::new() };
        if !matches!(request, IndexRequest::Add { .. }) {
            self.add_waiting();
        }
        let wants_attributes =
            matches!(request, IndexRequest::Lookup { want_attributes: true, .. });
        let outcome = match request {
            IndexRequest::Add { document, title, content, from } => {
                self.add(Record { document, title, holder: from }, content, &line)
            }
            IndexRequest::Remove { document, from } => self.remove(&document, &from),
            IndexRequest::Lookup { document, want_attributes: false, .. } => {
                self.look_up(document, Form::Line)?
            }
            IndexRequest::Lookup { document, want_attributes: true, .. } => {
                self.look_up(document, Form::WithAttributes)?
            }
            IndexRequest::List { listing, .. } => {
                Ok(self.send_records(&mut Cursor::listing(listing), Form::Line)?)
            }
            IndexRequest::Search { words, limit, .. } => {
                let most = limit.and_then(|limit| usize::try_from(limit.value()).ok());
                let most = most.unwrap_or(usize::MAX);
                Ok(self.send_records(&mut Cursor::search(words, most), Form::Line)?)
            }
        };
        self.requests += 1;
        match outcome {
            Ok(done) => {
                self.role.replied(Status::Ok);
                if matches!(done, Done::Changed | Done::Waits) {
                    self.looked_at += CHANGE;
                }
                if logged {
                    self.log_done(&line, &done);
                }
            }
            Err(Refused { refusal, reason }) => {
                self.log_refused(&line, refusal, &reason);
                let encode = if wants_attributes { encode_refused_lookup } else { encode_refusal };
                self.refuse_with(encode, refusal, &reason);
            }
        }
        Ok(())
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
            // Logged when it is added.
            Done::Waits => {}
            Done::Sent(count) => {
                let records = counted(*count, "record");
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status}, {records}");
            }
        }
    }

    pub(super) fn reply_with(&mut self, record: BorrowedRecord<'_>) {
        encode_found(&mut self.output);
        encode_record(record, &mut self.output);
        self.output.extend_from_slice(END_OF_RECORDS);
    }

    /// Replies to LOOKUP.
    fn look_up(&mut self, document: Document, form: Form) -> io::Result<Result<Done, Refused>> {
        let before = self.output.len();
        let done = self.send_records(&mut Cursor::document(document), form)?;
        if matches!(done, Done::Sent(0)) {
            self.output.truncate(before);
            return Ok(Err(Refused {
                refusal: Refusal::NotFound,
                reason: "no peer has added it (protocol.md section 4.3)".into(),
            }));
        }
        Ok(Ok(done))
    }

    /// Replies with all records of a query. The reply is encoded and written in pieces, so that a long one is
    /// never in memory as a whole, and the index is unlocked while it is written.
    fn send_records(&mut self, cursor: &mut Cursor, form: Form) -> io::Result<Done> {
        encode_found(&mut self.output);
        let mut count = 0;
        let (mut cost, mut counted) = (0, 0);
        loop {
            self.share.begin();
            let shared = self.shared;
            let output = &mut self.output;
            let page = shared.index.encode_page(cursor, form, limits::LIST_PIECE, output);
            count += page.records;
            self.looked_at += page.cost;
            cost += page.cost;
            if cost >= limits::SMALL_REQUEST {
                self.share.add(cost - counted);
                counted = cost;
            }
            if page.is_last {
                break;
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush()?;
            }
            if self.output.len() > limits::SMALL_OUTPUT {
                self.make_room();
            }
            self.give_way();
            shared.index.yield_lock();
        }
        self.output.extend_from_slice(END_OF_RECORDS);
        Ok(Done::Sent(count))
    }
}
