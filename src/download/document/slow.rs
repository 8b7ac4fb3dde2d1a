//! Holders that begin a document and do not complete it soon: how long they are waited for, and what is
//! expected of the next ones (protocol.md section 7).

use super::candidates::{Ask, Candidate};
use super::download::Download;
use crate::download::exchange::{Patience, Response};
use crate::download::transfer::PreferredRates;
use crate::protocol::Endpoint;

impl<'a> Download<'a> {
    /// The rates that a document must have while others can be asked that were not given up early. An
    /// unproven holder has half of the time after each one that began and did not complete it, so that
    /// any number of them does not delay the others for long.
    pub(super) fn preferred_rates(&self, holder: &Endpoint, response: &Response) -> PreferredRates {
        let limits = &self.dialer.limits;
        if self.admission.stats.is_proven(holder) {
            return PreferredRates::usual(limits);
        }
        let length = response.head.content_length.unwrap_or(u64::MAX);
        let soon = length / limits.slow_after.as_secs().max(1);
        PreferredRates {
            stopped_after: limits.halved(limits.stopped_after, self.stops.saturating_sub(1)),
            slow_after: limits.halved(limits.min_rate_time_with_others, self.stops),
            rate: soon.min(limits.rate_with_others).max(limits.slow_rate),
        }
    }

    /// Asks a slow holder for the rest: now, in parallel with untried ones, if it still delivers and
    /// is the only such one, or else when no other is left.
    pub(super) fn continue_slowly(&mut self, candidate: Candidate<'a>, delivers: bool) {
        let is_only_one = !self.running.iter().any(|running| running.candidate.is_late);
        let trial = (delivers && is_only_one && candidate.ask != Ask::Plain)
            .then(|| self.admission.begin_trial(candidate.source, true))
            .flatten();
        match trial {
            Some(trial) => self.ask(candidate, Some(trial)),
            None => self.candidates.give_back(candidate),
        }
    }

    /// Increases the number of bytes that must arrive before a response is accepted, because a
    /// holder began the document and then stopped, was slow, or sent wrong bytes. So holders that do the
    /// same are tried in parallel.
    pub(super) fn expect_more(&mut self) {
        self.stops = self.stops.saturating_add(1);
        self.beginning = self.beginning.saturating_mul(8).min(self.dialer.limits.beginning_max);
    }

    /// How long an unproven holder is waited for while others can be asked that were not given up
    /// early. After one that began and did not complete the document, a quarter of the beginning must
    /// arrive in each second.
    pub(super) fn short_patience(&self) -> Patience {
        let limits = &self.dialer.limits;
        match self.stops {
            0 => Patience::short(limits, limits.beginning_rate),
            _ => Patience::of_quarters(limits, self.beginning),
        }
    }
}
