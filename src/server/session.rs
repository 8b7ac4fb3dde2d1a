//! One peer's conversation with the index (protocol.md sections 3.4 and 4).
//!
//! It reads what has arrived, answers every whole request in it, and writes once. Leaving is
//! `Drop`: a clean end, a cut line and a panic all take the peer's records back.

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Instant, SystemTime};

use super::host_policy::ListedHosts;
use super::{LOG_FAULTS, LOG_REQUESTS, LOG_SESSIONS, Shared, counted};
use crate::escape::escaped;
use crate::index::{Attributes, Owner, Position, Query};
use crate::limits;
use crate::net::{Conduct, Receiver, close_gently, send};
use crate::protocol::{
    BorrowedRecord, Content, Date, DecodeError, Document, END_OF_RECORDS, Endpoint, HeaderText,
    IndexRequest, Record, RecordEncoder, Refusal, RequestDecoder, Status, Words, empty_lines,
    encode_attribute, encode_found, encode_record, encode_refusal,
};

/// Serves one connection until it ends.
pub(super) fn run(
    shared: &Shared,
    stream: &TcpStream,
    address: SocketAddr,
    number: u64,
) -> Conduct {
    log::info!(target: LOG_SESSIONS, "{address} joined ({})", shared.population());
    let mut session = Session {
        shared,
        stream,
        address,
        owner: Owner(number),
        hosts: ListedHosts::new(shared.host_policy, address.ip()),
        output: Vec::new(),
        consecutive_faults: 0,
        done: 0,
    };
    match session.converse() {
        Ok(End::ByPeer) => Conduct::Sane,
        Ok(End::ByFault) => {
            close_gently(stream);
            Conduct::Nonsense
        }
        Err(error) => {
            log::warn!(target: LOG_FAULTS, "{address}: connection lost: {error}");
            Conduct::Sane
        }
    }
}

struct Session<'a> {
    shared: &'a Shared,
    stream: &'a TcpStream,
    address: SocketAddr,
    owner: Owner,
    hosts: ListedHosts,
    /// Replies that wait to be written together.
    output: Vec<u8>,
    consecutive_faults: u32,
    /// What was done since others were offered the processor, as for [`AT_ONCE`].
    done: usize,
}

/// How many records are looked at in a row: some twenty microseconds. What is asked for in one
/// pipeline or by one LIST could be done in one turn of the scheduler, and who asks meanwhile, and
/// was woken on the same processor, would wait for all of it.
const AT_ONCE: usize = 1024;

/// As many records are looked at while one is added or removed.
const CHANGE: usize = 64;

/// A request and its length, or a fault that is answered.
type Received = Result<(IndexRequest, usize), DecodeError>;

/// How a conversation ended.
enum End {
    ByPeer,
    /// The last reply says what was wrong.
    ByFault,
}

/// What was done for a request.
enum Done {
    /// A record was added or removed.
    Changed,
    /// So many records were sent.
    Sent(usize),
}

/// Which records of a query are sent, and how.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    most: usize,
    /// All of these words are in the title.
    words: Option<&'a Words>,
    with_attributes: bool,
}

impl Wanted<'static> {
    const ALL: Self = Self { most: usize::MAX, words: None, with_attributes: false };
}

/// Why a request that follows the grammar is refused.
struct Refused {
    refusal: Refusal,
    reason: String,
}

impl Session<'_> {
    fn converse(&mut self) -> io::Result<End> {
        let mut receiver = Receiver::of_accepted(self.stream);
        let mut decoder = RequestDecoder::new();
        loop {
            // Empty lines between requests mean nothing, and must not start a deadline.
            receiver.take(empty_lines(receiver.input()));
            if receiver.input().is_empty() {
                let is_much = self.output.len() > limits::SMALL_OUTPUT;
                self.flush()?;
                if self.output.capacity() > limits::SMALL_OUTPUT {
                    self.shared.buffers.put_back(mem::take(&mut self.output));
                }
                if receiver.fill(None)? == 0 {
                    return Ok(End::ByPeer);
                }
                if is_much {
                    self.make_room();
                }
                continue;
            }
            let Some(received) = self.receive(&mut receiver, &mut decoder)? else { continue };
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
            if used.is_none() || self.has_too_many_faults() {
                self.flush()?;
                return Ok(End::ByFault);
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush()?;
            }
        }
    }

    /// Reads until a request is whole, or known to be none. Nothing is returned if what has begun
    /// turns out to be the empty line of which only one byte was there.
    fn receive(
        &mut self,
        receiver: &mut Receiver<'_>,
        decoder: &mut RequestDecoder<IndexRequest>,
    ) -> io::Result<Option<Received>> {
        let mut deadline = None;
        loop {
            match decoder.decode(receiver.input()) {
                Ok(Some(found)) => return Ok(Some(Ok(found))),
                Err(error) => return Ok(Some(Err(error))),
                Ok(None) if empty_lines(receiver.input()) == receiver.input().len() => {
                    return Ok(None);
                }
                Ok(None) => self.flush()?,
            }
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

    fn answer(&mut self, request: IndexRequest) -> io::Result<()> {
        let logged = log::log_enabled!(target: LOG_REQUESTS, log::Level::Info);
        let line = if logged { request.to_string() } else { String::new() };
        let outcome = match request {
            IndexRequest::Add { document, title, content, from } => {
                self.add(Record { document, title, holder: from }, content)
            }
            IndexRequest::Remove { document, from } => self.remove(&document, &from),
            IndexRequest::Lookup { document, want_attributes, .. } => {
                let wanted = Wanted { with_attributes: want_attributes, ..Wanted::ALL };
                self.find(&Query::Document(document), wanted)?
            }
            IndexRequest::List { listing, .. } => {
                self.find(&Query::Listing(listing), Wanted::ALL)?
            }
            IndexRequest::Search { words, limit, .. } => {
                let most = limit.and_then(|limit| usize::try_from(limit.value()).ok());
                let wanted =
                    Wanted { most: most.unwrap_or(usize::MAX), words: Some(&words), ..Wanted::ALL };
                self.find(&Query::All, wanted)?
            }
        };
        let address = self.address;
        match outcome {
            Ok(done) => {
                self.consecutive_faults = 0;
                if matches!(done, Done::Changed) {
                    self.give_way(CHANGE);
                }
                if logged {
                    self.log_done(&line, &done);
                }
            }
            Err(Refused { refusal, reason }) => {
                log::info!(
                    target: LOG_REQUESTS, "{address} {line}: {}, {reason}", Status::from(refusal)
                );
                self.refuse(refusal, &reason);
            }
        }
        Ok(())
    }

    /// Offers the processor to others now and then.
    fn give_way(&mut self, done: usize) {
        self.done += done;
        if self.done >= AT_ONCE {
            self.done = 0;
            thread::yield_now();
        }
    }

    #[cold]
    fn log_done(&self, line: &str, done: &Done) {
        let (address, status) = (self.address, Status::Ok);
        match done {
            Done::Changed => {
                let population = self.shared.population();
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status} ({population})");
            }
            Done::Sent(count) => {
                let records = counted(*count, "record");
                log::info!(target: LOG_REQUESTS, "{address} {line}: {status}, {records}");
            }
        }
    }

    /// The reply repeats what the peer said, whatever host the record is listed under.
    fn add(&mut self, said: Record, content: Content) -> Result<Done, Refused> {
        let holder = self.listed(&said.holder)?;
        let attributes = Attributes { content, added: Date::clamped(SystemTime::now()) };
        // The reply is written first, because the record moves into the index.
        let before = self.output.len();
        self.reply_with(&said);
        let document = said.document.clone();
        let record = Record { holder, ..said };
        let full = self.shared.index.write().add(self.owner, record, attributes);
        if let Err(full) = full {
            self.output.truncate(before);
            log::warn!(target: LOG_FAULTS, "{}: {document} refused: {full}", self.address);
            let refusal = Refusal::ServiceUnavailable;
            return Err(Refused { refusal, reason: full.to_string() });
        }
        Ok(Done::Changed)
    }

    fn remove(&mut self, document: &Document, from: &Endpoint) -> Result<Done, Refused> {
        let holder = self.listed(from)?;
        let removed = self.shared.index.write().remove(self.owner, document, &holder);
        let removed = removed.ok_or_else(|| Refused {
            refusal: Refusal::NotFound,
            reason: "expected a record that this connection added, found none".into(),
        })?;
        self.reply_with(&Record { holder: from.clone(), ..removed });
        Ok(Done::Changed)
    }

    fn listed(&mut self, said: &Endpoint) -> Result<Endpoint, Refused> {
        let host = self.hosts.listed(&said.host).ok_or_else(|| Refused {
            refusal: Refusal::BadRequest,
            reason: format!(
                "expected a host with the address {}, found `{}` (section 4.7)",
                self.address.ip(),
                escaped(said.host.as_str())
            ),
        })?;
        Ok(Endpoint { host, port: said.port })
    }

    fn reply_with(&mut self, record: &Record) {
        encode_found(&mut self.output);
        encode_record(record.borrowed(), &mut self.output);
        self.output.extend_from_slice(END_OF_RECORDS);
    }

    /// Answers LOOKUP, LIST and SEARCH: in pieces, so that a long reply is never whole in memory,
    /// and the index is free while it is written and in the middle of a long search.
    fn find(&mut self, query: &Query, wanted: Wanted<'_>) -> io::Result<Result<Done, Refused>> {
        let Wanted { most, words, with_attributes } = wanted;
        let before = self.output.len();
        encode_found(&mut self.output);
        let mut position = Position::default();
        let mut count = 0;
        loop {
            let shared = self.shared;
            let output = &mut self.output;
            let mut visited = 0;
            let index = shared.index.read();
            let mut records = RecordEncoder::default();
            let whole = index.visit(query, &mut position, |shown| {
                visited += 1;
                if words.is_none_or(|words| words.are_in(shown.record.title)) {
                    let BorrowedRecord { document, title, .. } = shown.record;
                    records.encode(document, title, shown.end, output);
                    if with_attributes {
                        shown.attributes().iter().for_each(|one| encode_attribute(one, output));
                    }
                    count += 1;
                }
                output.len() < limits::LIST_PIECE && visited < limits::VISITS && count < most
            });
            drop(index);
            if whole || count >= most {
                break;
            }
            if self.output.len() >= limits::LIST_PIECE {
                self.flush()?;
            }
            if self.output.len() > limits::SMALL_OUTPUT {
                self.make_room();
            }
            self.give_way(visited);
            shared.index.give_turn();
        }
        if count == 0 && matches!(query, Query::Document(_)) {
            self.output.truncate(before);
            let refusal = Refusal::NotFound;
            return Ok(Err(Refused { refusal, reason: "nobody has it".into() }));
        }
        self.output.extend_from_slice(END_OF_RECORDS);
        Ok(Ok(Done::Sent(count)))
    }

    /// Answers a request that cannot be understood.
    #[cold]
    fn refuse_fault(&mut self, error: &DecodeError) {
        let status = Status::from(error.refusal);
        log::warn!(target: LOG_FAULTS, "{}: {status}, {error}", self.address);
        self.refuse(error.refusal, &error.to_string());
    }

    #[cold]
    fn refuse(&mut self, refusal: Refusal, reason: &str) {
        self.consecutive_faults = match refusal {
            Refusal::BadRequest => self.consecutive_faults + 1,
            _ => 0,
        };
        let reason = self.shared.explain.then(|| HeaderText::folded(reason)).flatten();
        encode_refusal(refusal, reason.as_ref(), &mut self.output);
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
        send(self.stream, &self.output)?;
        self.output.clear();
        Ok(())
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        /// What takes some ten microseconds.
        const AT_ONCE: usize = 64;
        let mut records = 0;
        loop {
            let removed = self.shared.index.write().leave(self.owner, AT_ONCE);
            records += removed;
            if removed < AT_ONCE {
                break;
            }
            self.shared.index.give_turn();
        }
        log::info!(
            target: LOG_SESSIONS,
            "{} left with {} ({} remain)",
            self.address,
            counted(records, "record"),
            counted(self.shared.index.read().len(), "record")
        );
    }
}
