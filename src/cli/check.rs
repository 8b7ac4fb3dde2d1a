//! `p2p-ci check`: tests whether another program follows the protocol, and grades it.

mod case_result;
mod class;
mod clients;
pub(super) mod columns;
mod command_words;
mod error;
mod junit;
mod menu_file;
mod options;
mod results;
mod text;

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::errors::failure::Failure;
use super::errors::report::report;
use super::values::endpoints::{holder, index_server};
use super::values::option_values::Listen;
use crate::check::{
    self, Case, Target, index_server as index_cases, upload_server as upload_cases,
};
use crate::limits;
use crate::net::{Cancel, resolve};
use crate::protocol::{Endpoint, RfcNumber};
use class::{ClassOptions, Kind, StartOptions, Tested};
use clients::Started;
use error::Error;
use options::Options;
use results::Results;

const AFTER_HELP: &str = "\
docs/manual.md describes the results, and protocol.md the rules.

Examples:
  p2p-ci check server localhost
  p2p-ci check uploader localhost:5678 793 --level handout
  p2p-ci check client --listen 127.0.0.1:7734
  p2p-ci check peer --start './peer {host} {port} {dir}' --menu menu.txt
  p2p-ci check server --class submissions --start './server'
  p2p-ci check peer --class submissions --start './peer' --menu menu.txt";

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
        #[arg(required_unless_present = "class", conflicts_with = "class")]
        address: Option<Endpoint>,
        #[command(flatten)]
        start: StartOptions,
        #[command(flatten)]
        class: ClassOptions,
        #[command(flatten)]
        options: Options,
    },
    /// Test the upload server of a peer
    Uploader {
        /// Host and port of the upload server
        #[arg(value_name = "ADDR", value_parser = holder)]
        #[arg(required_unless_present = "class", conflicts_with = "class")]
        address: Option<Endpoint>,
        /// The number of an RFC that the peer shares
        #[arg(value_name = "RFC", required_unless_present = "class", conflicts_with = "class")]
        rfc: Option<RfcNumber>,
        /// The number of the RFC that each submission shares; also `{rfc}`
        #[arg(long = "rfc", value_name = "RFC", requires = "class", default_value = "1")]
        #[arg(help_heading = class::HEADING)]
        shared: RfcNumber,
        #[command(flatten)]
        start: StartOptions,
        #[command(flatten)]
        class: ClassOptions,
        #[command(flatten)]
        options: Options,
    },
    /// Test a client, which a person operates, and which connects to this program as its index
    /// server. With --class this program starts and operates the client
    Client {
        /// Listen on this address, such as `127.0.0.1:7734`, or on this port of every address
        #[arg(
            long,
            value_name = "[ADDR:]PORT",
            default_value = "127.0.0.1:7734",
            conflicts_with = "class"
        )]
        listen: Listen,
        /// End if nothing is done for this number of seconds [default: 60 if standard input is not a
        /// terminal]
        #[arg(long, value_name = "SECONDS", conflicts_with = "class")]
        idle: Option<NonZeroU64>,
        /// A file with the text that is typed into each submission for each operation: lines
        /// `NAME: TEXT` [default: the file `menu` of the submission]
        #[arg(long, value_name = "FILE", requires = "class", help_heading = class::HEADING)]
        menu: Option<PathBuf>,
        /// The directory of the documents in each submission [default: a new one, if CMD has {dir};
        /// otherwise the submission]
        #[arg(long, value_name = "DIR", requires = "class", help_heading = class::HEADING)]
        dir: Option<PathBuf>,
        #[command(flatten)]
        start: StartOptions,
        #[command(flatten)]
        class: ClassOptions,
        #[command(flatten)]
        options: Options,
    },
    /// Start a peer, operate its menu, and test its client and its upload server
    Peer {
        /// The command that starts the peer, split into words as a shell does; {host} and {port} stand
        /// for the index server, {dir} for the directory of the peer, {rfc} for the number of its
        /// document [default: with --class the file `start` of each submission]
        #[arg(long, value_name = "CMD", required_unless_present = "class")]
        start: Option<String>,
        /// A file with the text that is typed for each operation: lines `NAME: TEXT` [default: the
        /// commands of `p2p-ci peer`; with --class the file `menu` of each submission]
        #[arg(long, value_name = "FILE")]
        menu: Option<PathBuf>,
        /// The directory in which the peer keeps its documents; with --class a directory in each submission
        /// [default: a new one, if CMD has {dir}]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Listen on this address, or on this port of every address, as the index server
        #[arg(
            long,
            value_name = "[ADDR:]PORT",
            default_value = "127.0.0.1:0",
            conflicts_with = "class"
        )]
        listen: Listen,
        #[command(flatten)]
        class: ClassOptions,
        #[command(flatten)]
        options: Options,
    },
    /// Isolates the test of a submission
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Supervise(class::Job),
    /// Tests a submission
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Session(class::Job),
    /// Starts a program with limits
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Execute(class::Execution),
}

/// Runs the command.
pub(super) fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.program {
        Program::Server { address, start, class, options } => match (address, &class.class) {
            (_, Some(directory)) => {
                let start = start.start.as_deref();
                let tested = Tested { start, ..Tested::new(Kind::Server) };
                class::grade_class(directory, &tested, &class, &options)
            }
            (Some(address), None) => check(&address, None, "server", &index_cases(), &options),
            (None, None) => Ok(false),
        },
        Program::Uploader { address, rfc, shared, start, class, options } => {
            match (address, rfc, &class.class) {
                (_, _, Some(directory)) => {
                    let (start, rfc) = (start.start.as_deref(), shared.value().into());
                    let tested = Tested { start, rfc, ..Tested::new(Kind::Uploader) };
                    class::grade_class(directory, &tested, &class, &options)
                }
                (Some(address), Some(rfc), None) => {
                    let rfc = Some(rfc.value().into());
                    check(&address, rfc, "uploader", &upload_cases(), &options)
                }
                (_, _, None) => Ok(false),
            }
        }
        Program::Client { listen, idle, menu, dir, start, class, options } => match &class.class {
            Some(directory) => {
                let start = start.start.as_deref();
                let tested = Tested::client(Kind::Client, start, menu.as_deref(), dir.as_deref());
                class::grade_class(directory, &tested, &class, &options)
            }
            None => clients::person(listen, idle, &options),
        },
        Program::Peer { start, menu, dir, listen, class, options } => match (&class.class, start) {
            (Some(directory), start) => {
                let start = start.as_deref();
                let tested = Tested::client(Kind::Peer, start, menu.as_deref(), dir.as_deref());
                class::grade_class(directory, &tested, &class, &options)
            }
            (None, Some(start)) => {
                clients::started(&Started { start, menu, dir, listen }, &options)
            }
            (None, None) => Ok(false),
        },
        #[cfg(target_os = "linux")]
        Program::Supervise(job) => return class::supervise(&job),
        #[cfg(target_os = "linux")]
        Program::Session(job) => return class::run_session(&job),
        #[cfg(target_os = "linux")]
        Program::Execute(execution) => return class::execute(&execution),
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

/// Tests a server; returns whether all cases of the level have passed.
fn check(
    address: &Endpoint,
    shared: Option<u64>,
    program: &'static str,
    cases: &[&'static Case],
    options: &Options,
) -> Result<bool, Error> {
    let results = Results::prepare(program, cases, options)?;
    let unreachable = |cause| Error::Unreachable { address: address.to_string(), cause };
    let time = limits::Connecting::DEFAULT.resolve;
    let addresses: Vec<SocketAddr> =
        resolve(address.host.as_str(), address.port.value(), time, &Cancel::default())
            .map_err(unreachable)?;
    let target = Target::reach(&addresses, shared).map_err(unreachable)?;
    let mut outcomes = Vec::new();
    for (place, case) in cases.iter().enumerate().filter(|(_, case)| options.includes(case)) {
        let outcome = check::run(case, place, &target);
        results.print(&outcome)?;
        outcomes.push(outcome);
    }
    results.finish(&outcomes)
}
