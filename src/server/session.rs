//! One peer's conversation with the index (protocol.md section 3.4).
//!
//! It reads what has arrived, answers every whole request in it, and writes once. Leaving is
//! `Drop`: a clean end, a cut line and a panic all take the peer's records back.

mod adding;
mod answers;
mod changes;

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Instant;

use super::fair_share::FairShare;
use super::host_policy::ListedHosts;
use super::memory::Account;
use super::{LOG_FAULTS, LOG_SESSIONS, Shared, counted};
use crate::index::Owner;
use crate::limits;
use crate::net::{Outcome, ReadClock, Receiver, close_gently};
use crate::protocol::role::{Ending, IndexServer, RequestEvent, RequestMeaning};
use crate::protocol::{DecodeError, HeaderText, IndexRequest, Refusal, Status, encode_refusal};
use adding::Adding;

/// Serves one connection until it ends.
pub(super) fn run(
    shared: &Shared,
    stream: &TcpStream,
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
        adding: Vec::new(),
        role: IndexServer::new(),
        requests: 0,
        faults: 0,
        looked_at: 0,
        share: FairShare::new(&shared.turns),
    };
    match session.converse() {
        Ok(End::ByPeer) => Outcome::Normal,
        Ok(End::ByFault) => {
            close_gently(stream);
            Outcome::Abuse
        }
        Err(error) => {
            log::warn!(target: LOG_FAULTS, "{address}: connection lost: {error}");
            Outcome::Normal
        }
    }
}

struct Session<'a> {
    shared: &'a Shared,
    stream: &'a TcpStream,
    address: SocketAddr,
    owner: Owner,
    hosts: ListedHosts<'a>,
    account: Account<'a>,
    /// Replies that wait to be written together.
    output: Vec<u8>,
    /// Records that wait to be added together. Their replies are in the output.
    adding: Vec<Adding>,
    role: IndexServer,
    /// Requests and faults of this session, for the totals of the server.
    requests: u64,
    faults: u64,
    /// Records that were visited since the thread last yielded the CPU.
    looked_at: usize,
    share: FairShare<'a>,
}

/// Records that are visited before the thread yields the CPU: some ten microseconds. Otherwise a long
/// pipeline or LIST could fill a whole time slice, and the session of another peer that was woken on the
/// same CPU would wait for its end.
const AT_ONCE: usize = 512;

/// How a session ended.
enum End {
    ByPeer,
    /// The last reply says what was wrong.
    ByFault,
}

impl Session<'_> {
    fn converse(&mut self) -> io::Result<End> {
        let mut receiver = Receiver::of_accepted(self.stream);
        let clock = Instant::now();
        loop {
            let event = match self.role.next(receiver.input(), || clock.elapsed()) {
                Some(event) => event,
                None => match self.fill(&mut receiver, clock)? {
                    Some(event) => event,
                    None => continue,
                },
            };
            match event.meaning {
                RequestMeaning::EmptyLines => {
                    receiver.take(event.used);
                    continue;
                }
                RequestMeaning::Request(request) => self.answer(request)?,
                RequestMeaning::Fault(error) => self.refuse_fault(&error),
                RequestMeaning::Closed => return Ok(End::ByPeer),
            }
            receiver.take(event.used);
            if !receiver.input().is_empty() {
                // Otherwise this thread is about to wait, as soon as it has sent the reply.
                self.give_way();
            }
            if let Some(ending) = self.role.ending() {
                if ending == Ending::ConsecutiveFaults {
                    log::warn!(target: LOG_FAULTS, "{}: closed, too many faults in a row", self.address);
                }
                self.flush()?;
                return Ok(End::ByFault);
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush()?;
            }
        }
    }

    /// Sends the replies and waits for more bytes. Returns an event if none have arrived: the end of
    /// the connection, or of the time for a request.
    fn fill(
        &mut self,
        receiver: &mut Receiver<'_>,
        clock: Instant,
    ) -> io::Result<Option<RequestEvent<IndexRequest>>> {
        let is_idle = receiver.input().is_empty();
        let is_much = self.output.len() > limits::SMALL_OUTPUT;
        self.flush()?;
        if is_idle && self.output.capacity() > limits::SMALL_OUTPUT {
            self.shared.buffers.put_back(mem::take(&mut self.output));
        }
        self.share.end();
        let deadline = self.role.wait(|| clock.elapsed());
        match receiver.fill(deadline.and_then(|time| clock.checked_add(time))) {
            Ok(0) => return Ok(Some(self.role.on_end())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut && deadline.is_some() => {
                return Ok(self.role.on_timeout(clock.elapsed()));
            }
            Err(error) => return Err(error),
        }
        if is_idle && is_much {
            self.make_room();
        }
        Ok(None)
    }

    /// Offers the processor to others now and then.
    fn give_way(&mut self) {
        if self.looked_at >= AT_ONCE {
            self.looked_at = 0;
            thread::yield_now();
        }
    }

    /// Answers a request that cannot be understood.
    #[cold]
    fn refuse_fault(&mut self, error: &DecodeError) {
        self.faults += 1;
        let status = Status::from(error.refusal);
        log::warn!(target: LOG_FAULTS, "{}: {status}, {error}", self.address);
        self.refuse(error.refusal, &error.to_string());
    }

    #[cold]
    fn refuse(&mut self, refusal: Refusal, reason: &str) {
        self.refuse_with(encode_refusal, refusal, reason);
    }

    /// The same for any way to write it.
    #[cold]
    fn refuse_with(
        &mut self,
        encode: fn(Refusal, Option<&HeaderText>, &mut Vec<u8>),
        refusal: Refusal,
        reason: &str,
    ) {
        self.role.replied(refusal.into());
        let reason = self.reason(reason);
        encode(refusal, reason.as_ref(), &mut self.output);
    }

    fn encoded_refusal(&self, refusal: Refusal, reason: &str) -> Vec<u8> {
        let mut encoded = Vec::new();
        encode_refusal(refusal, self.reason(reason).as_ref(), &mut encoded);
        encoded
    }

    fn reason(&self, reason: &str) -> Option<HeaderText> {
        self.shared.explain.then(|| HeaderText::folded(reason)).flatten()
    }

    /// Makes room for a piece of a list.
    fn make_room(&mut self) {
        if self.output.capacity() < limits::LIST_BUFFER {
            let mut large = self.shared.buffers.take();
            large.extend_from_slice(&self.output);
            self.output = large;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.add_waiting();
        let share = &mut self.share;
        // One for each: a reader that has acknowledged much would be given a minute more.
        ReadClock::default().send_or_wait(self.stream, &self.output, || share.end())?;
        self.output.clear();
        Ok(())
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.shared.totals.add_session(self.requests, self.faults);
        let records = self.shared.index.remove_owner(self.owner);
        log::info!(
            target: LOG_SESSIONS,
            "{} left with {}; the index has {}",
            self.address,
            counted(records, "record"),
            counted(self.shared.index.len(), "record")
        );
    }
}
