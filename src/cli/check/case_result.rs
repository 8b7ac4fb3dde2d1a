//! The result of a case, as it is printed.

use std::time::Duration;

use serde_json::{Value, json};

use super::text::details;
use crate::check::{Case, Outcome, Symptom, Weights};

#[derive(Clone, Debug)]
pub(super) struct CaseResult {
    pub(super) case: &'static Case,
    pub(super) time: Duration,
    /// `None`: it has passed.
    pub(super) failure: Option<Failure>,
}

#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// What to change.
    pub(super) hint: String,
    /// What a person needs to see why it has failed.
    pub(super) details: Vec<String>,
    /// Whether a person has skipped it: it has neither passed nor failed.
    pub(super) is_skipped: bool,
}

impl CaseResult {
    pub(super) fn object(&self, weights: &Weights) -> Value {
        json!({
            "id": self.case.id,
            "section": self.case.section,
            "level": self.case.level.name(),
            "weight": weights.of(self.case),
            "passed": (!self.is_skipped()).then(|| self.has_passed()),
            "hint": self.failure.as_ref().map(|failure| &failure.hint),
        })
    }

    pub(super) fn has_passed(&self) -> bool {
        self.failure.is_none()
    }

    pub(super) fn is_skipped(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.is_skipped)
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.has_passed() && !self.is_skipped()
    }

    /// A case that could not run.
    #[cfg(target_os = "linux")]
    pub(super) fn not_run(case: &'static Case, reason: &str) -> Self {
        let mut result = Self { case, time: Duration::ZERO, failure: None };
        result.fail(&format!("not run: {reason}"));
        result
    }

    /// It has failed for another reason than a reply, unless it has failed before.
    #[cfg(target_os = "linux")]
    pub(super) fn fail(&mut self, hint: &str) {
        let failure = || Failure { hint: hint.into(), details: Vec::new(), is_skipped: false };
        self.failure.get_or_insert_with(failure);
    }
}

impl From<&Outcome> for CaseResult {
    fn from(outcome: &Outcome) -> Self {
        let failure = outcome.failed.as_ref();
        let failure = failure.map(|failed| Failure {
            hint: failed.hint.into(),
            details: details(failed),
            is_skipped: failed.symptom == Symptom::Skipped,
        });
        Self { case: outcome.case, time: outcome.time, failure }
    }
}

/// The last line.
pub(super) fn summary(results: &[CaseResult], grade: f64) -> String {
    let passed = results.iter().filter(|result| result.has_passed()).count();
    let skipped = match results.iter().filter(|result| result.is_skipped()).count() {
        0 => String::new(),
        count => format!(", {count} skipped"),
    };
    format!("\n{passed} of {} cases passed{skipped}; grade {grade:.1} of 100", results.len())
}
