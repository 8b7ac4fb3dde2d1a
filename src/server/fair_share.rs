//! Counts the processor time that a session has used, and decides whether its next piece of work
//! needs a turn (protocol.md section 7).

use std::time::Instant;

use super::turns::{Turn, Turns};
use crate::limits;

/// The share of one session.
///
/// Work is counted in visited records. Each session may visit a number of records without a turn,
/// and a further number each second. Beyond that it needs a turn, which ends when the session has
/// sent a piece of its replies, or has worked for some ten microseconds.
#[derive(Debug)]
pub(super) struct FairShare<'a> {
    turns: &'a Turns,
    turn: Option<Turn<'a>>,
    /// Records that were visited in this turn.
    in_turn: usize,
    /// Visited records that count against the share.
    used: usize,
    /// The time until which `used` was reduced.
    reduced: Instant,
}

impl<'a> FairShare<'a> {
    pub(super) fn new(turns: &'a Turns) -> Self {
        Self { turns, turn: None, in_turn: 0, used: 0, reduced: Instant::now() }
    }

    /// Waits for a turn if the session needs one.
    pub(super) fn begin(&mut self) {
        if self.turn.is_some() || self.used < limits::WORK_BURST {
            return;
        }
        let now = Instant::now();
        let time = now.saturating_duration_since(self.reduced);
        let per_record = limits::WORK_TIME.as_nanos() / limits::WORK_RECORDS;
        let allowed = usize::try_from(time.as_nanos() / per_record).unwrap_or(usize::MAX);
        (self.used, self.reduced) = (self.used.saturating_sub(allowed), now);
        if self.used >= limits::WORK_BURST {
            self.turn = Some(self.turns.take());
            self.in_turn = 0;
        }
    }

    /// Counts visited records.
    pub(super) fn add(&mut self, records: usize) {
        self.in_turn = self.in_turn.saturating_add(records);
        // Bounded, so that the session needs no turns a second later.
        self.used = self.used.saturating_add(records).min(limits::WORK_MOST);
        if self.in_turn >= limits::TURN {
            self.end();
        }
    }

    /// Ends the turn, because the session is about to wait or has sent a piece.
    pub(super) fn end(&mut self) {
        self.turn = None;
    }
}
