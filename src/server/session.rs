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
use crate::net::{EmptyLines, Outcome, ReadClock, Receiver, close_gently};
use crate::protocol::{
    DecodeError, HeaderText, IndexRequest, Refusal, RequestDecoder, Status, empty_lines,
    encode_refusal,
};
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
        consecutive_faults: 0,
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
    consecutive_faults: u32,
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

/// A request and its length, or a fault that is answered.
type Received = Result<(IndexRequest, usize), DecodeError>;

/// How a session ended.
enum End {
    ByPeer,
    /// The last reply says what was wrong.
    ByFault,
}

impl Session<'_> {
    fn converse(&mut self) -> io::Result<End> {
        let mut receiver = Receiver::of_accepted(self.stream);
        let mut decoder = RequestDecoder::new();
        let mut between = EmptyLines::at_most(limits::EMPTY_LINES);
        loop {
            // Empty lines between requests mean nothing, and must not start a deadline.
            let ignored = empty_lines(receiver.input());
            if !between.allows(ignored) {
                self.refuse_fault(&DecodeError::of_empty_lines("a request", limits::EMPTY_LINES));
                self.flush()?;
                return Ok(End::ByFault);
            }
            receiver.take(ignored);
            if receiver.input().is_empty() {
                let is_much = self.output.len() > limits::SMALL_OUTPUT;
                self.flush()?;
                if self.output.capacity() > limits::SMALL_OUTPUT {
                    self.shared.buffers.put_back(mem::take(&mut self.output));
                }
                self.share.end();
                if receiver.fill(None)? == 0 {
                    return Ok(End::ByPeer);
                }
                if is_much {
                    self.make_room();
                }
                continue;
            }
            let Some(received) = self.receive(&mut receiver, &mut decoder)? else { continue };
            between.reset();
            let used = match received {
                Ok((request, used)) => {
                    self.answer(request)?;
                    Some(used)
                }
                Err(error) => {
                    self.refuse_fault(&error);
                    error.framed
                }
            };
            receiver.take(used.unwrap_or(0));
            if !receiver.input().is_empty() {
                // Otherwise this thread is about to wait, as soon as it has sent the reply.
                self.give_way();
            }
            if used.is_none() || self.has_too_many_faults() {
                self.flush()?;
                return Ok(End::ByFault);
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush()?;
            }
        }
    }

    /// Reads until a request is whole, or known to be none. Returns `None` if the carriage return with
    /// which the input began turns out to be part of an empty line, which the caller drops.
    fn receive(
        &mut self,
        receiver: &mut Receiver<'_>,
        decoder: &mut RequestDecoder<IndexRequest>,
    ) -> io::Result<Option<Received>> {
        let mut deadline = None;
        loop {
            // Before the decoder sees it: the decoder counts from the beginning of its input.
            if empty_lines(receiver.input()) > 0 {
                return Ok(None);
            }
            match decoder.decode(receiver.input()) {
                Ok(Some(found)) => return Ok(Some(Ok(found))),
                Err(error) => return Ok(Some(Err(error))),
                Ok(None) => self.flush()?,
            }
            self.share.end();
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + limits::HEAD_DEADLINE);
            match receiver.fill(Some(deadline)) {
                Ok(0) => return Ok(Some(Err(decoder.cut("the end of the connection")))),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Some(Err(decoder.cut("nothing more for 20 seconds"))));
                }
                Err(error) => return Err(error),
            }
        }
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
        self.consecutive_faults = match refusal {
            Refusal::BadRequest | Refusal::VersionNotSupported => self.consecutive_faults + 1,
            _ => 0,
        };
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

    fn has_too_many_faults(&self) -> bool {
        let too_many = self.consecutive_faults >= limits::CONSECUTIVE_FAULTS;
        if too_many {
            log::warn!(target: LOG_FAULTS, "{}: closed, too many faults in a row", self.address);
        }
        too_many
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
