//! Replies that wait to be written, refusals, and yielding the CPU (protocol.md sections 6 and 7).

use std::io;
use std::mem;
use std::thread;
use std::time::Instant;

use super::connection::Session;
use super::requests::Refused;
use crate::counters::Cause;
use crate::limits;
use crate::net::ReadClock;
use crate::protocol::dialect::{ReplyStyle, ReplyTo};
use crate::protocol::role::Ending;
use crate::protocol::{
    DecodeError, END_OF_RECORDS, HeaderText, IndexRequest, LookupExtensions, Refusal, Status,
    encode_found, encode_refusal, encode_refused_lookup,
};
use crate::server::logging::LOG_FAULTS;
use crate::server::methods::OTHER;

/// Records that are visited before the thread yields the CPU: some ten microseconds. Otherwise a
/// long pipeline or LIST could fill a whole time slice, and the session of another peer that was
/// woken on the same CPU would wait for its end.
const VISITS: usize = 512;

impl Session<'_> {
    /// Writes all replies, after the records that wait were added.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.add_pending();
        self.tally.sent = self.tally.sent.saturating_add(self.output.len() as u64);
        if self.tally.has_requests() {
            self.add_tally();
        }
        let share = &mut self.share;
        let rate = self.shared.limits.read_rate;
        // A clock for each batch: otherwise a reader that has acknowledged much would be given a
        // minute more.
        match &mut self.writer {
            None => ReadClock::new(rate).send_or_wait(self.stream, &self.output, || share.end())?,
            Some(writer) => {
                let mut written = Vec::with_capacity(self.output.len());
                writer.write(&self.output, &mut written);
                ReadClock::new(rate).send_or_wait(self.stream, &written, || share.end())?;
            }
        }
        self.output.clear();
        Ok(())
    }

    /// The same while requests are being handled. The time that the reader takes is no time of theirs.
    pub(super) fn flush_between(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        self.flush()?;
        self.arrived = self.arrived.checked_add(begun.elapsed()).unwrap_or(self.arrived);
        Ok(())
    }

    /// Adds what was counted to the counts of the server. Replies are sent together, so the requests of all of
    /// them have taken the same time.
    pub(super) fn add_tally(&mut self) {
        let latency = self.arrived.elapsed();
        self.shared.counters.add(self.owner.0, &mut self.tally, latency);
    }

    /// In compatibility mode, remembers the form of the reply to this request.
    pub(super) fn expect_reply_to(&mut self, request: &IndexRequest) {
        self.expect_reply(match request {
            IndexRequest::Add { .. } => ReplyTo::Add,
            IndexRequest::Lookup { .. }
            | IndexRequest::List { .. }
            | IndexRequest::Search { .. } => ReplyTo::Query,
            IndexRequest::Remove { .. } => ReplyTo::Other,
        });
    }

    /// The same for a reply to something else.
    pub(super) fn expect_reply(&mut self, to: ReplyTo) {
        if let (Some(writer), Some(style)) = (&mut self.writer, self.driver.role.style()) {
            writer.expect(to, style);
        }
    }

    /// The request that was answered last ends with `END`, which came late: so does its reply.
    pub(super) fn end_late(&mut self) -> io::Result<()> {
        self.flush()?;
        let end = self.driver.role.style().map(ReplyStyle::late_end).unwrap_or_default();
        ReadClock::new(self.shared.limits.read_rate).send(self.stream, &end)
    }

    /// Appends a reply of success without a record.
    pub(super) fn confirm(&mut self) {
        encode_found(&mut self.output);
        self.output.extend_from_slice(END_OF_RECORDS);
    }

    /// Provides memory for a piece of a list.
    pub(super) fn reserve_output(&mut self) {
        if self.output.capacity() < limits::LIST_BUFFER {
            let mut large = self.shared.buffers.take();
            large.extend_from_slice(&self.output);
            self.output = large;
        }
    }

    /// Returns a large buffer to the other sessions, before the session waits.
    pub(super) fn return_buffer(&mut self) {
        if self.output.capacity() > limits::SMALL_OUTPUT {
            self.shared.buffers.put_back(mem::take(&mut self.output));
        }
    }

    /// Yields the CPU after a number of visited records.
    pub(super) fn yield_cpu(&mut self) {
        if self.visited >= VISITS {
            self.visited = 0;
            thread::yield_now();
        }
    }

    /// Refuses a request that violates the protocol.
    #[cold]
    pub(super) fn refuse_fault(&mut self, error: &DecodeError) {
        self.faults += 1;
        let status = Status::from(error.refusal);
        let cause = match error.refusal {
            Refusal::VersionNotSupported => Cause::Version,
            _ => Cause::Grammar,
        };
        self.tally.count(OTHER, status.code());
        self.shared.permits.refusals().add(cause);
        self.show_fault(status);
        self.driver.role.replied(status);
        let reason = self.with_ending(error.to_string());
        log::warn!(target: LOG_FAULTS, "{}: {status}, {reason}", self.address);
        let reason = self.reason(&reason);
        encode_refusal(error.refusal, reason.as_ref(), &mut self.output);
    }

    /// Refuses a request that follows the grammar. `line` is the request as it is logged.
    #[cold]
    pub(super) fn refuse_request(
        &mut self,
        line: &str,
        extensions: LookupExtensions<'_>,
        refused: Refused,
    ) {
        let Refused { refusal, reason, .. } = refused;
        self.driver.role.replied(refusal.into());
        let reason = self.with_ending(reason);
        self.log_refused(line, refusal, &reason);
        let reason = self.reason(&reason);
        encode_refused_lookup(extensions, refusal, reason.as_ref(), &mut self.output);
    }

    /// A reason that says, too, if the connection is closed after the refusal.
    fn with_ending(&self, reason: String) -> String {
        let cause = match self.driver.role.ending() {
            None => return reason,
            Some(Ending::Unframed) => "the end of this request is unknown",
            Some(Ending::ConsecutiveFaults) => "there were too many faults in a row",
        };
        let end = format!("; the connection is closed, because {cause}");
        // A long reason is cut after a word, and its end is kept.
        let room = limits::HEADER_TEXT.saturating_sub(end.len());
        if reason.len() <= room {
            return reason + &end;
        }
        let cut = reason.floor_char_boundary(room.saturating_sub('…'.len_utf8()));
        let beginning = reason.get(..cut).unwrap_or_default();
        let words = beginning.rsplit_once(' ').map_or(beginning, |(words, _)| words);
        format!("{words}…{end}")
    }

    pub(super) fn encoded_refusal(&self, refusal: Refusal, reason: &str) -> Vec<u8> {
        let mut encoded = Vec::new();
        encode_refusal(refusal, self.reason(reason).as_ref(), &mut encoded);
        encoded
    }

    fn reason(&self, reason: &str) -> Option<HeaderText> {
        self.shared.explain.then(|| HeaderText::folded(reason)).flatten()
    }
}
