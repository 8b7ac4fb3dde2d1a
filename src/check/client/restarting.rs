//! Programs under test that fail: this program, or the person, starts them again.

use super::pending::{Pending, last_bytes};
use super::requests::AFTERWARDS;
use super::session::{NEXT, Session};
use super::verdicts::Finding;
use crate::check::symptom::Symptom;

/// Failures after which a program that was started and has never connected is given up.
const DEAD: usize = 2;

/// A case after whose reply the program has stopped: because of the reply, or of the operation after it.
pub(super) struct Suspected {
    pending: Pending,
    /// Its failure if the reply is the cause.
    stopped: Finding,
    /// Its failure if the operation is.
    not_shown: Option<Finding>,
}

impl Session {
    /// A case has failed: the program is started again.
    pub(super) fn fail(&mut self, pending: Pending, finding: Finding) {
        let ended = self.operator.end();
        self.record(pending, Finding { ended, ..finding });
        self.pending = None;
        self.start_again_after_failure();
    }

    /// The program has stopped before the request of the next step, `other` is the last one that it has sent. It is
    /// started again. If the next step works then, the case has failed; if it does not, only the next one has.
    pub(super) fn suspect(&mut self, pending: Pending, other: &[u8]) -> Suspected {
        let ended = self.operator.end();
        let output = self.operator.output();
        let complete = |finding| Finding {
            sent: pending.sent.clone(),
            output: last_bytes(output.as_deref().unwrap_or_default()),
            ended,
            ..finding
        };
        let stopped = complete(Finding::new(Symptom::Stopped, NEXT).received(other));
        let missing = output.as_deref().filter(|output| pending.missing(output).is_some());
        let not_shown = missing.map(|output| complete(pending.not_shown(output)));
        let suspected = Suspected { pending, stopped, not_shown };
        self.start_again_after_failure();
        suspected
    }

    /// Whether the reply was the cause is known.
    pub(super) fn decide(&mut self, suspected: Option<Suspected>, is_cause: bool) {
        if let Some(Suspected { pending, stopped, not_shown }) = suspected {
            let finding = if is_cause { Some(stopped) } else { not_shown };
            self.requests.verdicts.exchange(pending.case, pending.time, finding);
        }
    }

    fn start_again_after_failure(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.settle_output();
        // A program that never connects is not tried again and again.
        let is_dead = self.failures >= DEAD && !self.requests.index.has_connected();
        self.is_over |= is_dead && !self.operator.is_person();
        if !self.is_over() {
            self.start_again();
        }
    }

    /// Starts the program again, and lets it add its document if it has done so before.
    pub(super) fn start_again(&mut self) {
        self.operator.kill();
        // Requests of the killed program may be waiting.
        self.requests.serve(AFTERWARDS);
        self.requests.index.restarted();
        self.is_over |= !self.operator.restart();
        self.requests.serve(AFTERWARDS);
        self.add_again();
    }

    /// The person has started the program again without a word: it has not survived the reply before.
    pub(super) fn was_restarted(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.operator.notify(&format!(
                "The program was started again, so the case `{}` has failed.",
                pending.case.id
            ));
            self.record(pending, Finding::new(Symptom::Stopped, NEXT));
        }
    }
}
