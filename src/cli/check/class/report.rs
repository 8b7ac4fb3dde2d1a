//! What a session reports to the process that has started it: one JSON object.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::case_result::{CaseResult, Failure};
use crate::check::Case;
use crate::confined::Isolation;

#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub(super) isolation: Isolation,
    /// What happened to the program.
    pub(super) problems: Vec<String>,
    /// Whether the program could be tested. If not, that is not its fault.
    pub(super) is_tested: bool,
    /// The place of the case with which another instance of the program can continue.
    pub(super) next: Option<usize>,
    pub(super) results: Vec<CaseResult>,
}

/// Why there are no results.
#[derive(Debug)]
pub(super) enum Problem {
    OfProgram(String),
    /// It is not the fault of the program, or there is none.
    OfSystem(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::OfSystem(error.to_string())
    }
}

impl Report {
    /// The program could not be tested.
    pub(super) fn untested(isolation: Isolation, problem: String) -> Self {
        Self { isolation, problems: vec![problem], ..Self::default() }
    }

    pub(super) fn to_json(&self) -> Value {
        let result = |result: &CaseResult| {
            json!({
                "id": result.case.id,
                "seconds": result.time.as_secs_f64(),
                "hint": result.failure.as_ref().map(|failure| &failure.hint),
                "details": result.failure.as_ref().map(|failure| &failure.details),
            })
        };
        json!({
            "isolation": self.isolation.to_words(),
            "problems": self.problems,
            "tested": self.is_tested,
            "next": self.next,
            "results": self.results.iter().map(result).collect::<Vec<_>>(),
        })
    }

    /// Reads a report; `None` if it has another form or an unknown case.
    pub(super) fn from_json(bytes: &[u8], cases: &[(usize, &'static Case)]) -> Option<Self> {
        let object: Value = serde_json::from_slice(bytes).ok()?;
        let texts = |value: &Value| -> Option<Vec<String>> {
            value.as_array()?.iter().map(|text| text.as_str().map(String::from)).collect()
        };
        let result = |value: &Value| {
            let id = value.get("id")?.as_str()?;
            let (_, case) = cases.iter().find(|(_, case)| case.id == id)?;
            let failure = match value.get("hint")?.as_str() {
                None => None,
                Some(hint) => {
                    let details = texts(value.get("details")?)?;
                    Some(Failure { hint: hint.into(), details, is_skipped: false })
                }
            };
            let seconds = value.get("seconds")?.as_f64()?;
            let time = Duration::try_from_secs_f64(seconds).ok()?;
            Some(CaseResult { case, time, failure })
        };
        let next = object.get("next")?.as_u64().and_then(|place| usize::try_from(place).ok());
        Some(Self {
            isolation: Isolation::from_words(object.get("isolation")?.as_str()?),
            problems: texts(object.get("problems")?)?,
            is_tested: object.get("tested")?.as_bool()?,
            next,
            results: object
                .get("results")?
                .as_array()?
                .iter()
                .map(result)
                .collect::<Option<_>>()?,
        })
    }
}
