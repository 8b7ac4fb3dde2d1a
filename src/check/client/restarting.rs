//! Programs under test that fail: this program, or the person, starts them again.

use super::pending::Pending;
use super::requests::AFTERWARDS;
use super::session::Session;
use super::verdicts::Finding;
use crate::check::symptom::Symptom;

/// Failures after which a program that was started and has never connected is given up.
const DEAD: usize = 2;

impl Session {
    /// A case has failed: the program is started again.
    pub(super) fn fail(&mut self, pending: Pending, finding: Finding) {
        let ended = self.operator.end();
        self.record(pending, Finding { ended, ..finding });
        self.pending = None;
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
            self.operator.tell(&format!(
                "The program was started again, so the case `{}` has failed.",
                pending.case.id
            ));
            let expected = "(the request of the next step)";
            self.record(pending, Finding::new(Symptom::Stopped, expected));
        }
    }
}
