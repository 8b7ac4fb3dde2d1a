//! The thread that stays connected to the index (protocol.md section 4.6).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::event::Event;
use super::shared::{Ended, Shared};
use super::state::State;
use crate::discovery::IndexError;
use crate::limits;

impl Shared {
    /// Connects, registers, reads, and connects again, until the registration is closed.
    pub(super) fn stay_registered(&self) {
        let mut pause = self.limits.reconnect;
        loop {
            let mut registered = None;
            // A panic costs the connection, and not the registration.
            let join = || self.join_and_read(&mut registered);
            let joined = catch_unwind(AssertUnwindSafe(join)).unwrap_or_else(|_| {
                let source = io::Error::other("this program failed; see the message above");
                Err(IndexError::Lost { index: self.index.clone(), source })
            });
            let Err(error) = joined else { return };
            let error = Arc::new(error);
            match self.end_connection(&error) {
                Ended::Closed => return,
                Ended::Planned => continue,
                Ended::Lost => {}
            }
            // A connection on which nothing was registered does not count as success.
            if registered.is_some_and(|since| since.elapsed() >= self.limits.lasting_connection) {
                pause = self.limits.reconnect;
            }
            let is_full = matches!(*error, IndexError::Refused { .. });
            let wait = jittered(pause);
            (self.report)(Event::Away(error, wait));
            if !self.wait_before_joining(wait) {
                return;
            }
            let most =
                if is_full { self.limits.reconnect_full_max } else { self.limits.reconnect_max };
            pause = limits::doubled(pause, most);
            self.dialect.ask_again();
        }
    }

    /// Waits before the next attempt; `false` if the registration is closed meanwhile.
    fn wait_before_joining(&self, pause: Duration) -> bool {
        let is_open = |state: &mut State| !matches!(state, State::Closing);
        drop(self.changed.wait_timeout_while(self.lock(), pause, is_open));
        self.advance(State::Connecting)
    }
}

/// Up to a quarter more or less, so that peers that lost the same index do not all reconnect at the
/// same time.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    (pause / 1024).saturating_mul(768 + u32::try_from(random).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_up_to_a_quarter_more_or_less() {
        let (least, most) = (Duration::from_millis(75), Duration::from_millis(125));
        for _ in 0..100 {
            let pause = jittered(Duration::from_millis(100));
            assert!(pause >= least - Duration::from_micros(1) && pause <= most, "{pause:?}");
        }
        assert!(jittered(Duration::MAX) > Duration::MAX / 2);
    }
}
