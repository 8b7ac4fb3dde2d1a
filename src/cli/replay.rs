//! `p2p-ci replay`: the client side of a recorded conversation again, and what differs in the replies.

mod error;
mod json;
mod outcome;
mod text;

use std::fs::File;
use std::io::{self, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::errors::failure::Failure;
use super::errors::report::report;
use super::output::print::{print_json, print_line, print_note};
use super::values::endpoints::index_server;
use crate::escape::{escaped, escaped_path};
use crate::limits;
use crate::net::{Cancel, resolve};
use crate::protocol::Endpoint;
use crate::replay::{Choice, Exactness, Pace, Recording, Script, run};
use error::Error;
use outcome::Outcome;

const AFTER_HELP: &str = "\
FILE has a form that `p2p-ci explain` reads: pcapng, or text. All its
connections to an index server are replayed, each on a connection of its own,
in the recorded order. A request is sent after the recorded pause, and never
before the replies that were recorded before it have arrived.

Replies are compared by their meaning: statuses, records as sets, documents by
length and bytes. Not compared: Date, OS, Last-Modified, Reason and phrases;
the hosts of records; ports that no replayed request names, which are those of
other machines; the order of records, and their attributes Added and Address.

The exit code is 0 if all replies are equal, and 1 if some differ.

Examples:
  p2p-ci replay session.pcapng localhost
  p2p-ci replay session.pcapng localhost:5678 --stream 2";

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The recorded conversation; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Host and port of the server to test; without a port 7734
    #[arg(value_name = "ADDR", value_parser = index_server)]
    address: Endpoint,
    /// Replay only this connection, as `p2p-ci explain` numbers it: also one to an upload server
    #[arg(long, value_name = "N")]
    stream: Option<String>,
    /// Divide the recorded pauses by this number
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Send each request when the recorded replies before it have arrived
    #[arg(long, conflicts_with = "speed")]
    no_wait: bool,
    /// Compare each line and each byte
    #[arg(long)]
    exact: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.001..=1_000_000.0).contains(speed));
    speed.ok_or_else(|| "expected a number from 0.001 to 1000000, such as `10`".into())
}

/// Runs the command.
pub(super) fn run_command(arguments: &Arguments) -> ExitCode {
    match replay(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => Failure::Other.into(),
        Err(error) => {
            // A reader that has closed its pipe needs no message.
            if !error.is_closed_pipe() {
                report("p2p-ci replay", &error);
            }
            error.failure().into()
        }
    }
}

/// Returns whether all replies are equal.
fn replay(arguments: &Arguments) -> Result<bool, Error> {
    let recording = recording(arguments)?;
    if let Some(cut) = &recording.cut {
        print_note(format!("{}: {cut}", escaped_path(&arguments.file)));
    }
    let mut script = Script::new(recording);
    let has_any = script.connections.iter().any(|one| !one.exchanges.is_empty());
    for one in &script.not_sent {
        print_note(text::not_sent(one));
    }
    if !has_any {
        return Err(Error::Nothing { path: escaped_path(&arguments.file).to_string() });
    }
    let Endpoint { host, port } = &arguments.address;
    let shown = escaped(&arguments.address.to_string()).to_string();
    let time = limits::Connecting::DEFAULT.resolve;
    let resolved = resolve(host.as_str(), port.value(), time, &Cancel::default());
    let addresses: Vec<SocketAddr> =
        resolved.map_err(|source| Error::NoAddress { address: shown.clone(), source })?;
    let pace = if arguments.no_wait { Pace::NoWait } else { Pace::Recorded(arguments.speed) };
    let replayed = run(&mut script, &addresses, pace)
        .map_err(|source| Error::Run { address: shown, source })?;
    for (place, note) in &replayed.notes {
        let name = script.connections.get(*place).map_or("", |one| one.name.as_str());
        print_note(format!("[{}] {note}", escaped(name)));
    }
    let exactness = if arguments.exact { Exactness::Bytes } else { Exactness::Meaning };
    let outcome = Outcome::new(&script, &replayed, exactness);
    match arguments.json {
        true => print_json(&json::object(&outcome, &script, &replayed)),
        false => print_line(text::outcome(&outcome, &script)),
    }
    .map_err(Error::Output)?;
    Ok(outcome.is_equal())
}

fn recording(arguments: &Arguments) -> Result<Recording, Error> {
    let path = || escaped_path(&arguments.file).to_string();
    let choice = arguments.stream.clone().map_or(Choice::Index, Choice::One);
    if arguments.file.as_os_str() == "-" {
        Recording::read(io::stdin().lock(), &choice)
    } else {
        let file =
            File::open(&arguments.file).map_err(|source| Error::Open { path: path(), source })?;
        Recording::read(BufReader::new(file), &choice)
    }
    .map_err(|source| Error::Recording { path: path(), source })
}
