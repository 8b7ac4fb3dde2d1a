//! One GET up to the head of its reply, or up to the beginning of the document: resolving,
//! connecting, asking (protocol.md sections 5.1 and 7). Nothing here waits but [`Exchange::run`], so
//! that several attempts can run at the same time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::pipeline::{HolderConnection, Pipeline};
use super::reading::{read_beginning, read_head};
use super::request::{Answer, GetRequest};
use crate::download::dialing::Trial;
use crate::download::dialing::{Connecting, Dialer};
use crate::download::model::Source;
use crate::download::model::TransferError;
use crate::limits;
use crate::net::{not_connected_in_time, send};
use crate::protocol::DocumentReplyDecoder;
use crate::system::{Direction, wait_for_any};

/// How often a waiting attempt looks whether it is still request.
const LOOK: Duration = Duration::from_millis(50);

/// A GET whose reply is awaited.
#[derive(Debug)]
pub(in crate::download) struct Exchange<'a> {
    source: &'a Source,
    question: GetRequest<'a>,
    /// Whether the holder is asked to keep its connection open.
    is_lasting: bool,
    begun: Instant,
    state: State,
    /// Where it is asked, once a connection is made that was not kept open.
    addresses: Vec<SocketAddr>,
    /// Held for a holder that has not delivered anything yet.
    trial: Option<Trial>,
}

#[derive(Debug)]
enum State {
    Connecting(Connecting),
    Asked {
        line: HolderConnection,
        decoder: Box<DocumentReplyDecoder>,
        is_kept: bool,
    },
    /// The head has come, and what has come of the document is in the input of the line.
    Begun {
        /// Since when the rate is measured, and what had come by then.
        since: Instant,
        before: usize,
        answer: Box<Answer>,
        line: HolderConnection,
    },
    Over,
}

/// How long a reply is awaited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::download) enum Patience {
    /// For a holder that has not delivered anything yet, while others are left to ask: the beginning
    /// of its document must come at this many bytes a second.
    Short(u64),
    Full,
}

impl Patience {
    fn time(self) -> Duration {
        match self {
            Self::Short(_) => limits::FIRST_BYTE_UNPROVEN,
            Self::Full => limits::FIRST_BYTE,
        }
    }

    /// The bytes of the document that must come in each such time.
    fn bytes(self) -> u64 {
        let bytes_per_second = match self {
            Self::Short(bytes_per_second) => bytes_per_second,
            Self::Full => limits::RATE_BYTES / limits::RATE_TIME.as_secs().max(1),
        };
        bytes_per_second.saturating_mul(self.time().as_secs())
    }
}

/// A reply whose head has come, and the connection over which the rest comes.
pub(in crate::download) type Reply = (Answer, HolderConnection);

impl<'a> Exchange<'a> {
    /// Begins, over the connection that is kept open if that leads to this holder.
    ///
    /// # Errors
    /// When no address of the holder may be connected to.
    pub(in crate::download) fn begin(
        dialer: &Dialer,
        pipeline: &mut Pipeline,
        source: &'a Source,
        question: GetRequest<'a>,
        trial: Option<Trial>,
    ) -> Result<Self, TransferError> {
        let state = match pipeline.ask_over_kept(source, &question) {
            Some(line) => State::Asked { line, decoder: Box::default(), is_kept: true },
            None => State::Connecting(Connecting::begin(dialer, source)?),
        };
        let (is_lasting, begun) = (pipeline.is_lasting(), Instant::now());
        Ok(Self { source, question, is_lasting, begun, state, addresses: Vec::new(), trial })
    }

    /// How long it has gone on.
    pub(in crate::download) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// Ends it; the trial can go on with another question.
    pub(in crate::download) fn into_trial(self) -> Option<Trial> {
        self.trial
    }

    /// How much of the document has come.
    pub(in crate::download) fn received(&self) -> u64 {
        match &self.state {
            State::Begun { line, .. } => line.input.len() as u64,
            State::Connecting(_) | State::Asked { .. } | State::Over => 0,
        }
    }

    /// It has failed, or is given up.
    pub(in crate::download) fn not_answered(&self, dialer: &Dialer) {
        if let State::Connecting(connecting) = &self.state {
            connecting.give_up(dialer);
        }
        dialer.stats.no_answer(&self.source.holder, self.addresses());
    }

    /// The addresses at which the holder is asked, as far as they are known.
    fn addresses(&self) -> &[SocketAddr] {
        match &self.state {
            State::Connecting(connecting) => connecting.addresses(),
            State::Asked { .. } | State::Begun { .. } | State::Over => &self.addresses,
        }
    }

    /// Why it is given up, if the holder has not answered in time, or if the document comes too
    /// slowly.
    pub(in crate::download) fn overdue(
        &mut self,
        now: Instant,
        patience: Patience,
    ) -> Option<TransferError> {
        let is_overdue = match &mut self.state {
            State::Begun { since, before, line, .. } => {
                let is_over = now.saturating_duration_since(*since) >= patience.time();
                let came = line.input.len().saturating_sub(*before) as u64;
                let is_slow = is_over && came < patience.bytes();
                if is_over && !is_slow {
                    (*since, *before) = (now, line.input.len());
                }
                is_slow
            }
            State::Connecting(_) | State::Asked { .. } | State::Over => {
                self.age(now) >= patience.time()
            }
        };
        is_overdue.then(|| match patience {
            Patience::Short(_) => TransferError::Deferred(self.age(now)),
            Patience::Full => self.timed_out(),
        })
    }

    /// Why it failed, if it is given up now.
    fn timed_out(&self) -> TransferError {
        match &self.state {
            State::Connecting(_) => TransferError::Unreachable(not_connected_in_time()),
            State::Begun { since, before, line, .. } => {
                let bytes = line.input.len().saturating_sub(*before) as u64;
                TransferError::TooSlow { bytes, time: since.elapsed() }
            }
            State::Asked { .. } | State::Over => TransferError::Silent(self.begun.elapsed()),
        }
    }

    /// When [`Exchange::overdue`] may find something, unless more of the reply comes.
    pub(in crate::download) fn overdue_at(&self, patience: Patience) -> Option<Instant> {
        match self.state {
            State::Begun { .. } => None,
            _ => Some(self.begun + patience.time()),
        }
    }

    /// Does what can be done without waiting; returns the reply when its head and at least this
    /// much of the document have come, or why there is none.
    pub(in crate::download) fn advance(
        &mut self,
        dialer: &Dialer,
        beginning: u64,
    ) -> Option<Result<Reply, TransferError>> {
        if let State::Connecting(connecting) = &mut self.state {
            let advanced = connecting.advance(dialer, self.source);
            if let Some(trial) = &mut self.trial
                && !connecting.is_resolving()
            {
                trial.resolved();
            }
            let connected = match advanced? {
                Ok(stream) => HolderConnection::new(self.source, stream),
                Err(error) => Err(error),
            };
            self.addresses = connecting.addresses().to_vec();
            let mut request = Vec::new();
            self.question.encode(self.is_lasting, &mut request);
            let asked = connected.and_then(|line| {
                send(line.stream(), &request).map_err(TransferError::Lost)?;
                Ok(line)
            });
            let line = match asked {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            self.state = State::Asked { line, decoder: Box::default(), is_kept: false };
            // The reply cannot be there yet.
            return None;
        }
        if let State::Asked { line, decoder, is_kept } = &mut self.state {
            let result = match read_head(line, decoder)? {
                Err(error) if *is_kept && line.input.is_empty() && was_closed(&error) => {
                    match Connecting::begin(dialer, self.source) {
                        Ok(connecting) => {
                            self.state = State::Connecting(connecting);
                            return None;
                        }
                        Err(error) => return Some(Err(error)),
                    }
                }
                result => result,
            };
            if let Ok(_) | Err(TransferError::Refused(_)) = &result {
                dialer.stats.answered(&self.source.holder);
            }
            let State::Asked { line, .. } = std::mem::replace(&mut self.state, State::Over) else {
                return None;
            };
            match result {
                Ok(answer) => {
                    let (since, answer) = (Instant::now(), Box::new(answer));
                    self.state = State::Begun { since, before: 0, answer, line };
                }
                Err(error) => return Some(Err(error)),
            }
        }
        let State::Begun { answer, line, .. } = &mut self.state else { return None };
        let beginning = answer.0.content_length.map_or(beginning, |length| length.min(beginning));
        if let Err(error) = read_beginning(line, beginning)? {
            return Some(Err(TransferError::Lost(error)));
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begun { answer, line, .. } => Some(Ok((*answer, line))),
            _ => None,
        }
    }

    /// The sockets that are waited for.
    pub(in crate::download) fn sockets(&self) -> Vec<(SockRef<'_>, Direction)> {
        match &self.state {
            State::Connecting(connecting) => connecting.sockets(),
            State::Asked { line, .. } | State::Begun { line, .. } => {
                vec![(SockRef::from(line.stream()), Direction::Read)]
            }
            State::Over => Vec::new(),
        }
    }

    /// When [`Exchange::advance`] can do something, whatever the sockets do.
    pub(in crate::download) fn next_at(&self, now: Instant) -> Option<Instant> {
        match &self.state {
            State::Connecting(connecting) => connecting.next_at(now),
            State::Asked { .. } | State::Begun { .. } | State::Over => None,
        }
    }

    /// Waits for the reply and this much of the document, as long as `is_wanted` says.
    pub(in crate::download) fn run(
        mut self,
        dialer: &Dialer,
        patience: Patience,
        beginning: u64,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Reply, TransferError> {
        loop {
            let now = Instant::now();
            let ended = match self.advance(dialer, beginning) {
                Some(result) => Some(result),
                None => self.overdue(now, patience).map(Err),
            };
            if let Some(result) = ended {
                if result.is_err() {
                    self.not_answered(dialer);
                }
                return result;
            }
            if !is_wanted() || dialer.cancel.is_cancelled() {
                return Err(self.timed_out());
            }
            let until = self.next_at(now).unwrap_or(now + LOOK).min(now + LOOK);
            let until = self.overdue_at(patience).map_or(until, |at| at.min(until));
            wait_for_any(&self.sockets(), until.saturating_duration_since(now))
                .map_err(TransferError::Lost)?;
        }
    }
}

/// Whether a holder has closed a connection that it had kept open, as it may between two documents.
fn was_closed(error: &TransferError) -> bool {
    matches!(error, TransferError::NoReply | TransferError::Lost(_))
}
