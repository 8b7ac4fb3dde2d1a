//! The results of a command: as text while they come in, or as one JSON object; and as JUnit XML.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::case_result::{CaseResult, summary};
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
    junit: ResultFile,
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
        let junit = ResultFile::create(options.junit.as_deref())?;
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
        let results: Vec<CaseResult> = outcomes.iter().map(CaseResult::from).collect();
        let passed = results.iter().map(|result| (result.case, result.has_passed()));
        let grade = grade(passed, &self.weights);
        self.junit.write(|| junit::document(self.program, &results))?;
        match self.is_json {
            true => {
                let cases = results.iter().map(|result| result.object(&self.weights));
                print_json(&json!({"v": 1, "cases": cases.collect::<Vec<_>>(), "grade": grade}))
            }
            false => print_line(summary(&results, grade)),
        }
        .map_err(Error::Output)?;
        Ok(results.iter().all(CaseResult::has_passed))
    }
}

/// A file for results. It is created before the cases run, so that an error is reported before.
#[derive(Debug)]
pub(super) struct ResultFile(Option<(PathBuf, File)>);

impl ResultFile {
    /// # Errors
    /// When the file cannot be created.
    pub(super) fn create(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::create(path).map_err(|error| Error::file("write", path, error))?;
        Ok(Self(Some((path.into(), file))))
    }

    /// Writes the text, if there is a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(self, text: impl FnOnce() -> String) -> Result<(), Error> {
        let Some((path, mut file)) = self.0 else { return Ok(()) };
        file.write_all(text().as_bytes()).map_err(|error| Error::file("write", &path, error))
    }
}

/// The weights of the file of the options, for these cases.
///
/// # Errors
/// When the file cannot be read, or gives no weight to any case of the level.
pub(super) fn weights(options: &Options, cases: &[&'static Case]) -> Result<Weights, Error> {
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
