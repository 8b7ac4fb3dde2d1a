//! The uploads of one connection, one after the other (protocol.md sections 5.1 and 5.7).

use std::net::SocketAddr;
use std::time::Instant;

use super::answer::{CLOSED, Reader, Sharing, Then};
use super::requests::Requests;
use super::totals::{GET, LIST, LOOKUP, OTHER};
use crate::counters::Cause;
use crate::net::{Outcome, ReadClock, close_after_reply, lingering_close};
use crate::protocol::dialect::{CompatReader, StyleSettings};
use crate::protocol::role::DocumentServer;
use crate::protocol::{Refusal, Status, UploadRequest};

impl Sharing {
    /// Serves one connection until it ends. `clock` measures how fast its reader is.
    pub(super) fn serve(&self, reader: &Reader<'_>, clock: &mut ReadClock) -> Outcome {
        let Reader { stream, address, number, .. } = *reader;
        let mut outcome = Outcome::Normal;
        let mut requests = Requests::new(stream, self.role(address));
        let mut reader = *reader;
        let mut was_kept_open = false;
        let served = loop {
            // Until the reader has all of the reply, the upload counts among those that have begun.
            let mut slot = None;
            let next = requests.next();
            reader.style = requests.style();
            (reader.asked, reader.method) = (Instant::now(), GET);
            let answered = match next {
                Ok(Some(Ok(request))) => {
                    reader.style = reader.style.filter(|_| !request.has_extensions());
                    self.permits.request_received(number);
                    match request {
                        UploadRequest::Get(request) => {
                            self.answer(&reader, &request, clock, &mut slot)
                        }
                        UploadRequest::List { listing, .. } => {
                            reader.method = LIST;
                            self.list(&reader, listing, clock)
                        }
                        UploadRequest::Lookup { document, .. } => {
                            reader.method = LOOKUP;
                            self.look_up(&reader, &document, clock)
                        }
                    }
                }
                Ok(Some(Err(error))) => {
                    log::warn!("{address}: {}, {error}{CLOSED}", Status::from(error.refusal));
                    outcome = Outcome::Abuse;
                    reader.method = OTHER;
                    let cause = match error.refusal {
                        Refusal::VersionNotSupported => Cause::Version,
                        _ => Cause::Grammar,
                    };
                    self.refuse(&reader, cause, error.refusal, &error.to_string())
                }
                Ok(None) => return outcome,
                Err(error) => Err(error),
            };
            // A slow reader is idle when it has read the reply, and not before.
            let answered = answered.map(|then| match clock.finish(stream, &self.stop) {
                Ok(()) => then,
                Err(error) => {
                    log::warn!("{address}: upload ended before the reader had all of it: {error}");
                    Then::Broken
                }
            });
            drop(slot);
            match answered {
                Ok(Then::Close) => break Ok(()),
                Ok(Then::Broken) => return outcome,
                Ok(Then::KeepOpen) if !self.has_next(&reader, &mut requests) => return outcome,
                Ok(Then::KeepOpen) => was_kept_open = true,
                Err(error) => break Err(error),
            }
        };
        let linger = self.uploads.limits.admission.linger;
        match served {
            Ok(()) if outcome == Outcome::Normal && !was_kept_open => {
                close_after_reply(stream, linger);
            }
            // The rest of a malformed request, or pipelined requests, may still be arriving.
            Ok(()) => lingering_close(stream, linger),
            Err(error) => log::warn!("{address}: the connection broke: {error}"),
        }
        outcome
    }

    /// The role of the server, in compatibility mode if that is set.
    fn role(&self, address: SocketAddr) -> DocumentServer {
        let role = DocumentServer::with_limits(&self.uploads.limits);
        let role = role.with_records(self.uploads.records);
        match self.uploads.compat {
            false => role,
            true => role.compatible(CompatReader::new(address, StyleSettings::default())),
        }
    }

    /// Waits for the next request, and returns whether some of it is there. Meanwhile the connection
    /// may be closed for one of another network.
    fn has_next(&self, reader: &Reader<'_>, requests: &mut Requests<'_>) -> bool {
        if requests.has_input() {
            return true;
        }
        let evictable = self.permits.offer_eviction(reader.number, reader.stream, true);
        requests.wait_for_next() && !evictable.is_evicted()
    }
}
