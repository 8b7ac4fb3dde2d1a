//! `p2p-ci check --class`: tests all submissions, and prints the results.

use std::path::Path;

use super::super::error::Error;
use super::super::junit;
use super::super::options::Options;
use super::super::results::{ResultFile, weights};
use super::grading::grade_all;
use super::options::{ClassOptions, Tested};
use super::results::{Graded, as_csv, as_json, as_table};
use crate::cli::output::print::{print_json, print_line};

/// Tests all submissions of the directory; returns whether all have passed every case.
pub(in crate::cli::check) fn grade_class(
    directory: &Path,
    tested: &Tested<'_>,
    class: &ClassOptions,
    options: &Options,
) -> Result<bool, Error> {
    let kind = tested.kind;
    let cases: Vec<_> = kind.cases(options.level).into_iter().map(|(_, case)| case).collect();
    let weights = weights(options, &cases)?;
    let junit = ResultFile::create(options.junit.as_deref())?;
    let csv = ResultFile::create(class.csv.as_deref())?;
    let all = grade_all(directory, tested, options.level, class)?;
    let suites = all.iter().map(|graded| {
        (graded.name.as_str(), graded.results.as_slice(), graded.problems.as_slice())
    });
    junit.write(|| junit::suites(kind.name(), suites))?;
    csv.write(|| as_csv(&all, &weights))?;
    match options.json {
        true => print_json(&as_json(&all, &weights)),
        false => print_line(as_table(&all, &weights)),
    }
    .map_err(Error::Output)?;
    Ok(all.iter().all(Graded::has_passed))
}
