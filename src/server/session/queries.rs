//! Replies to LOOKUP, LIST and SEARCH (protocol.md sections 4.3, 4.4 and 4.10).

use std::io;

use super::connection::Session;
use super::requests::{Done, Refused};
use crate::counters::Cause;
use crate::index::{Cursor, Form};
use crate::limits;
use crate::protocol::{Document, END_OF_RECORDS, Refusal, encode_found};

impl Session<'_> {
    /// Replies to LOOKUP.
    pub(super) fn look_up(
        &mut self,
        document: Document,
        form: Form,
    ) -> io::Result<Result<Done, Refused>> {
        let before = self.output.len();
        let done = self.send_records(&mut Cursor::document(document), form)?;
        if matches!(done, Done::Sent(0)) {
            self.output.truncate(before);
            return Ok(Err(Refused {
                refusal: Refusal::NotFound,
                cause: Cause::NotFound,
                reason: "expected a document that a peer has added, found no record of it \
                         (protocol.md section 4.3)"
                    .into(),
            }));
        }
        Ok(Ok(done))
    }

    /// Replies with all records of a query. The reply is encoded and written in pieces, so that a
    /// long reply is never in memory as a whole, and the index is unlocked while it is written.
    pub(super) fn send_records(&mut self, cursor: &mut Cursor, form: Form) -> io::Result<Done> {
        encode_found(&mut self.output);
        let index = &self.shared.index;
        let mut count = 0;
        let (mut cost, mut counted_cost) = (0, 0);
        loop {
            self.share.begin();
            let page = index.encode_page(cursor, form, limits::LIST_PIECE, &mut self.output);
            count += page.records;
            self.visited += page.cost;
            cost += page.cost;
            if cost >= limits::SMALL_REQUEST {
                self.share.add(cost - counted_cost);
                counted_cost = cost;
            }
            if page.is_last {
                break;
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush_between()?;
            }
            if self.output.len() > limits::SMALL_OUTPUT {
                self.reserve_output();
            }
            self.yield_cpu();
            index.yield_lock();
        }
        self.output.extend_from_slice(END_OF_RECORDS);
        Ok(Done::Sent(count))
    }
}
