//! Arguments that are read, and the errors in them.

use std::env;
use std::ffi::OsString;
use std::process::{ExitCode, exit};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Error, Parser, ValueEnum};
use serde_json::json;

use super::args::Args;
use super::config::checking::unknown_variables;
use super::config::error::{ConfigError, Mistake};
use super::config::keys::VARIABLES;
use super::config::layers::{Configured, NotConfigured, configured};
use super::config::programs::Program;
use super::errors::failure::Failure;
use super::errors::report::{error_json, report};
use super::misplaced::{document_tip, misplaced_tip, other_command};
use super::other_names::suggest;
use super::output::format::{Format, without_format};
use super::output::print::{print_json, print_message, print_prose};
use super::parsers::{options_of, peer_command, with_commands, with_program_names};
use super::program::{called, with_names, with_program};
use super::server_args;
use super::surplus::surplus_tip;
use super::topics::topic;
use super::values::document_words::join_kinds;
use crate::error_chain::error_chain;
use crate::escape::{escaped, excerpt};
use crate::protocol::similar;

/// Reads the arguments of the program `peer`, without its name, and its configuration; ends it when they are
/// wrong, or ask for help.
pub(super) fn peer_configured(arguments: &[OsString]) -> Configured<Args> {
    if let [.., help, name] = arguments
        && *help == *"help"
        && let Some(text) = name.to_str().and_then(topic)
    {
        exit(print_prose(with_names(text)).map_or(Failure::File as i32, |()| 0));
    }
    let found = read_peer(arguments).and_then(|mut found| {
        found.args = check_menu(found.args).and_then(|args| check_server(args, arguments))?;
        Ok(found)
    });
    found.unwrap_or_else(|error| match error {
        NotConfigured::Arguments(mut error) => {
            let command = peer_command();
            let words = join_kinds(&command, with_program("peer", arguments.iter().cloned()));
            let tip = tip_for(&mut error, &command, &words);
            end(&error, &tip, format_of_peer(arguments))
        }
        NotConfigured::Configuration(error) => {
            end_by_configuration("peer", &error, format_of_peer(arguments))
        }
    })
}

/// Reads the same, or returns what is wrong.
pub(super) fn read_peer(arguments: &[OsString]) -> Result<Configured<Args>, NotConfigured> {
    let all = with_program("peer", arguments.iter().cloned());
    let options = options_of(Program::Peer);
    let mut found = configured::<Args>(Program::Peer, &options, |options| {
        let command = with_commands(options);
        let words = join_kinds(&command, all.iter().cloned());
        command.try_get_matches_from(words)
    })?;
    found.args.set_tables(found.layers.tables.clone());
    found.layers.unknown_variables = unknown_variables_of_programs();
    found.check_needs(&[], &options)?;
    Ok(found)
}

/// Reads the arguments of the program `server`, without its name, and its configuration; ends it when they are
/// wrong, or ask for help.
pub(super) fn server_configured(arguments: &[OsString]) -> Configured<server_args::Args> {
    read_server(arguments).unwrap_or_else(|error| match error {
        NotConfigured::Arguments(mut error) => {
            let words = with_program("server", arguments.iter().cloned());
            let tip = tip_for(&mut error, &options_of(Program::Server), &words);
            end(&error, &tip, Format::Raw)
        }
        NotConfigured::Configuration(error) => end_by_configuration("server", &error, Format::Raw),
    })
}

/// Reads the same, or returns what is wrong.
pub(super) fn read_server(
    arguments: &[OsString],
) -> Result<Configured<server_args::Args>, NotConfigured> {
    let all = with_program("server", arguments.iter().cloned());
    let options = options_of(Program::Server);
    let mut found = configured::<server_args::Args>(Program::Server, &options, |command| {
        command.try_get_matches_from(&all)
    })?;
    found.layers.unknown_variables = unknown_variables_of_programs();
    found.check_needs(&server_args::NEEDS, &options)?;
    Ok(found)
}

/// The variables of the environment that neither program has: one environment may be for both.
fn unknown_variables_of_programs() -> Vec<Mistake> {
    unknown_variables(&[Program::Server, Program::Peer].map(options_of))
}

/// Prints the mistakes in the configuration, and ends the program.
fn end_by_configuration(program: &str, error: &ConfigError, format: Format) -> ! {
    let ConfigError(mistakes) = error;
    let texts: Vec<String> = mistakes.iter().map(|mistake| error_chain(mistake)).collect();
    print_error(format, Failure::Config, &texts.join("; "));
    mistakes.iter().for_each(|mistake| report(&called(program), mistake));
    exit(Failure::Config as i32);
}

/// Refuses a command with `--menu`, in which the commands are chosen.
fn check_menu(args: Args) -> Result<Args, Error> {
    match args.menu && args.command.is_some() {
        false => Ok(args),
        true => {
            let message = "expected no command with `--menu`, in which operations are chosen";
            Err(peer_command().error(ErrorKind::ArgumentConflict, message))
        }
    }
}

/// Refuses a server that is probably a mistyped command, because resolving its name may take long.
fn check_server(args: Args, all: &[OsString]) -> Result<Args, Error> {
    let server = args.server.first.endpoint();
    let is_alone = args.command.is_none() && all.iter().any(|word| *word == *server.host.as_str());
    match mistyped(server.host.as_str()).filter(|_| is_alone) {
        None => Ok(args),
        Some(tip) => {
            let found = excerpt(server.host.as_str());
            let message = format!(
                "expected a command or an index server, found {found}\n\n{tip}; \
                 if {found} is a host, name its port: `{server}`"
            );
            Err(peer_command().error(ErrorKind::InvalidValue, message))
        }
    }
}

/// The tip for a word that resembles a command.
fn mistyped(word: &str) -> Option<String> {
    let all = Args::command();
    let commands = all.get_subcommands().map(Command::get_name);
    let similar = similar(word, commands.filter(|name| *name != word));
    let similar = similar.or_else(|| other_command(&all, word))?;
    Some(format!("  tip: a similar command exists: '{similar}'"))
}

/// The tip for an error in the words of a program, or an empty text.
pub(super) fn tip_for(error: &mut Error, program: &Command, words: &[OsString]) -> String {
    // Its first letter may be the short option of another program.
    if let Some(tip) = document_tip(error, program, words) {
        return tip;
    }
    if let Some(tip) = suggest(error, program, words) {
        return tip.into();
    }
    match surplus_tip(error, program, words) {
        tip if tip.is_empty() => misplaced_tip(error, program, words),
        tip => tip,
    }
}

/// Reads the arguments of a program without commands.
pub(super) fn arguments<A: Parser>(all: impl IntoIterator<Item = OsString>) -> A {
    let command = with_program_names(A::command());
    let words: Vec<OsString> = all.into_iter().collect();
    let found = command.clone().try_get_matches_from(&words);
    found.and_then(|found| A::from_arg_matches(&found)).unwrap_or_else(|mut error| {
        let tip = tip_for(&mut error, &command, &words);
        end(&error, &tip, without_format(Format::Raw, &words).0)
    })
}

/// Prints a topic of the help.
pub(super) fn print_topic(text: &str) -> ExitCode {
    match print_prose(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => Failure::File.into(),
    }
}

/// The format of errors that are found before the options are known.
fn format_of_peer(arguments: &[OsString]) -> Format {
    let variable = env::var(format!("{VARIABLES}FORMAT")).unwrap_or_default();
    let format = Format::from_str(&variable, false).unwrap_or(Format::Raw);
    without_format(format, arguments).0
}

/// Prints an error as an object, if that is the format.
fn print_error(format: Format, failure: Failure, message: &str) {
    if let Format::Json = format {
        // Standard output may be closed; the error is also on standard error.
        let _ = print_json(&json!({"v": 1, "error": error_json(failure, message)}));
    }
}

/// Prints help, or the error in the arguments, and ends the program.
fn end(error: &Error, tip: &str, format: Format) -> ! {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that closes its pipe ends every command in the same way.
        exit(error.print().map_or(Failure::File as i32, |()| 0));
    }
    let text = with_tip(&plain_words(&error.to_string()), tip);
    print_error(format, Failure::Usage, &on_one_line(&text));
    print_message(escaped_lines(&text).trim_end());
    exit(Failure::Usage as i32);
}

/// The error and its tips, without the usage that follows them.
fn on_one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let is_error = |line: &&str| {
        !line.starts_with("Usage: ") && !line.starts_with("For more information, try")
    };
    let lines: Vec<&str> =
        text.lines().take_while(is_error).map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

/// An error of the parser, in which commands are called commands.
pub(super) fn plain_words(text: &str) -> String {
    text.replace("error: unrecognized subcommand", "error: unrecognized command")
        .replace("a similar subcommand exists", "a similar command exists")
}

/// An error with a tip before its usage line.
fn with_tip(text: &str, tip: &str) -> String {
    match text.split_once("\n\nUsage: ") {
        Some((error, usage)) if !tip.is_empty() => format!("{error}\n\n{tip}\nUsage: {usage}"),
        _ => format!("{text}{tip}"),
    }
}

/// Escapes each line of a text: repeated arguments may contain terminal control characters.
pub(super) fn escaped_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", escaped(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_are_escaped() {
        assert_eq!(escaped_lines("a\u{1b}[31m\nb\u{202e}\n"), "a\\x1b[31m\nb\\u{202e}\n");
    }
}
