//! A connection to a holder that is being made (protocol.md section 7). Nothing here blocks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use socket2::SockRef;

use super::dialer::HolderDialer;
use super::host_names::HostNames;
use crate::download::model::{Source, TransferError};
use crate::net::{Dialing, WatchedStream};
use crate::system::Direction;

/// A connection attempt to one holder. If the name service has not answered when it is dropped, that is
/// noted.
#[derive(Debug)]
pub(in crate::download) struct Connecting {
    begun: Instant,
    dialing: Dialing,
    names: Arc<HostNames>,
    /// Whether it was reported that the name service is slow.
    is_slow: bool,
}

impl Connecting {
    /// Begins to resolve the name, or to connect if the addresses are known.
    ///
    /// # Errors
    /// When no address of the holder may be connected to.
    pub(in crate::download) fn begin(
        dialer: &HolderDialer,
        source: &Source,
    ) -> Result<Self, TransferError> {
        let begun = Instant::now();
        let (dialing, names) = (dialer.start(source)?, Arc::clone(&dialer.names));
        Ok(Self { begun, dialing, names, is_slow: false })
    }

    /// Whether the name service has not answered yet.
    pub(in crate::download) fn is_resolving(&self) -> bool {
        self.dialing.is_resolving()
    }

    /// The addresses that are connected to, once they are known.
    pub(in crate::download) fn addresses(&self) -> &[SocketAddr] {
        self.dialing.addresses()
    }

    /// Advances as far as is possible without blocking. Returns the connection, or the reason why
    /// there is none.
    ///
    /// No socket options are set: only requests are written, and every read has a deadline.
    pub(in crate::download) fn advance(
        &mut self,
        dialer: &HolderDialer,
        source: &Source,
    ) -> Option<Result<WatchedStream, TransferError>> {
        let was_resolving = self.is_resolving();
        let connected = self.dialing.advance(&|address| dialer.accepts(source, address));
        if was_resolving {
            self.report_lookup(connected.is_some());
        }
        Some(match connected? {
            Ok(stream) => {
                dialer.stats.connected(&source.holder, self.begun.elapsed());
                if let Ok(address) = stream.peer_addr() {
                    self.names.note_connected(source, address.ip());
                }
                Ok(dialer.cancel.watch(stream))
            }
            Err(error) => Err(error.into()),
        })
    }

    fn report_lookup(&mut self, has_failed: bool) {
        let service = &self.names.service;
        if !self.is_resolving() {
            service.found();
        } else if !has_failed && !self.is_slow && service.is_slow_after(self.begun.elapsed()) {
            self.is_slow = true;
            service.note_slow();
        }
    }

    /// The sockets to wait for.
    pub(in crate::download) fn sockets(&self) -> Vec<(SockRef<'_>, Direction)> {
        self.dialing.sockets().collect()
    }

    /// When [`Connecting::advance`] can do something, whatever the sockets do.
    pub(in crate::download) fn next_at(&self, now: Instant) -> Option<Instant> {
        self.dialing.next_at(now)
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if self.is_resolving() {
            self.names.service.not_found(self.begun.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Endpoint;

    /// Once, only lookups that had failed or were overdue were counted. A download whose other holder
    /// answered first dropped its lookups, and the name service was asked for the next names.
    #[test]
    fn lookups_of_dropped_attempts_are_counted() {
        let dialer = HolderDialer::default();
        for number in 0..dialer.limits.lookups_unanswered {
            assert!(!dialer.names.service.is_paused());
            let holder: Endpoint = format!("h{number}.invalid:1").parse().unwrap();
            let mut connecting = Connecting::begin(&dialer, &holder.into()).unwrap();
            connecting.begun = connecting.begun.checked_sub(dialer.limits.lookup_slow).unwrap();
            assert!(connecting.is_resolving());
        }
        assert!(dialer.names.service.is_paused());
    }
}
