//! The part of a session that concerns the upload server of the program under test.

use super::asked::{Asked, title};
use super::exchange::{Exchange, Operation, Reply, RequestRule};
use super::operator::State;
use super::pending::last_bytes;
use super::requests::{AFTERWARDS, Arrival};
use super::session::Session;
use super::uploads;
use crate::check::case::Case;
use crate::check::run::Outcome;
use crate::check::symptom::Symptom;

impl Session {
    /// Runs the cases for an upload server. A program that has ended or does not reply any more is started again,
    /// once for each instance that has replied.
    pub(super) fn test_uploads(&mut self, rfc: u64, cases: &[&'static Case]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut has_replied = self.requests.index.upload_server().is_some();
        for (place, case) in cases.iter().enumerate() {
            if self.is_late() {
                break;
            }
            let Some(mut outcome) = uploads::run(&mut self.requests, rfc, case, place) else {
                break;
            };
            let failed = outcome.failed.as_ref();
            let is_refused = failed.is_some_and(|one| one.symptom == Symptom::NotConnected);
            // It has ended after the case before.
            if is_refused && std::mem::take(&mut has_replied) {
                self.start_again();
                let again = uploads::run(&mut self.requests, rfc, case, place);
                outcome = again.unwrap_or(outcome);
            }
            match outcome.failed.as_mut().filter(|failed| failed.received.is_empty()) {
                Some(failed) => {
                    self.requests.serve(AFTERWARDS);
                    failed.output = last_bytes(&self.output());
                    if std::mem::take(&mut has_replied) {
                        self.start_again();
                    }
                }
                None => has_replied = true,
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// A program that was started again adds its document again, if it has done so before.
    pub(super) fn add_again(&mut self) {
        let is_added = self.requests.index.upload_server().is_some();
        if is_added || !self.has_added || self.operator.is_person() {
            return;
        }
        if self.operator.state() == State::Ended {
            self.operator.restart();
        }
        let (operation, number) = (Operation::Add, self.first);
        let asked = Asked { operation, number, title: Some(title(number)), holder: None };
        // Without an ADD there is no upload server, which is a failure of its cases.
        if let Arrival::Request(waiting) = self.requests.ask(&mut self.operator, &asked, "") {
            let usual = Exchange::new(operation, Reply::Usual);
            self.requests.reply(&asked, usual, waiting);
        }
    }

    /// After the first ADD: whether its port accepts connections.
    pub(super) fn check_port(&mut self) {
        if self.has_added {
            return;
        }
        if let Some(address) = self.requests.index.upload_server() {
            self.has_added = true;
            // The program may begin to listen after its ADD.
            self.requests.serve(AFTERWARDS);
            let finding = uploads::connect(address, self.first);
            self.requests.verdicts.rule(RequestRule::PortListens, finding);
        }
    }
}
