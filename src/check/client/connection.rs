//! A connection of the program under test, served in a thread: its requests go to the session, and
//! the replies of the session go back.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{Answer, Then};
use super::received::Received;
use crate::limits;
use crate::protocol::dialect::{CompatReader, StyleSettings};
use crate::protocol::role::{DocumentServer, IndexServer, RequestEvent, RequestMeaning};

/// Time from the first byte of a request to its end.
const REQUEST: Duration = Duration::from_secs(5);
/// Silence ends a request this much later than in compatibility mode, because nothing is gained by
/// a fast reply, and the program may be slow.
const MORE_SILENCE: Duration = Duration::from_millis(200);
/// Time for which a client may keep the connection of a document open, and not read a reply.
const CLOSING: Duration = Duration::from_secs(2);

/// Time for a reset to arrive.
const RESET: Duration = Duration::from_millis(30);

/// The number of a connection.
pub(super) type Id = usize;

/// What happens on a connection.
#[derive(Debug)]
pub(super) enum Event {
    /// A connection to the index server.
    Begun(Id),
    /// A request, which is answered with this sender.
    Request(Id, Received, Sender<Answer>),
    /// Bytes that belong to no request.
    Stray(Vec<u8>),
    /// The reply was sent.
    Sent(Id),
    /// The connection has ended.
    Ended(Id, End),
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The program has closed it.
    Closed,
    /// The program has reset it: it has closed it with bytes that it had not read.
    Reset,
    /// The program has not closed it in time.
    Late,
}

/// The role of this program on a connection. It reads requests in every form of protocol.md appendix B,
/// so that a program fails only the rules that it breaks.
pub(super) enum Server {
    Index(IndexServer),
    Upload(DocumentServer),
}

/// What a role finds.
struct Found {
    used: usize,
    meaning: Meaning,
}

enum Meaning {
    Request,
    /// Faulty, so that its end may be unknown.
    Fault,
    Stray,
    Leaving,
    Closed,
}

impl Server {
    pub(super) fn index(client: SocketAddr) -> Self {
        let limits = limits::Server { head_deadline: REQUEST, ..limits::Server::DEFAULT };
        let reader = CompatReader::new(client, StyleSettings::default());
        Self::Index(IndexServer::with_limits(&limits).compatible(reader))
    }

    pub(super) fn upload(client: SocketAddr) -> Self {
        let limits = limits::Uploads { head_deadline: REQUEST, ..limits::Uploads::DEFAULT };
        let reader = CompatReader::new(client, StyleSettings::default());
        Self::Upload(DocumentServer::with_limits(&limits).compatible(reader))
    }

    fn next(&mut self, input: &[u8], now: Duration) -> Option<Found> {
        match self {
            Self::Index(role) => role.next(input, || now).map(Found::from),
            Self::Upload(role) => role.next(input, || now).map(Found::from),
        }
    }

    fn wait(&mut self, now: Duration) -> Option<Duration> {
        match self {
            Self::Index(role) => role.wait(|| now),
            // A person may be slow between the connection and the request.
            Self::Upload(role) => Some(role.wait(|| now)),
        }
    }

    fn on_timeout(&mut self, now: Duration) -> Option<Found> {
        match self {
            Self::Index(role) => role.on_timeout(now).map(Found::from),
            Self::Upload(role) => role.on_timeout(now).map(Found::from),
        }
    }

    fn on_end(&mut self) -> Option<Found> {
        match self {
            Self::Index(role) => role.on_end().map(Found::from),
            Self::Upload(role) => role.on_end().map(Found::from),
        }
    }
}

impl<R> From<RequestEvent<R>> for Found {
    fn from(event: RequestEvent<R>) -> Self {
        let meaning = match event.meaning {
            RequestMeaning::Request(_) => Meaning::Request,
            RequestMeaning::Fault(_) => Meaning::Fault,
            RequestMeaning::EmptyLines | RequestMeaning::Joined | RequestMeaning::LateEnd => {
                Meaning::Stray
            }
            RequestMeaning::Leaving => Meaning::Leaving,
            RequestMeaning::Closed => Meaning::Closed,
        };
        Self { used: event.used, meaning }
    }
}

/// Serves a connection to its end.
pub(super) fn serve(stream: TcpStream, id: Id, server: Server, events: Sender<Event>) {
    let begun = Instant::now();
    if matches!(server, Server::Index(_)) {
        let _ = events.send(Event::Begun(id));
    }
    let address = |address: io::Result<SocketAddr>| {
        address.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip().to_canonical())
    };
    let addresses = [address(stream.peer_addr()), address(stream.local_addr())];
    let input = Vec::new();
    let mut connection = Connection { stream, id, addresses, server, events, input, begun };
    let end = connection.run();
    // The session may be over.
    let _ = connection.events.send(Event::Ended(id, end));
}

struct Connection {
    stream: TcpStream,
    id: Id,
    /// That of the program, and that of this side.
    addresses: [IpAddr; 2],
    server: Server,
    events: Sender<Event>,
    input: Vec<u8>,
    begun: Instant,
}

impl Connection {
    fn run(&mut self) -> End {
        loop {
            let found = match self.server.next(&self.input, self.begun.elapsed()) {
                Some(found) => found,
                None => match self.fill() {
                    Ok(Some(found)) => found,
                    Ok(None) => continue,
                    Err(end) => return end,
                },
            };
            let is_unframed = matches!(found.meaning, Meaning::Fault) && found.used == 0;
            let used = if is_unframed { self.input.len() } else { found.used };
            let raw: Vec<u8> = self.input.drain(..used.min(self.input.len())).collect();
            let then = match found.meaning {
                Meaning::Closed => return End::Closed,
                Meaning::Stray => {
                    let _ = self.events.send(Event::Stray(raw));
                    continue;
                }
                Meaning::Leaving => {
                    let _ = self.events.send(Event::Stray(raw));
                    let _ = self.stream.write_all(b"P2P-CI/1.0 200 OK\r\n\r\n");
                    Ok(Then::Close)
                }
                Meaning::Request | Meaning::Fault => self.answer(raw),
            };
            match then {
                Ok(Then::Read) if !is_unframed => {}
                Ok(Then::Wait) => return self.wait_for_end(),
                Ok(_) => {
                    let _ = self.stream.shutdown(Shutdown::Write);
                    return self.wait_for_end();
                }
                Err(end) => return end,
            }
        }
    }

    /// Reads once, until the deadline of the role.
    fn fill(&mut self) -> Result<Option<Found>, End> {
        let deadline = self.server.wait(self.begun.elapsed());
        let left = deadline.map(|deadline| {
            deadline.saturating_add(MORE_SILENCE).saturating_sub(self.begun.elapsed())
        });
        let left = left.map(|left| left.max(Duration::from_millis(1)));
        self.stream.set_read_timeout(left).map_err(|_| End::Closed)?;
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Ok(self.server.on_end()),
            Ok(count) => {
                self.input.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(None)
            }
            Err(error) if is_timeout(&error) => Ok(self.server.on_timeout(self.begun.elapsed())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(_) => Err(End::Reset),
        }
    }

    /// Asks the session for the reply, and sends it.
    fn answer(&mut self, raw: Vec<u8>) -> Result<Then, End> {
        let (sender, answer): (Sender<Answer>, Receiver<Answer>) = channel();
        let [client, server] = self.addresses;
        let request = Event::Request(self.id, Received::new(raw, client, server), sender);
        self.events.send(request).map_err(|_| End::Closed)?;
        let answer = answer.recv().map_err(|_| End::Closed)?;
        let _ = self.stream.set_write_timeout(Some(CLOSING));
        let last = answer.pieces.len().saturating_sub(1);
        for (place, piece) in answer.pieces.iter().enumerate() {
            self.stream.write_all(piece).map_err(|error| match is_timeout(&error) {
                true => End::Late,
                false => End::Reset,
            })?;
            if place < last {
                thread::sleep(answer.pause);
            }
        }
        self.events.send(Event::Sent(self.id)).map_err(|_| End::Closed)?;
        Ok(answer.then)
    }

    /// Waits until the program closes the connection.
    fn wait_for_end(&mut self) -> End {
        let deadline = Instant::now() + CLOSING;
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
                return End::Late;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    // What the program closed without reading it is answered with a reset.
                    thread::sleep(RESET);
                    let is_reset = !matches!(self.stream.take_error(), Ok(None));
                    return if is_reset { End::Reset } else { End::Closed };
                }
                // A further request is not answered: the reply has said that the connection ends.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return End::Late,
                Err(_) => return End::Reset,
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
