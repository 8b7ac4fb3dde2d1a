//! `p2p-ci check`: tests whether another program follows the protocol, and grades it.

mod clients;
pub(super) mod columns;
mod error;
mod junit;
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
use super::values::option_values::socket_address;
use crate::check::{
    self, Case, Target, index_server as index_cases, upload_server as upload_cases,
};
use crate::limits;
use crate::net::{Cancel, resolve};
use crate::protocol::{Endpoint, RfcNumber};
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
  p2p-ci check peer --start 'python3 peer.py {host} {port} {dir}' --menu menu.txt";

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
    /// Test a client, which a person operates: it connects to this program, the index server
    Client {
        /// Listen on this address, such as `127.0.0.1:7734` or `[::]:7734`
        #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:7734",
              value_parser = socket_address)]
        listen: SocketAddr,
        /// End if nothing is done for this number of seconds [default: 60 if standard input is not a
        /// terminal]
        #[arg(long, value_name = "SECONDS")]
        idle: Option<NonZeroU64>,
        #[command(flatten)]
        options: Options,
    },
    /// Start a peer, operate its menu, and test its client and its upload server
    Peer {
        /// The command that starts it, split into words as a shell does; {host} and {port} stand for
        /// the index server, {dir} for its directory, {rfc} for the number of its document
        #[arg(long, value_name = "CMD")]
        start: String,
        /// What is typed for each operation: lines `NAME: TEXT` [default: as in our own shell]
        #[arg(long, value_name = "FILE")]
        menu: Option<PathBuf>,
        /// The directory in which it keeps its documents [default: a new one, if CMD has {dir}]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Listen on this address as the index server
        #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0",
              value_parser = socket_address)]
        listen: SocketAddr,
        #[command(flatten)]
        options: Options,
    },
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
        Program::Client { listen, idle, options } => clients::person(listen, idle, &options),
        Program::Peer { start, menu, dir, listen, options } => {
            clients::started(&Started { start, menu, dir, listen }, &options)
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
        let outcome = check::run(case, place, target);
        results.print(&outcome)?;
        outcomes.push(outcome);
    }
    results.finish(&outcomes)
}
