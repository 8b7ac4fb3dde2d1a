//! The requests of the program under test: waits for that of a step, and answers all of them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::asked::Asked;
use super::connection::{End, Event, Id};
use super::exchange::{Exchange, Operation, Reply};
use super::index::Index;
use super::listening::Listening;
use super::operator::{Begun, Operator, State};
use super::received::Received;
use super::verdicts::Verdicts;
use crate::check::symptom::Symptom;
use crate::protocol::Refusal;

/// Interval at which the state of the operator is read.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// No case takes longer after its request has arrived, or was typed.
const CASE: Duration = Duration::from_secs(5);
/// Time after its start in which a program adds its document by itself.
const ADDED: Duration = Duration::from_secs(4);
/// Time in which a program adds a document again that it has added by itself.
const AGAIN: Duration = Duration::from_secs(1);
/// Time after a reply in which the program may do what follows from it.
pub(super) const AFTERWARDS: Duration = Duration::from_millis(60);

/// The connections of the program under test.
pub(super) struct Requests {
    pub(super) index: Index,
    pub(super) verdicts: Verdicts,
    listening: Listening,
    events: Receiver<Event>,
    address: SocketAddr,
}

/// What an operation has brought.
pub(super) enum Arrival {
    /// Its request, which waits for a reply.
    Request(Waiting),
    /// The program has done it before: there is nothing to reply.
    Done,
    /// The person has started the program again.
    Restarted,
    /// No request that belongs to it.
    Nothing {
        symptom: Symptom,
        /// The last other request.
        other: Vec<u8>,
        /// Whether the person has done nothing for the idle time.
        is_idle: bool,
    },
}

/// A request that waits for its reply.
pub(super) struct Waiting {
    id: Id,
    received: Received,
    sender: Sender<Answer>,
    /// The end of its case.
    deadline: Instant,
}

/// An operation that was answered.
pub(super) struct Answered {
    pub(super) request: Vec<u8>,
    pub(super) reply: Vec<u8>,
    /// How the connection has ended, if it has.
    pub(super) end: Option<End>,
    /// The end of its case.
    pub(super) deadline: Instant,
}

impl Requests {
    /// Serves the connections to an index server.
    pub(super) fn start(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (listening, events) = Listening::start(listener)?;
        let (index, verdicts) = (Index::new(address), Verdicts::default());
        Ok(Self { index, verdicts, listening, events, address })
    }

    /// An upload server of its own for each document, so that a client that avoids a holder after a failure
    /// does not avoid the next one.
    pub(super) fn upload_server(&self) -> Option<SocketAddr> {
        let port = self.listening.start_upload(self.address).ok()?.port();
        Some(SocketAddr::new(self.index.host(), port))
    }

    /// Asks for an operation, and waits for its request.
    pub(super) fn ask(&mut self, operator: &mut Operator, asked: &Asked, step: &str) -> Arrival {
        let nothing = |symptom, other, is_idle| Arrival::Nothing { symptom, other, is_idle };
        // What the program does by itself belongs to no step.
        self.serve(AFTERWARDS);
        let deadline = match operator.begin(asked, step) {
            Begun::Until(deadline) => deadline,
            Begun::NotInMenu if self.has_added(asked) => return Arrival::Done,
            Begun::NotInMenu => return nothing(Symptom::NotInMenu, Vec::new(), false),
        };
        // It was told the title.
        if asked.operation == Operation::Add
            && let Some(title) = &asked.title
        {
            self.index.shares(asked.number, title.clone());
        }
        let (typed, mut other) = (Instant::now(), Vec::new());
        loop {
            match self.receive(Instant::now() + LOOK) {
                Some(Event::Request(id, received, sender)) if asked.is_answered_by(&received) => {
                    let begun = if operator.is_person() { Instant::now() } else { typed };
                    let deadline = begun + CASE;
                    return Arrival::Request(Waiting { id, received, sender, deadline });
                }
                Some(Event::Request(id, received, sender))
                    if operator.is_person() && self.index.shows_restart(&received) =>
                {
                    self.index.restarted();
                    self.handle(Event::Request(id, received, sender), None);
                    return Arrival::Restarted;
                }
                Some(event) => {
                    if let Some(raw) = self.handle(event, Some(asked)) {
                        other = raw;
                    }
                }
                None => {}
            }
            let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            // It has added the document by itself, and need not do so again.
            let is_done = asked.operation == Operation::Add
                && !operator.is_person()
                && self.index.has_record(asked.number)
                && typed.elapsed() >= AGAIN;
            return match operator.state() {
                State::Waiting if is_done => Arrival::Done,
                State::Waiting if is_late => nothing(Symptom::Silent, other, operator.is_person()),
                State::Waiting => continue,
                State::Skipped => nothing(Symptom::Skipped, other, false),
                State::Unresponsive => nothing(Symptom::Stopped, other, false),
                State::Ended => nothing(Symptom::Ended, other, false),
            };
        }
    }

    /// Replies to a request.
    pub(super) fn reply(&mut self, asked: &Asked, exchange: Exchange, to: Waiting) -> Answered {
        let Waiting { id, received, sender, deadline } = to;
        let answer = self.answer(asked, exchange, id, &received);
        let reply = answer.bytes();
        // Without a receiver the connection has ended.
        let _ = sender.send(answer.clone());
        let end = self.wait_for_end(asked, id, &answer, deadline);
        Answered { request: received.raw, reply, end, deadline }
    }

    /// Answers what belongs to no step, for this time.
    pub(super) fn serve(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(event) = self.receive(until) {
            self.handle(event, None);
        }
    }

    /// Whether a program without a menu for it has added its document when it was started.
    fn has_added(&mut self, asked: &Asked) -> bool {
        let deadline = Instant::now() + ADDED;
        while asked.operation == Operation::Add && !self.index.has_record(asked.number) {
            if Instant::now() >= deadline {
                return false;
            }
            self.serve(LOOK);
        }
        asked.operation == Operation::Add
    }

    /// Waits until the reply was sent and, after a document, until the connection has ended.
    fn wait_for_end(
        &mut self,
        asked: &Asked,
        id: Id,
        answer: &Answer,
        mut deadline: Instant,
    ) -> Option<End> {
        let is_document = asked.operation == Operation::Get;
        let mut found = None;
        while let Some(event) = self.receive(deadline) {
            match event {
                Event::Sent(of) if of == id && !is_document => {
                    deadline = deadline.min(Instant::now() + AFTERWARDS);
                }
                // A client may fetch a document in several requests.
                Event::Request(_, received, sender) if asked.is_answered_by(&received) => {
                    self.index.judge(&received, Some(asked), &mut self.verdicts);
                    let _ = sender.send(answer.clone());
                }
                Event::Ended(of, end) => {
                    self.index.ended(of);
                    if of == id {
                        found = Some(end);
                        deadline = deadline.min(Instant::now() + AFTERWARDS);
                    }
                }
                event => drop(self.handle(event, Some(asked))),
            }
        }
        found
    }

    fn answer(&mut self, asked: &Asked, exchange: Exchange, id: Id, received: &Received) -> Answer {
        self.index.judge(received, Some(asked), &mut self.verdicts);
        match exchange.reply {
            Reply::Usual | Reply::Nothing => self.index.usual(id, received, Some(asked)),
            Reply::Records(count, delivery) => {
                let records = self.index.records_of_others(asked, count);
                Answer::records(records, delivery)
            }
            Reply::Refused(refusal, reason) => {
                // What follows may be an attempt in another form.
                if refusal == Refusal::VersionNotSupported {
                    self.index.stop_judging();
                }
                let answer = Answer::refused(refusal, reason);
                if asked.operation == Operation::Get { answer.closing() } else { answer }
            }
            Reply::Document(document) => Answer::document(asked.number, document),
        }
    }

    /// Answers what belongs to no step. Returns the bytes of a request.
    fn handle(&mut self, event: Event, asked: Option<&Asked>) -> Option<Vec<u8>> {
        match event {
            Event::Request(id, received, sender) => {
                self.index.judge(&received, None, &mut self.verdicts);
                let _ = sender.send(self.index.usual(id, &received, asked));
                return Some(received.raw);
            }
            Event::Stray(bytes) => Index::judge_stray(&bytes, &mut self.verdicts),
            Event::Ended(id, _) => self.index.ended(id),
            Event::Begun(id) => self.index.begun(id),
            Event::Sent(_) => {}
        }
        None
    }

    /// Waits for an event until this time. A program that sends without a pause does not extend it.
    fn receive(&self, until: Instant) -> Option<Event> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() { None } else { self.events.recv_timeout(left).ok() }
    }
}
