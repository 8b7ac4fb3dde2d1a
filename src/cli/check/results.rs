//! The results of a command: as text while they come in, or as one JSON object; and as JUnit XML.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::error::{Error, shown};
use super::options::Options;
use super::{junit, text};
use crate::check::{
    Case, Outcome, Weights, client_program, grade, index_server as index_cases,
    upload_server as upload_cases,
};
use crate::cli::output::print::{print_json, print_line};

/// Where the results go.
pub(super) struct Results {
    program: &'static str,
    weights: Weights,
    junit: Option<(PathBuf, File)>,
    is_json: bool,
}

impl Results {
    /// Reads the weights, and creates the file of JUnit: what cannot be read or written is reported before
    /// the cases run.
    pub(super) fn prepare(
        program: &'static str,
        cases: &[&'static Case],
        options: &Options,
    ) -> Result<Self, Error> {
        let weights = weights(options, cases)?;
        let create = |path: &PathBuf| {
            File::create(path)
                .map(|file| (path.clone(), file))
                .map_err(|error| Error::file("write", path, error))
        };
        let junit = options.junit.as_ref().map(create).transpose()?;
        Ok(Self { program, weights, junit, is_json: options.json })
    }

    /// Prints the result of one case.
    pub(super) fn print(&self, outcome: &Outcome) -> Result<(), Error> {
        match self.is_json {
            true => Ok(()),
            false => print_line(text::outcome(outcome)).map_err(Error::Output),
        }
    }

    /// Prints the grade; returns whether all have passed.
    pub(super) fn finish(self, outcomes: &[Outcome]) -> Result<bool, Error> {
        let grade = grade(outcomes, &self.weights);
        if let Some((path, mut file)) = self.junit {
            file.write_all(junit::document(self.program, outcomes).as_bytes())
                .map_err(|error| Error::file("write", &path, error))?;
        }
        match self.is_json {
            true => print_json(&object(outcomes, &self.weights, grade)),
            false => print_line(text::summary(outcomes, grade)),
        }
        .map_err(Error::Output)?;
        Ok(outcomes.iter().all(|outcome| outcome.failed.is_none()))
    }
}

fn weights(options: &Options, cases: &[&'static Case]) -> Result<Weights, Error> {
    let Some(path) = &options.weights else {
        return Ok(Weights::default());
    };
    let text = fs::read_to_string(path).map_err(|error| Error::file("read", path, error))?;
    let all: Vec<&Case> =
        index_cases().into_iter().chain(upload_cases()).chain(client_program()).collect();
    let wrong = |mistake| Error::Weights { path: shown(path), mistake };
    let weights = Weights::parse(&text, &all).map_err(wrong)?;
    match cases.iter().any(|case| options.includes(case) && weights.of(case) > 0) {
        true => Ok(weights),
        false => {
            Err(wrong("expected a case of the level with a weight above 0, found none".into()))
        }
    }
}

fn object(outcomes: &[Outcome], weights: &Weights, grade: f64) -> serde_json::Value {
    let case = |outcome: &Outcome| {
        json!({
            "id": outcome.case.id,
            "section": outcome.case.section,
            "level": outcome.case.level.name(),
            "weight": weights.of(outcome.case),
            "passed": outcome.failed.is_none(),
            "hint": outcome.failed.as_ref().map(|failed| failed.hint),
        })
    };
    json!({"v": 1, "cases": outcomes.iter().map(case).collect::<Vec<_>>(), "grade": grade})
}
