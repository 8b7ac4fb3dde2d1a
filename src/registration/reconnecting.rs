//! The thread that stays connected to the index (protocol.md section 4.6).

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::clusters::{Attempts, Next};
use super::event::Event;
use super::present::Present;
use super::shared::{Ended, Shared};
use super::state::State;
use crate::discovery::{IndexError, KnownServer};

impl Present {
    /// Connects, registers, reads, and connects again, until the registration is closed.
    pub(super) fn stay_registered(&self) {
        self.shared().wait_for_earlier();
        let mut attempts = Attempts::new(self.shared().limits);
        loop {
            let shared = self.shared();
            match shared.register_once(&mut attempts) {
                Continuation::Closed => return,
                Continuation::SameServer => {}
                Continuation::OtherServer(server) => {
                    (shared.report)(Event::Moving(server.endpoint.clone()));
                    if !self.replace(shared.with_server(server)) {
                        return;
                    }
                }
            }
        }
    }
}

/// How a registration continues after its connection has ended.
pub(super) enum Continuation {
    Closed,
    SameServer,
    OtherServer(KnownServer),
}

impl Shared {
    /// Connects, registers and reads until the connection ends, and waits until the next attempt.
    pub(super) fn register_once(&self, attempts: &mut Attempts) -> Continuation {
        let mut registered = None;
        // A panic costs the connection, and not the registration.
        let join = || self.join_and_read(&mut registered);
        let joined = catch_unwind(AssertUnwindSafe(join)).unwrap_or_else(|_| {
            let source = io::Error::other("this program failed; see the message above");
            Err(IndexError::Lost { index: self.index.clone(), source })
        });
        let Err(error) = joined else { return Continuation::Closed };
        self.settle();
        let error = Arc::new(error);
        match self.end_connection(&error) {
            Ended::Closed => return Continuation::Closed,
            Ended::Planned => return Continuation::SameServer,
            Ended::Lost => {}
        }
        // A connection on which nothing was registered does not count as success.
        if registered.is_some_and(|since| since.elapsed() >= self.limits.lasting_connection) {
            attempts.reset();
        }
        if let IndexError::OtherOfCluster { cluster, with, .. } = &*error {
            (self.report)(Event::StandingBy { cluster: cluster.clone(), with: with.clone() });
            self.stand_by(cluster);
            return match self.advance(State::Connecting) {
                true => Continuation::SameServer,
                false => Continuation::Closed,
            };
        }
        let is_full = matches!(*error, IndexError::Refused { .. });
        let Next { pause, server } = self.next_attempt(attempts, is_full);
        (self.report)(Event::Away(error, pause));
        if !self.wait_before_joining(pause) {
            return Continuation::Closed;
        }
        self.dialect.ask_again();
        server.map_or(Continuation::SameServer, Continuation::OtherServer)
    }

    /// Waits before the next attempt; `false` if the registration is closed meanwhile.
    fn wait_before_joining(&self, pause: Duration) -> bool {
        let is_open = |state: &mut State| !matches!(state, State::Closing);
        drop(self.changed.wait_timeout_while(self.lock(), pause, is_open));
        self.advance(State::Connecting)
    }
}
