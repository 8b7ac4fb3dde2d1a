//! A connection to a holder that is being made (protocol.md section 7). Nothing here waits.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::dialer::Dialer;
use crate::download::model::{Source, TransferError};
use crate::limits;
use crate::net::{Dial, Resolution, WatchedStream};
use crate::system::Direction;

/// How often the name service is looked after while sockets are waited for.
const RESOLUTION_POLL: Duration = Duration::from_millis(10);

/// A connection attempt to one holder.
#[derive(Debug)]
pub(in crate::download) struct Connecting {
    begun: Instant,
    state: State,
    /// Those that may be connected to, as soon as they are known.
    addresses: Vec<SocketAddr>,
    /// Whether the name service was asked just now.
    is_new: bool,
    /// Whether it was noted that the name service is slow.
    is_slow: bool,
}

#[derive(Debug)]
enum State {
    Resolving(Resolution),
    Dialling(Dial),
}

impl Connecting {
    /// Begins.
    ///
    /// # Errors
    /// When no address of the holder may be connected to.
    pub(in crate::download) fn begin(
        dialer: &Dialer,
        source: &Source,
    ) -> Result<Self, TransferError> {
        let holder = &source.holder;
        let begun = Instant::now();
        let mut addresses = Vec::new();
        let state = match dialer.names.cache.known(source) {
            Some(known) => {
                addresses = dialer.permitted(source, known)?;
                State::Dialling(Dial::new(addresses.clone()))
            }
            None => State::Resolving(Resolution::begin(holder.host.as_str(), holder.port.value())),
        };
        Ok(Self { begun, state, addresses, is_new: true, is_slow: false })
    }

    /// It has failed, or is given up.
    pub(in crate::download) fn give_up(&self, dialer: &Dialer) {
        if let State::Resolving(_) = self.state {
            dialer.names.service.not_found(self.begun.elapsed());
        }
    }

    /// Whether the name service has not answered yet.
    pub(in crate::download) fn is_resolving(&self) -> bool {
        matches!(self.state, State::Resolving(_))
    }

    /// The addresses that are connected to, as far as they are known.
    pub(in crate::download) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Does what can be done without waiting; returns the connection, or why there is none.
    ///
    /// The connection has no options: all that is written to it are requests, and every read has
    /// a deadline.
    pub(in crate::download) fn advance(
        &mut self,
        dialer: &Dialer,
        source: &Source,
    ) -> Option<Result<WatchedStream, TransferError>> {
        if let State::Resolving(resolution) = &mut self.state {
            // Names of this machine and of its network are resolved in no time.
            let time = if self.is_new { RESOLUTION_POLL / 2 } else { Duration::ZERO };
            self.is_new = false;
            let lookups = &dialer.names.service;
            let Some(found) = resolution.wait(time) else {
                if !self.is_slow && self.begun.elapsed() >= limits::LOOKUP_SLOW {
                    self.is_slow = true;
                    lookups.note_slow();
                }
                return None;
            };
            let addresses = match found {
                Ok(addresses) => addresses,
                Err(error) => return Some(Err(TransferError::Unreachable(error))),
            };
            lookups.found();
            dialer.names.cache.resolved(&source.holder, &addresses);
            match dialer.permitted(source, addresses) {
                Ok(addresses) => {
                    self.addresses.clone_from(&addresses);
                    self.state = State::Dialling(Dial::new(addresses));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        let State::Dialling(dial) = &mut self.state else { return None };
        Some(match dial.advance(Instant::now())? {
            Ok(stream) => {
                dialer.stats.connected(&source.holder, self.begun.elapsed());
                Ok(dialer.cancel.watch(stream))
            }
            Err(error) => {
                dialer.names.cache.forget(&source.holder);
                Err(TransferError::Unreachable(error))
            }
        })
    }

    /// The sockets that are waited for.
    pub(in crate::download) fn sockets(&self) -> Vec<(SockRef<'_>, Direction)> {
        match &self.state {
            State::Resolving(_) => Vec::new(),
            State::Dialling(dial) => dial.sockets().collect(),
        }
    }

    /// When [`Connecting::advance`] can do something, whatever the sockets do.
    pub(in crate::download) fn next_at(&self, now: Instant) -> Option<Instant> {
        match &self.state {
            State::Resolving(_) => Some(now + RESOLUTION_POLL),
            State::Dialling(dial) => dial.next_at(),
        }
    }
}
