//! `p2p-ci check`: tests whether another program follows the protocol, and grades it.

pub(super) mod columns;
mod error;
mod junit;
mod text;

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::errors::failure::Failure;
use super::errors::report::report;
use super::output::print::{print_json, print_line};
use super::values::endpoints::{holder, index_server};
use crate::check::{
    self, Case, Level, Outcome, Target, Weights, grade, index_server as index_cases,
    upload_server as upload_cases,
};
use crate::limits;
use crate::net::{Cancel, resolve};
use crate::protocol::{Endpoint, RfcNumber};
use error::Error;

const AFTER_HELP: &str = "\
docs/manual.md describes the results, and protocol.md the rules.

Examples:
  p2p-ci check server localhost
  p2p-ci check uploader localhost:5678 793 --level handout";

/// The arguments of `p2p-ci check`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    program: Program,
}

#[derive(Debug, Subcommand)]
enum Program {
    /// Test an index server
    Server {
        /// Host and port of the server; without a port 7734
        #[arg(value_name = "ADDR", value_parser = index_server)]
        address: Endpoint,
        #[command(flatten)]
        options: Options,
    },
    /// Test the upload server of a peer
    Uploader {
        /// Host and port of the upload server
        #[arg(value_name = "ADDR", value_parser = holder)]
        address: Endpoint,
        /// The number of an RFC that the peer shares
        #[arg(value_name = "RFC")]
        rfc: RfcNumber,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// Which cases run; each level includes those before it
    #[arg(long, value_enum, default_value_t = ChosenLevel::Robust)]
    level: ChosenLevel,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Write the results to a file as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Read weights of cases for the grade: lines `ID WEIGHT`
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ChosenLevel {
    /// What the handout of the course specifies
    Handout,
    /// Also what protocol.md decides, and other forms of requests
    Robust,
    /// Also the extensions
    Extension,
}

impl From<ChosenLevel> for Level {
    fn from(level: ChosenLevel) -> Self {
        match level {
            ChosenLevel::Handout => Self::Handout,
            ChosenLevel::Robust => Self::Robust,
            ChosenLevel::Extension => Self::Extension,
        }
    }
}

/// Runs the command.
pub(super) fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.program {
        Program::Server { address, options } => {
            check(&address, None, "server", &index_cases(), &options)
        }
        Program::Uploader { address, rfc, options } => {
            check(&address, Some(rfc.value().into()), "uploader", &upload_cases(), &options)
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => Failure::Other.into(),
        Err(error) => {
            // A reader that has closed its pipe needs no message.
            if !error.is_closed_pipe() {
                report("p2p-ci check", &error);
            }
            error.failure().into()
        }
    }
}

/// Runs the cases of the level; returns whether all have passed.
fn check(
    address: &Endpoint,
    shared: Option<u64>,
    program: &str,
    cases: &[&'static Case],
    options: &Options,
) -> Result<bool, Error> {
    let weights = weights(options, cases)?;
    // A file that cannot be written is reported before the cases run.
    let junit = options.junit.as_ref().map(|path| {
        File::create(path)
            .map(|file| (path, file))
            .map_err(|error| Error::file("write", path, error))
    });
    let junit = junit.transpose()?;
    let unreachable = |cause| Error::Unreachable { address: address.to_string(), cause };
    let time = limits::Connecting::DEFAULT.resolve;
    let addresses: Vec<SocketAddr> =
        resolve(address.host.as_str(), address.port.value(), time, &Cancel::default())
            .map_err(unreachable)?;
    let target = Target::reach(&addresses, shared).map_err(unreachable)?;
    let mut outcomes = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        if case.level > options.level.into() {
            continue;
        }
        let outcome = check::run(case, place, target);
        if !options.json {
            print_line(text::outcome(&outcome)).map_err(Error::Output)?;
        }
        outcomes.push(outcome);
    }
    let grade = grade(&outcomes, &weights);
    if let Some((path, mut file)) = junit {
        file.write_all(junit::document(program, &outcomes).as_bytes())
            .map_err(|error| Error::file("write", path, error))?;
    }
    match options.json {
        true => print_json(&object(&outcomes, &weights, grade)),
        false => print_line(text::summary(&outcomes, grade)),
    }
    .map_err(Error::Output)?;
    Ok(outcomes.iter().all(|outcome| outcome.failed.is_none()))
}

fn weights(options: &Options, cases: &[&'static Case]) -> Result<Weights, Error> {
    let Some(path) = &options.weights else {
        return Ok(Weights::default());
    };
    let text = fs::read_to_string(path).map_err(|error| Error::file("read", path, error))?;
    let all: Vec<&Case> = index_cases().into_iter().chain(upload_cases()).collect();
    let wrong = |mistake| Error::Weights { path: error::shown(path), mistake };
    let weights = Weights::parse(&text, &all).map_err(wrong)?;
    let mut run = cases.iter().filter(|case| case.level <= options.level.into());
    match run.any(|case| weights.of(case) > 0) {
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
