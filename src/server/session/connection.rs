//! Reading the requests of one connection until it ends (protocol.md section 3.4).
//!
//! A session reads what has arrived, handles each complete request in it, and writes all replies
//! together. `Drop` removes the peer's records, whether the connection was closed, was lost, or its
//! thread has panicked.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::pending::PendingAdd;
use crate::counted::counted;
use crate::driver::Driver;
use crate::index::{Addition, Owner};
use crate::limits;
use crate::net::{Connection, Outcome, lingering_close};
use crate::protocol::dialect::{CompatReader, ReplyTo, ReplyWriter};
use crate::protocol::role::{IndexServer, RequestEvent, RequestMeaning};
use crate::protocol::{IndexRequest, Status};
use crate::server::account::Account;
use crate::server::fair_share::FairShare;
use crate::server::host_policy::ListedHosts;
use crate::server::logging::{LOG_FAULTS, LOG_SESSIONS};
use crate::server::methods::{OTHER, SessionTally};
use crate::server::shared::Shared;

/// Serves one connection until it ends.
pub(in crate::server) fn run(
    shared: &Shared,
    stream: &Connection,
    address: SocketAddr,
    number: u64,
) -> Outcome {
    log::info!(target: LOG_SESSIONS, "{address} joined ({})", shared.population());
    let mut session = Session {
        shared,
        stream,
        address,
        owner: Owner(number),
        hosts: ListedHosts::new(shared.host_policy, address.ip(), &shared.resolutions),
        account: Account::new(&shared.memory, address.ip()),
        output: Vec::new(),
        writer: shared.compat.map(|_| ReplyWriter::default()),
        additions: Vec::new(),
        pending: Vec::new(),
        driver: Driver::new(stream, role(shared, address)),
        requests: 0,
        faults: 0,
        tally: SessionTally::default(),
        arrived: Instant::now(),
        visited: 0,
        share: FairShare::new(&shared.turns),
    };
    match session.serve() {
        Ok(End::ByPeer) => Outcome::Normal,
        Ok(End::ByFault) => {
            lingering_close(stream, shared.limits.admission.linger);
            Outcome::Abuse
        }
        Err(error) => {
            log::warn!(target: LOG_FAULTS, "{address}: connection lost: {error}");
            Outcome::Normal
        }
    }
}

/// The role of the server, in compatibility mode if that is set.
fn role(shared: &Shared, address: SocketAddr) -> IndexServer {
    let role = IndexServer::with_limits(&shared.limits);
    match shared.compat {
        None => role,
        Some(settings) => role.compatible(CompatReader::new(address, settings)),
    }
}

/// The state of one connection.
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stream: &'a Connection,
    pub(super) address: SocketAddr,
    pub(super) owner: Owner,
    pub(super) hosts: ListedHosts<'a>,
    pub(super) account: Account<'a>,
    /// Replies that wait to be written together.
    pub(super) output: Vec<u8>,
    /// Writes the replies in the form of the requests, in compatibility mode.
    pub(super) writer: Option<ReplyWriter>,
    /// Records that wait to be added together. Their replies are in the output.
    pub(super) additions: Vec<Addition>,
    /// What is needed for the reply to each of them.
    pub(super) pending: Vec<PendingAdd>,
    /// Reads the requests.
    pub(super) driver: Driver<'a, IndexServer>,
    /// Requests and faults of this session, for the totals of the server.
    pub(super) requests: u64,
    pub(super) faults: u64,
    /// Counts that are not yet added to those of the server.
    pub(super) tally: SessionTally,
    /// When the requests arrived that are being handled.
    pub(super) arrived: Instant,
    /// Records that were visited since the thread last yielded the CPU.
    pub(super) visited: usize,
    pub(super) share: FairShare<'a>,
}

/// How a session ended.
enum End {
    ByPeer,
    /// The last reply says what was wrong.
    ByFault,
}

impl Session<'_> {
    fn serve(&mut self) -> io::Result<End> {
        loop {
            let event = match self.driver.next() {
                Some(event) => event,
                None => match self.fill()? {
                    Some(event) => event,
                    None => continue,
                },
            };
            self.driver.take(event.used);
            self.tally.received = self.tally.received.saturating_add(event.used as u64);
            match event.meaning {
                RequestMeaning::EmptyLines | RequestMeaning::Joined => continue,
                RequestMeaning::LateEnd => self.end_late()?,
                RequestMeaning::Request(request) => {
                    self.expect_reply_to(&request);
                    self.handle(request)?;
                }
                RequestMeaning::Fault(error) => {
                    self.expect_reply(ReplyTo::Other);
                    self.refuse_fault(&error);
                }
                RequestMeaning::Leaving => {
                    self.expect_reply(ReplyTo::Other);
                    self.confirm();
                    self.tally.count(OTHER, Status::Ok.code());
                    self.flush()?;
                    return Ok(End::ByPeer);
                }
                RequestMeaning::Closed => return Ok(End::ByPeer),
            }
            if !self.driver.input().is_empty() {
                // Otherwise this thread sends the replies next, and then waits.
                self.yield_cpu();
            }
            if self.driver.role.ending().is_some() {
                // The last refusal says why.
                self.flush()?;
                return Ok(End::ByFault);
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush_between()?;
            }
        }
    }

    /// Sends the replies and waits for more bytes. Returns an event if none have arrived: the end
    /// of the connection, or of the time for a request.
    fn fill(&mut self) -> io::Result<Option<RequestEvent<IndexRequest>>> {
        let is_idle = self.driver.input().is_empty();
        let is_large = self.output.len() > limits::SMALL_OUTPUT;
        self.flush()?;
        if is_idle {
            self.return_buffer();
        }
        self.share.end();
        let event = self.driver.fill()?;
        self.arrived = Instant::now();
        if event.is_none() && is_idle && is_large {
            self.reserve_output();
        }
        Ok(event)
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.add_tally();
        self.shared.totals.add_session(self.requests, self.faults);
        let records = self.shared.store.remove_owner(&self.shared.index, self.owner);
        log::info!(
            target: LOG_SESSIONS,
            "{} left with {}; the index has {}",
            self.address,
            counted(records, "record"),
            counted(self.shared.index.len(), "record")
        );
    }
}
