//! What was found about each case of a client.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use super::exchange::{ClientTest, Operation, RequestRule};
use super::request_judge::concerns;
use crate::check::case::{Case, Test};
use crate::check::judgement::Failed;
use crate::check::run::Outcome;
use crate::check::symptom::Symptom;

/// A failure.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) symptom: Symptom,
    /// What was sent before, with `C` for the client and `S` for this program.
    pub(super) sent: Vec<(char, Vec<u8>)>,
    pub(super) expected: String,
    pub(super) received: Vec<u8>,
    /// The last output of the program.
    pub(super) output: Vec<u8>,
    /// How the program has ended, if it has.
    pub(super) ended: Option<ExitStatus>,
}

/// The results until now.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// The rules that have concerned a request.
    rules: BTreeMap<RequestRule, Option<Finding>>,
    exchanges: BTreeMap<&'static str, (Duration, Option<Finding>)>,
}

impl Finding {
    pub(super) fn new(symptom: Symptom, expected: impl Into<String>) -> Self {
        let expected = expected.into();
        let (sent, received, output) = (Vec::new(), Vec::new(), Vec::new());
        Self { symptom, sent, expected, received, output, ended: None }
    }

    pub(super) fn received(self, received: &[u8]) -> Self {
        Self { received: received.to_vec(), ..self }
    }

    fn failed(self, case: &Case) -> Failed {
        let Self { symptom, sent, expected, received, output, ended } = self;
        let hint = case.hint(symptom);
        Failed { hint, sent, expected, received, symptom, output, ended }
    }
}

impl Verdicts {
    /// A request has followed the rule, or not. The first failure is kept.
    pub(super) fn rule(&mut self, rule: RequestRule, finding: Option<Finding>) {
        let kept = self.rules.entry(rule).or_default();
        if kept.is_none() {
            *kept = finding;
        }
    }

    /// A case has passed or failed. The first failure is kept.
    pub(super) fn exchange(&mut self, case: &Case, time: Duration, finding: Option<Finding>) {
        let kept = self.exchanges.entry(case.id).or_default();
        kept.0 = kept.0.saturating_add(time);
        if kept.1.is_none() {
            kept.1 = finding;
        }
    }

    /// The result of each case.
    pub(super) fn outcomes(mut self, cases: &[&'static Case]) -> Vec<Outcome> {
        let skipped = self.skipped(cases);
        let outcome = |case: &'static Case| {
            let (time, finding) = match case.test {
                Test::Server(_) => return None,
                Test::Client(ClientTest::Requests(rule)) => {
                    let is_skipped = skipped.iter().any(|one| concerns(rule, Some(*one)));
                    let symptom = if is_skipped { Symptom::Skipped } else { Symptom::NotSeen };
                    let unseen = || Some(Finding::new(symptom, "(such a request)"));
                    (Duration::ZERO, self.rules.remove(&rule).unwrap_or_else(unseen))
                }
                Test::Client(ClientTest::Exchange(_)) => {
                    let unseen = || Some(Finding::new(Symptom::NotSeen, "(this step)"));
                    let found = self.exchanges.remove(case.id);
                    found.unwrap_or_else(|| (Duration::ZERO, unseen()))
                }
            };
            Some(Outcome { case, time, failed: finding.map(|finding| finding.failed(case)) })
        };
        cases.iter().copied().filter_map(outcome).collect()
    }

    /// The operations that a person has skipped.
    fn skipped(&self, cases: &[&'static Case]) -> Vec<Operation> {
        let operation = |case: &&'static Case| match (&case.test, self.exchanges.get(case.id)?) {
            (Test::Client(ClientTest::Exchange(exchange)), (_, Some(finding)))
                if finding.symptom == Symptom::Skipped =>
            {
                Some(exchange.operation)
            }
            _ => None,
        };
        cases.iter().filter_map(operation).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::client_program;

    /// A rule for requests that were never sent, because their steps were skipped, was not broken.
    #[test]
    fn rules_of_skipped_steps_are_skipped() {
        let cases = client_program();
        let mut verdicts = Verdicts::default();
        let skipped = |case: &&&'static Case| match &case.test {
            Test::Client(ClientTest::Exchange(exchange)) => exchange.operation == Operation::Get,
            _ => false,
        };
        for case in cases.iter().filter(skipped) {
            verdicts.exchange(case, Duration::ZERO, Some(Finding::new(Symptom::Skipped, "")));
        }
        let outcomes = verdicts.outcomes(&cases);
        let symptom = |id: &str| {
            let outcome = outcomes.iter().find(|outcome| outcome.case.id == id).unwrap();
            outcome.failed.as_ref().unwrap().symptom
        };
        assert_eq!((symptom("get-os"), symptom("download")), (Symptom::Skipped, Symptom::Skipped));
        assert_eq!(symptom("add-title"), Symptom::NotSeen);
    }
}
