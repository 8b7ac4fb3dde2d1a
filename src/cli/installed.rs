//! The program `p2p-ci`, which people install: the index server and the peer as its commands.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command, CommandFactory, Parser, Subcommand};

use super::config::programs::Program as Configurable;
use super::topics::{TOPICS, topic};
use super::{
    admin, check, config, explain, generate, lab, parsers, peer, program, replay, server, usage,
    wireshark,
};

const AFTER_HELP: &str = "\
`p2p-ci COMMAND --help` describes a command. Topics are exit-codes, formats
(of output and values) and environment: `p2p-ci help formats`.

Examples:
  p2p-ci server
  p2p-ci peer localhost --share papers";

/// P2P-CI/1.0: peers share documents that a central index server lists.
#[derive(Debug, Parser)]
#[command(
    name = "p2p-ci",
    version,
    max_term_width = 80,
    after_help = AFTER_HELP,
    disable_help_subcommand = true
)]
struct Args {
    #[command(subcommand)]
    program: Program,
}

#[derive(Debug, Subcommand)]
enum Program {
    /// Run the index server, which lists which peer has which document
    #[command(disable_help_flag = true)]
    Server(Rest),
    /// Run a peer, which shares a directory, finds and downloads documents
    #[command(disable_help_flag = true)]
    Peer(Rest),
    /// Test whether another program follows the protocol, and grade it
    Check(check::Arguments),
    /// Install, uninstall or print the dissector for Wireshark
    Wireshark(wireshark::Arguments),
    /// Print a recorded conversation, each line with its meaning
    Explain(explain::Arguments),
    /// Start an index server and several peers, and show what they do
    Lab(lab::Arguments),
    /// Send the client side of a recorded conversation again, and compare the replies
    Replay(replay::Arguments),
    /// Control a server or a peer that runs: connections, bans, an orderly end
    #[cfg(unix)]
    Admin(admin::Arguments),
    /// Show, check or write the configuration of the server or the peer
    Config(config::command::Arguments),
    /// Write manual pages and completions of shells, for packages
    #[command(hide = true)]
    Generate(generate::Arguments),
    /// Describe a command, or a topic: exit-codes, formats, environment
    Help {
        /// A command, or a topic
        #[arg(value_name = "COMMAND|TOPIC", value_parser = described())]
        what: Option<String>,
    },
}

/// The arguments that the command itself parses.
#[derive(Debug, clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<OsString>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    program::name_as_installed();
    let args: Args = usage::arguments(std::env::args_os());
    let help = || vec![OsString::from("--help")];
    match args.program {
        Program::Server(Rest { arguments }) => server::run(arguments),
        Program::Peer(Rest { arguments }) => peer::run(arguments),
        Program::Check(arguments) => check::run(arguments),
        Program::Wireshark(arguments) => wireshark::run(arguments),
        Program::Explain(arguments) => explain::run(&arguments),
        Program::Lab(arguments) => lab::run(&arguments),
        Program::Replay(arguments) => replay::run_command(&arguments),
        #[cfg(unix)]
        Program::Admin(arguments) => admin::run(&arguments),
        Program::Config(arguments) => config::command::run(&arguments),
        Program::Generate(arguments) => generate::run(&arguments, whole_command()),
        Program::Help { what } => match what.as_deref() {
            Some("server") => server::run(help()),
            Some("peer") => peer::run(help()),
            Some(command) if is_of_peer(command) => {
                peer::run(["help", command].map(OsString::from))
            }
            Some(other) => match topic(other) {
                Some(text) => usage::print_topic(text),
                None => own_help(&["p2p-ci", other, "--help"]),
            },
            None => own_help(&["p2p-ci", "--help"]),
        },
    }
}

/// The commands that `p2p-ci help` describes.
const COMMANDS: [&str; 9] =
    ["server", "peer", "check", "wireshark", "explain", "lab", "replay", "admin", "config"];

/// The words that `p2p-ci help` accepts; also the commands of a peer.
fn described() -> PossibleValuesParser {
    let names = COMMANDS.into_iter().chain(TOPICS.iter().map(|topic| topic.name));
    let own: Vec<PossibleValue> = names.map(PossibleValue::new).collect();
    let of_peer = parsers::peer_command();
    let of_peer = of_peer.get_subcommands().map(|one| one.get_name().to_string());
    let of_peer = of_peer.map(|name| PossibleValue::new(name).hide(true));
    own.into_iter().chain(of_peer).into()
}

fn is_of_peer(command: &str) -> bool {
    parsers::peer_command().find_subcommand(command).is_some()
}

/// The program with all arguments of `server` and `peer`, which parse theirs themselves.
fn whole_command() -> Command {
    Args::command()
        .mut_subcommand("server", |_| parsers::options_of(Configurable::Server))
        .mut_subcommand("peer", |_| {
            let command = parsers::peer_command();
            let help = help_of_peer(&command);
            command.subcommand(help)
        })
}

/// The help of a peer, which a program with its arguments has by itself.
fn help_of_peer(command: &Command) -> Command {
    let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
    let names = shown.map(|one| one.get_name().to_string());
    let topics = TOPICS.iter().map(|topic| topic.name.to_string());
    let what = Arg::new("what")
        .value_name("COMMAND|TOPIC")
        .help("A command, or a topic")
        .value_parser(PossibleValuesParser::new(names.chain(topics)));
    Command::new("help")
        .about("Describe a command, or a topic: exit-codes, formats, environment")
        .arg(what)
}

/// Prints the help of a command that this file parses.
fn own_help(words: &[&str]) -> ExitCode {
    let _: Args = usage::arguments(words.iter().map(OsString::from));
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_commands_are_described() {
        let all = Args::command();
        let visible = all.get_subcommands().filter(|command| !command.is_hide_set());
        let names: Vec<&str> =
            visible.map(Command::get_name).filter(|name| *name != "help").collect();
        assert_eq!(names, COMMANDS);
    }

    /// A longer line is wrapped again where it stands.
    #[test]
    fn texts_after_the_options_fit_the_width_of_help() {
        let mut commands = vec![whole_command()];
        let mut lines = 0;
        while let Some(command) = commands.pop() {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
                lines += 1;
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(lines > 50, "{lines}");
    }
}
