//! Runs the steps of a case.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::case::{Case, Client, DocumentRule, Expected, Form, Step, Test};
use super::difference::Difference;
use super::judgement::Failed;
use super::link::{Arrival, Link};
use super::reply::Reply;
use super::symptom::Symptom;
use super::values::Values;
use super::{document_reply, expected, index_reply, judge};
use crate::protocol::role::{DocumentClient, IndexClient};
use crate::system::connect;

/// No case takes longer.
const CASE: Duration = Duration::from_secs(5);
/// Time for which a request is repeated.
const REPEATED: Duration = Duration::from_secs(2);

/// The program under test.
#[derive(Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    /// The address of this program, as the program under test sees it.
    host: IpAddr,
    run: u64,
    /// The RFC that an upload server shares; `None`: an index server.
    shared: Option<u64>,
    /// The connection that has reached the program. The first case uses it: some programs do not survive a
    /// connection without a request.
    first: Mutex<Option<TcpStream>>,
}

/// The result of a case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) case: &'static Case,
    pub(crate) time: Duration,
    pub(crate) failed: Option<Failed>,
}

impl Target {
    /// Connects once to find out whether the program answers. `shared` is the RFC that an upload
    /// server shares.
    ///
    /// # Errors
    /// When none of the addresses accepts a connection.
    pub(crate) fn reach(addresses: &[SocketAddr], shared: Option<u64>) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses.iter().copied() {
            let connected = connect(&address, CASE);
            match connected.and_then(|stream| Ok((stream.local_addr()?, stream))) {
                Ok((own, stream)) => {
                    let (host, run) = (own.ip().to_canonical(), Values::numbers_of_run());
                    return Ok(Self { address, host, run, shared, first: Some(stream).into() });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// An upload server that shares this RFC, and the address under which it sees this program.
    pub(super) fn at(address: SocketAddr, host: IpAddr, shared: u64) -> Self {
        let (run, first) = (Values::numbers_of_run(), Mutex::default());
        Self { address, host, run, shared: Some(shared), first }
    }

    /// Numbers that hardly another run uses.
    pub(crate) fn numbers() -> u64 {
        Values::numbers_of_run()
    }

    /// The port of the program.
    #[cfg(target_os = "linux")]
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// A connection whose waits end at the deadline.
    fn connect(&self, deadline: Instant) -> io::Result<Link> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or_else(|| Link::connect(self.address, deadline), |one| Link::new(one, deadline))
    }
}

/// Runs a case; `place` is its place among all cases.
pub(crate) fn run(case: &'static Case, place: usize, target: &Target) -> Outcome {
    let begun = Instant::now();
    let values = Values::new(target.host, target.run, place, target.shared.unwrap_or_default());
    let mut running = Running {
        target,
        values,
        deadline: begun + CASE,
        a: None,
        b: None,
        sent: Vec::new(),
        first: None,
    };
    let steps = match case.test {
        Test::Server(steps) => steps,
        Test::Client(_) => &[],
    };
    let mut left = steps.iter();
    let difference = left.find_map(|step| running.take(step));
    let sent = running.sent.clone();
    left.for_each(|step| running.use_connection(step));
    let failed = difference.map(|difference| Failed {
        hint: difference.hint_of(case),
        sent,
        expected: difference.expected,
        received: difference.received,
        symptom: difference.symptom,
        output: Vec::new(),
        ended: None,
    });
    Outcome { case, time: begun.elapsed(), failed }
}

/// A case while it runs.
struct Running<'a> {
    target: &'a Target,
    values: Values,
    deadline: Instant,
    a: Option<Connection>,
    b: Option<Connection>,
    sent: Vec<(char, Vec<u8>)>,
    /// The first document.
    first: Option<Reply>,
}

struct Connection {
    link: Link,
    role: Role,
    has_replied: bool,
}

enum Role {
    Index(Box<IndexClient>),
    Upload(DocumentClient),
}

impl Running<'_> {
    fn take(&mut self, step: &Step) -> Option<Difference> {
        match step {
            Step::Connect(client) => self.connection(*client).err(),
            Step::Send(client, text) => self.send(*client, text, Link::send),
            Step::SendBytes(client, text) => self.send(*client, text, Link::send_bytes),
            Step::SendFilled(client, text, count) => {
                let text = format!("{text}{}", "x".repeat(*count));
                self.send(*client, &text, Link::send)
            }
            Step::Add(client, text) => {
                let added = self
                    .send(*client, text, Link::send)
                    .or_else(|| self.expect(*client, &Expected::Status(200)));
                added.map(Difference::of_add)
            }
            Step::Expect(client, expected) => self.expect(*client, expected),
            Step::Repeat(client, text, expected) => self.repeat(*client, text, expected),
            Step::Close(client) => {
                if let Some(connection) = self.place(*client).take() {
                    connection.link.close();
                }
                None
            }
            Step::Reset(client) => {
                if let Some(connection) = self.place(*client).take() {
                    connection.link.reset();
                }
                None
            }
        }
    }

    /// After a failure: no connection ends without a request, because some programs do not survive that.
    fn use_connection(&mut self, step: &Step) {
        if let Step::Send(client, text) = step
            && self.place(*client).is_some()
            && self.sent.iter().all(|(name, _)| *name != client.name())
        {
            self.send(*client, text, Link::send);
        }
    }

    fn place(&mut self, client: Client) -> &mut Option<Connection> {
        match client {
            Client::A => &mut self.a,
            Client::B => &mut self.b,
        }
    }

    fn connection(&mut self, client: Client) -> Result<&mut Connection, Difference> {
        let (target, deadline) = (self.target, self.deadline);
        let place = self.place(client);
        if let Some(connection) = place {
            return Ok(connection);
        }
        let refused = |_| Difference {
            symptom: Symptom::NotConnected,
            expected: format!("(a connection to {})", target.address),
            received: Vec::new(),
            hint: None,
            is_second_silent: false,
        };
        let link = target.connect(deadline).map_err(refused)?;
        let role = match target.shared {
            None => Role::Index(Box::new(index_reply::role())),
            Some(_) => Role::Upload(DocumentClient::new()),
        };
        Ok(place.insert(Connection { link, role, has_replied: false }))
    }

    fn send(
        &mut self,
        client: Client,
        text: &str,
        send: fn(&mut Link, &[u8]),
    ) -> Option<Difference> {
        let bytes = self.values.fill(text).into_bytes();
        let result = self.connection(client).map(|connection| send(&mut connection.link, &bytes));
        self.sent.push((client.name(), bytes));
        result.err()
    }

    fn expect(&mut self, client: Client, expected: &Expected) -> Option<Difference> {
        let connection = match self.connection(client) {
            Ok(connection) => connection,
            Err(difference) => return Some(difference),
        };
        let (link, role) = (&mut connection.link, &mut connection.role);
        if matches!(expected, Expected::Nothing) {
            let until = link.now().saturating_add(Duration::from_millis(300));
            return match link.receive(Some(until)) {
                Arrival::Nothing => None,
                Arrival::Bytes(_) if role.is_end_of_last_reply(&link.input) => None,
                Arrival::End => Some(self.differs(Symptom::Closed, expected, Vec::new())),
                Arrival::Bytes(_) => {
                    let received = link.take(usize::MAX);
                    Some(self.differs(Symptom::Surplus, expected, received))
                }
            };
        }
        let mut reply = role.read(link);
        let is_first = !connection.has_replied;
        connection.has_replied |= reply.status.is_some();
        match expected {
            Expected::Form(Form::Refusal) => index_reply::read_surplus(link, &mut reply),
            Expected::Document(DocumentRule::Length | DocumentRule::ClosedAfter) => {
                document_reply::read_to_close(link, &mut reply);
            }
            _ => {}
        }
        let symptom = judge::difference(expected, &reply, self.first.as_ref(), &self.values);
        let difference = symptom.map(|symptom| {
            let mut received = reply.raw.clone();
            received.extend_from_slice(reply.body.get(..64).unwrap_or(&reply.body));
            let is_second = is_first && self.a.is_some() && self.b.is_some();
            let is_second_silent = is_second && symptom == Symptom::Silent;
            Difference { is_second_silent, ..self.differs(symptom, expected, received) }
        });
        if self.first.is_none() && reply.head.is_some() {
            self.first = Some(reply);
        }
        difference
    }

    fn repeat(&mut self, client: Client, text: &str, expected: &Expected) -> Option<Difference> {
        let end = self.deadline.min(Instant::now() + REPEATED);
        let sent = self.sent.len();
        loop {
            self.sent.truncate(sent);
            let difference =
                self.send(client, text, Link::send).or_else(|| self.expect(client, expected))?;
            let is_answered = matches!(
                difference.symptom,
                Symptom::Status | Symptom::Missing | Symptom::Surplus | Symptom::Order
            );
            if !is_answered || Instant::now() >= end {
                return Some(difference);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn differs(&self, symptom: Symptom, expected: &Expected, received: Vec<u8>) -> Difference {
        Difference {
            symptom,
            expected: expected::text(expected, &self.values),
            received,
            hint: None,
            is_second_silent: false,
        }
    }
}

impl Role {
    fn read(&mut self, link: &mut Link) -> Reply {
        match self {
            Self::Index(role) => index_reply::read(link, role),
            Self::Upload(role) => document_reply::read(link, role),
        }
    }

    /// Whether bytes that have arrived after a reply of an index server belong to it.
    fn is_end_of_last_reply(&self, input: &[u8]) -> bool {
        match self {
            Self::Index(role) => role.decoder().is_end_of_last_reply(input),
            Self::Upload(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
