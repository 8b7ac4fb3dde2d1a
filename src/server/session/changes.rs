//! Requests that change records: ADD and REMOVE (protocol.md sections 4.1, 4.2 and 4.6).
//!
//! The records of pipelined ADDs are added together, because locking the index for each of them
//! takes longer than the rest of the work if several peers register at the same time. Their replies
//! are encoded first. They are sent after the records are in the index, and a reply is replaced if
//! its record was refused.

use std::mem;
use std::net::IpAddr;
use std::ops::Range;
use std::time::SystemTime;

use super::connection::Session;
use super::pending::PendingAdd;
use super::requests::{Done, Refused};
use crate::counters::Cause;
use crate::escape::escaped;
use crate::index::{Addition, Attributes, Charge, Full};
use crate::protocol::{BorrowedRecord, Content, Date, Document, Endpoint, Record, Refusal, Status};
use crate::server::logging::{LOG_FAULTS, LOG_REQUESTS};
use crate::server::methods::ADD;

impl Session<'_> {
    /// Encodes the reply to an ADD, and queues the record until the batch is added.
    ///
    /// The reply repeats the record as the peer has sent it, also if it is listed under another
    /// host.
    pub(super) fn add(
        &mut self,
        sent: Record,
        content: Content,
        line: &str,
    ) -> Result<Done, Refused> {
        let (listed, verified) = self.listed(&sent.holder)?;
        let attributes =
            Attributes { content, added: Date::clamped(SystemTime::now()), address: verified };
        let Record { document, title, holder } = sent;
        let record = Record { document, title, holder: listed };
        let charge = Charge::of(&record);
        let fits = self.account.reserve(charge.bytes, 0).is_ok();
        if !fits {
            self.reserve_replaced(&record, charge)?;
        }
        self.account.add(charge.bytes, 0);
        let before = self.output.len();
        self.reply_with(BorrowedRecord { holder: &holder, ..record.borrowed() });
        let document = record.document.clone();
        self.additions.push(Addition::new(record, charge, attributes));
        self.pending.push(PendingAdd {
            document,
            reply: before..self.output.len(),
            line: line.to_owned(),
        });
        if !fits || self.pending.len() >= self.shared.store.batch() {
            self.add_pending();
        }
        Ok(Done::Pending)
    }

    /// Reserves memory for a record that fits only in place of the record that it replaces.
    #[cold]
    fn reserve_replaced(&mut self, record: &Record, charge: Charge) -> Result<(), Refused> {
        // It may replace a pending record.
        self.add_pending();
        let index = &self.shared.index;
        let replaced = index.charge_of(self.owner, &record.document, &record.holder);
        let reserved = self.account.reserve(charge.bytes, replaced);
        reserved.map_err(|full| self.refused(&record.document, Cause::Memory, full.to_string()))
    }

    /// Adds the pending records. Called before their replies are sent, and before another request
    /// is handled.
    pub(super) fn add_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut pending = mem::take(&mut self.pending);
        let mut additions = mem::take(&mut self.additions);
        let done = self.shared.store.add_all(&self.shared.index, self.owner, &mut additions);
        let mut refusals = Vec::new();
        if let Err(lost) = done {
            for one in pending.drain(..) {
                self.refuse_pending(one, Cause::Draining, &lost.to_string(), &mut refusals);
            }
        }
        for (one, addition) in pending.drain(..).zip(additions.drain(..)) {
            match addition.outcome() {
                Ok(replaced) => {
                    self.account.remove(replaced);
                    self.show_added(&one.document, Status::Ok);
                    if !one.line.is_empty() {
                        self.log_done(&one.line, &Done::Changed);
                    }
                }
                Err(full) => {
                    self.account.remove(addition.charge().bytes);
                    self.refuse_pending(one, cause_of(full), &full.to_string(), &mut refusals);
                }
            }
        }
        // The last one first, so that the positions of the others stay valid.
        for (reply, refusal) in refusals.into_iter().rev() {
            self.output.splice(reply, refusal);
        }
        (self.pending, self.additions) = (pending, additions);
    }

    /// Encodes the refusal that replaces the reply to an ADD.
    #[cold]
    fn refuse_pending(
        &mut self,
        PendingAdd { document, reply, line }: PendingAdd,
        cause: Cause,
        reason: &str,
        refusals: &mut Vec<(Range<usize>, Vec<u8>)>,
    ) {
        let Refused { refusal, reason, .. } = self.refused(&document, cause, reason.into());
        // It was counted when its reply was encoded.
        let (before, status) = (Status::Ok.code(), Status::from(refusal).code());
        self.tally.recount(ADD, before, status);
        self.shared.permits.refusals().add(cause);
        self.log_refused(&line, refusal, &reason);
        self.show_added(&document, refusal.into());
        refusals.push((reply, self.encoded_refusal(refusal, &reason)));
    }

    fn refused(&self, document: &Document, cause: Cause, reason: String) -> Refused {
        // A log of requests has the refusal in the line of the request.
        if !log::log_enabled!(target: LOG_REQUESTS, log::Level::Info) {
            log::warn!(target: LOG_FAULTS, "{}: {document} refused: {reason}", self.address);
        }
        Refused { refusal: Refusal::ServiceUnavailable, cause, reason }
    }

    /// Replies to REMOVE.
    pub(super) fn remove(
        &mut self,
        document: &Document,
        holder: &Endpoint,
    ) -> Result<Done, Refused> {
        let (listed, _) = self.listed(holder)?;
        let removed = self.shared.store.remove(&self.shared.index, self.owner, document, &listed);
        let removed =
            removed.map_err(|lost| self.refused(document, Cause::Draining, lost.to_string()))?;
        let removed = removed.ok_or_else(|| Refused {
            refusal: Refusal::NotFound,
            cause: Cause::NotFound,
            reason:
                "expected a record that this connection added, found none (protocol.md section 4.6)"
                    .into(),
        })?;
        self.account.remove(Charge::of(&removed).bytes);
        self.reply_with(BorrowedRecord { holder, ..removed.borrowed() });
        Ok(Done::Changed)
    }

    /// The endpoint under which records of a holder are listed, and the address for which its host
    /// was verified.
    fn listed(&mut self, holder: &Endpoint) -> Result<(Endpoint, Option<IpAddr>), Refused> {
        let listed = self.hosts.listed(&holder.host).ok_or_else(|| Refused {
            refusal: Refusal::BadRequest,
            cause: Cause::Host,
            reason: format!(
                "expected a host with the address {}, found `{}` (protocol.md section 4.7)",
                self.address.ip(),
                escaped(holder.host.as_str())
            ),
        })?;
        Ok((Endpoint { host: listed.host, port: holder.port }, listed.verified))
    }
}

/// The limit that was reached, as it is counted.
fn cause_of(full: Full) -> Cause {
    match full {
        Full::Owner(_) => Cause::RecordsOfConnection,
        Full::Index(_) => Cause::Records,
        Full::Memory(_) => Cause::Memory,
    }
}
