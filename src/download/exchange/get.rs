//! One GET up to the head of its response, or up to the beginning of the document: resolve, connect,
//! send the request, read (protocol.md sections 5.1 and 7).
//!
//! Only [`Exchange::run`] waits, so one thread can run several exchanges at the same time.

use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::connection::HolderConnection;
use super::patience::Patience;
use super::pipeline::Pipeline;
use super::reading::{read_beginning, read_head};
use super::request::GetRequest;
use crate::download::dialing::{Connecting, HolderDialer, Trial};
use crate::download::model::{Source, TransferError};
use crate::limits;
use crate::net::{not_connected_in_time, send};
use crate::protocol::DocumentHead;
use crate::system::{Direction, wait_for_any};

/// How often a waiting exchange checks whether it is still wanted.
const POLL: Duration = Duration::from_millis(50);
/// How often a connection is polled that has no socket to wait for.
const UNREADY_POLL: Duration = Duration::from_millis(2);

/// A GET whose response is awaited.
#[derive(Debug)]
pub(in crate::download) struct Exchange<'a> {
    source: &'a Source,
    request: GetRequest<'a>,
    /// Whether the holder is asked to keep its connection open.
    keep_alive: bool,
    begun: Instant,
    state: State,
    /// The addresses that a new connection was made to.
    addresses: Vec<SocketAddr>,
    /// Held for an unproven holder.
    trial: Option<Trial>,
}

#[derive(Debug)]
enum State {
    Connecting(Connecting),
    /// The request was sent.
    Sent {
        connection: HolderConnection,
        /// Whether the connection was kept open after another exchange.
        is_kept: bool,
    },
    /// The head has arrived. The connection's input is the beginning of the document.
    Begun {
        /// When the current measurement of the rate began, and the bytes that were there by then.
        since: Instant,
        before: usize,
        response: Box<Response>,
    },
    Over,
}

/// The head of a response, and the connection on which the document follows.
#[derive(Debug)]
pub(in crate::download) struct Response {
    pub(in crate::download) head: DocumentHead,
    pub(in crate::download) connection: HolderConnection,
}

impl<'a> Exchange<'a> {
    /// Begins an exchange, over the connection that is kept open if it leads to this source.
    ///
    /// # Errors
    /// When no address of the holder may be connected to.
    pub(in crate::download) fn begin(
        dialer: &HolderDialer,
        pipeline: &mut Pipeline,
        source: &'a Source,
        request: GetRequest<'a>,
        trial: Option<Trial>,
    ) -> Result<Self, TransferError> {
        let state = match pipeline.send_over_kept(source, &request) {
            Some(connection) => State::Sent { connection, is_kept: true },
            None => State::Connecting(Connecting::begin(dialer, source)?),
        };
        let (keep_alive, begun) = (pipeline.keeps_alive(), Instant::now());
        Ok(Self { source, request, keep_alive, begun, state, addresses: Vec::new(), trial })
    }

    /// How long the exchange has been running.
    pub(in crate::download) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// Ends the exchange; the trial can be used for another request to the holder.
    pub(in crate::download) fn into_trial(self) -> Option<Trial> {
        self.trial
    }

    /// The bytes of the document that have arrived.
    pub(in crate::download) fn received(&self) -> u64 {
        match &self.state {
            State::Begun { response, .. } => response.connection.input.len() as u64,
            State::Connecting(_) | State::Sent { .. } | State::Over => 0,
        }
    }

    /// The bytes of the document that have arrived in the current period, and its time.
    pub(in crate::download) fn recent(&self, now: Instant) -> Option<(u64, Duration)> {
        let State::Begun { since, before, response } = &self.state else { return None };
        let bytes = response.connection.input.len().saturating_sub(*before) as u64;
        Some((bytes, now.saturating_duration_since(*since)))
    }

    /// Notes that the exchange has failed, or is given up.
    pub(in crate::download) fn note_failure(&self, dialer: &HolderDialer) {
        dialer.stats.no_answer(&self.source.holder, self.addresses());
    }

    /// The addresses that are connected to, as far as they are known.
    fn addresses(&self) -> &[SocketAddr] {
        match &self.state {
            State::Connecting(connecting) => connecting.addresses(),
            State::Sent { .. } | State::Begun { .. } | State::Over => &self.addresses,
        }
    }

    /// Returns an error if the holder has not answered in time, or the document arrives too slowly.
    pub(in crate::download) fn overdue(
        &mut self,
        now: Instant,
        patience: Patience,
    ) -> Option<TransferError> {
        let is_overdue = match &mut self.state {
            State::Begun { since, before, response } => {
                let length = response.connection.input.len();
                let is_over = now.saturating_duration_since(*since) >= patience.period;
                let received = length.saturating_sub(*before) as u64;
                let quarter = response.head.content_length.filter(|_| patience.of_quarters);
                // Of a few missing bytes, too: rounded down, none would be expected.
                let least =
                    quarter.map_or(patience.bytes, |length| patience.bytes.min(length.div_ceil(4)));
                let is_slow = is_over && received < least;
                if is_over && !is_slow {
                    (*since, *before) = (now, length);
                }
                is_slow
            }
            State::Connecting(_) | State::Sent { .. } | State::Over => {
                self.age(now) >= patience.time
            }
        };
        is_overdue.then(|| match patience.is_short {
            true => TransferError::Deferred(self.age(now)),
            false => self.timed_out(),
        })
    }

    /// The error of an exchange that is given up now.
    fn timed_out(&self) -> TransferError {
        match &self.state {
            State::Connecting(_) => TransferError::Unreachable(not_connected_in_time()),
            State::Begun { since, before, response } => {
                let bytes = response.connection.input.len().saturating_sub(*before) as u64;
                TransferError::TooSlow { bytes, time: since.elapsed() }
            }
            State::Sent { .. } | State::Over => TransferError::Silent(self.begun.elapsed()),
        }
    }

    /// When [`Exchange::overdue`] may return an error, unless more of the response arrives.
    pub(in crate::download) fn overdue_at(&self, patience: Patience) -> Option<Instant> {
        match self.state {
            State::Begun { .. } => None,
            _ => Some(limits::end_of(self.begun, patience.time)),
        }
    }

    /// Does what is possible without waiting. Returns the response when its head and at least
    /// `beginning` bytes of the document have arrived.
    pub(in crate::download) fn advance(
        &mut self,
        dialer: &HolderDialer,
        beginning: u64,
    ) -> Option<Result<Response, TransferError>> {
        match &self.state {
            State::Connecting(_) => return self.connect(dialer)?.err().map(Err),
            State::Sent { .. } => {
                if let Err(error) = self.read_head(dialer)? {
                    return Some(Err(error));
                }
            }
            State::Begun { .. } | State::Over => {}
        }
        let State::Begun { response, .. } = &mut self.state else { return None };
        let Response { head, connection } = &mut **response;
        let length = head.content_length;
        let beginning = length.map_or(beginning, |length| length.min(beginning));
        if let Err(error) = read_beginning(connection, beginning)? {
            return Some(Err(TransferError::Lost(error)));
        }
        match mem::replace(&mut self.state, State::Over) {
            State::Begun { response, .. } => Some(Ok(*response)),
            _ => None,
        }
    }

    /// Connects, and sends the request when the connection is made.
    fn connect(&mut self, dialer: &HolderDialer) -> Option<Result<(), TransferError>> {
        let State::Connecting(connecting) = &mut self.state else { return None };
        let connected = connecting.advance(dialer, self.source);
        if let Some(trial) = &mut self.trial
            && !connecting.is_resolving()
        {
            trial.resolved();
        }
        let connected = connected?.and_then(|stream| HolderConnection::new(self.source, stream));
        self.addresses = connecting.addresses().to_vec();
        let mut bytes = Vec::new();
        self.request.encode(self.keep_alive, &mut bytes);
        let sent = connected.and_then(|mut connection| {
            connection.role.expect_reply();
            send(connection.stream(), &bytes).map_err(TransferError::Lost)?;
            Ok(connection)
        });
        Some(sent.map(|connection| {
            self.state = State::Sent { connection, is_kept: false };
        }))
    }

    /// Reads the head. If the holder has closed a connection that was kept open, connects again.
    fn read_head(&mut self, dialer: &HolderDialer) -> Option<Result<(), TransferError>> {
        let State::Sent { connection, is_kept } = &mut self.state else { return None };
        let result = read_head(connection)?;
        if let Err(error) = &result
            && *is_kept
            && connection.input.is_empty()
            && was_closed(error)
        {
            return match Connecting::begin(dialer, self.source) {
                Ok(connecting) => {
                    self.state = State::Connecting(connecting);
                    None
                }
                Err(error) => Some(Err(error)),
            };
        }
        if let Ok(_) | Err(TransferError::Refused(_)) = &result {
            dialer.stats.answered(&self.source.holder);
        }
        let State::Sent { connection, .. } = mem::replace(&mut self.state, State::Over) else {
            return None;
        };
        Some(result.map(|head| {
            let response = Box::new(Response { head, connection });
            self.state = State::Begun { since: Instant::now(), before: 0, response };
        }))
    }

    /// The sockets that are waited for.
    pub(in crate::download) fn sockets(&self) -> Vec<(SockRef<'_>, Direction)> {
        let connection = match &self.state {
            State::Connecting(connecting) => return connecting.sockets(),
            State::Sent { connection, .. } => connection,
            State::Begun { response, .. } => &response.connection,
            State::Over => return Vec::new(),
        };
        let socket = connection.stream().tcp().map(SockRef::from);
        socket.map(|socket| (socket, Direction::Read)).into_iter().collect()
    }

    /// When [`Exchange::advance`] can do something, whatever the sockets do.
    pub(in crate::download) fn next_at(&self, now: Instant) -> Option<Instant> {
        match &self.state {
            State::Connecting(connecting) => connecting.next_at(now),
            State::Sent { connection, .. } => unready_at(connection, now),
            State::Begun { response, .. } => unready_at(&response.connection, now),
            State::Over => None,
        }
    }

    /// Waits for the response and `beginning` bytes of the document, as long as `is_wanted` is true.
    pub(in crate::download) fn run(
        mut self,
        dialer: &HolderDialer,
        patience: Patience,
        beginning: u64,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Response, TransferError> {
        loop {
            let now = Instant::now();
            let ended = match self.advance(dialer, beginning) {
                Some(result) => Some(result),
                None => self.overdue(now, patience).map(Err),
            };
            if let Some(result) = ended {
                if result.is_err() {
                    self.note_failure(dialer);
                }
                return result;
            }
            if !is_wanted() || dialer.cancel.is_cancelled() {
                return Err(self.timed_out());
            }
            let until = self.next_at(now).unwrap_or(now + POLL).min(now + POLL);
            let until = self.overdue_at(patience).map_or(until, |at| at.min(until));
            wait_for_any(&self.sockets(), until.saturating_duration_since(now))
                .map_err(TransferError::Lost)?;
        }
    }
}

/// When a connection without a socket to wait for may have bytes.
fn unready_at(connection: &HolderConnection, now: Instant) -> Option<Instant> {
    connection.stream().tcp().is_none().then_some(now + UNREADY_POLL)
}

/// Whether a holder has closed a connection that it had kept open, as it may between two documents.
fn was_closed(error: &TransferError) -> bool {
    matches!(error, TransferError::NoReply | TransferError::Lost(_))
}

/// The response that arrives on a connection on which a request was sent.
#[cfg(test)]
pub(in crate::download) fn response_on(
    mut connection: HolderConnection,
) -> Result<Response, TransferError> {
    connection.role.expect_reply();
    loop {
        if let Some(head) = read_head(&mut connection) {
            return Ok(Response { head: head?, connection });
        }
        std::thread::yield_now();
    }
}
