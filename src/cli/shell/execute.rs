//! Reads one line of the shell and runs its command.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::command::Line;
use crate::cli::context::Context;
use crate::cli::dispatch::{paged, run_line};
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::print::print_text;
use crate::cli::topics::topic;
use crate::cli::usage::{escaped_lines, plain_words, tip_for};
use crate::cli::values::document_words::{join_kinds, with_rows};

/// Runs one line; `false` if it ends the session.
pub(super) fn run_typed(context: &mut Context, line: &str) -> Result<bool, CommandError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(true);
    }
    let mut words = shlex::split(line)
        .ok_or_else(|| CommandError::Usage("expected a closing quote, found the end".into()))?;
    if let Some(first) = words.first_mut().filter(|first| *first == "?") {
        *first = "help".into();
    }
    let mut arguments = words.iter().skip(1).take_while(|word| *word != "--");
    if arguments.any(|word| matches!(&**word, "--help" | "-h"))
        || words.get(1..).is_some_and(|arguments| arguments == ["?"])
    {
        words.truncate(1);
        words.insert(0, "help".into());
    }
    if let [help, name] = &words[..]
        && help == "help"
        && let Some(text) = topic(name)
    {
        return print_help(context, text);
    }
    run_words(context, words)
}

/// Runs the command with these words; `false` if it ends the session.
pub(super) fn run_words(context: &mut Context, words: Vec<String>) -> Result<bool, CommandError> {
    let command = command_of(words.first());
    let usage = command.as_ref().map(usage);
    let words = join_kinds(&Line::command(), words);
    let words = with_rows(&Line::command(), words, |number| context.listed.row(number));
    let words = words.map_err(|error| with_usage(CommandError::Usage(error), &usage))?;
    match Line::try_parse_from(words.clone()) {
        Ok(Line { command, format, no_pager }) => {
            context.format = format.unwrap_or(context.format);
            context.is_paged &= !no_pager;
            run_line(context, &command).map_err(|error| with_usage(error, &usage))
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                print_help(context, error.to_string().trim_end())
            }
            _ => Err(with_usage(malformed(error, &words), &usage)),
        },
    }
}

/// Prints a text of the help; the session continues.
fn print_help(context: &Context, text: &str) -> Result<bool, CommandError> {
    let print = || print_text(context.format, text).map_err(CommandError::Output);
    paged(context, print).map(|()| true)
}

/// The error of a line that cannot be read as a command.
fn malformed(mut error: clap::Error, words: &[OsString]) -> CommandError {
    let tip = tip_for(&mut error, &Line::command(), words);
    let (text, own_usage) = message(&error);
    let text = escaped_lines(&format!("{text}{tip}")).trim_end().to_string();
    // The usage line of the parser shows the missing argument.
    match own_usage.filter(|_| error.kind() == ErrorKind::MissingRequiredArgument) {
        Some(usage) => CommandError::Usage(format!("{text}\n\n{usage}")),
        None => CommandError::Usage(text),
    }
}

/// An error in the arguments of a command, and the usage line that the parser adds to it.
fn message(error: &clap::Error) -> (String, Option<String>) {
    let text = plain_words(&error.to_string());
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (usage, lines): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("Usage: "));
    let text = lines.join("\n").trim_end().replace("\n\n\n", "\n\n");
    (format!("{text}\n"), usage.first().map(ToString::to_string))
}

/// The command that the first word of a line names.
fn command_of(word: Option<&String>) -> Option<clap::Command> {
    let mut line = Line::command();
    line.build();
    line.find_subcommand(word?).cloned()
}

/// The usage line of a command.
fn usage(command: &clap::Command) -> String {
    // The name of the program before the command is empty.
    command.clone().render_usage().to_string().replace("Usage:  ", "Usage: ")
}

/// Adds the usage line to an error about the arguments of a command, unless it has one.
fn with_usage(error: CommandError, usage: &Option<String>) -> CommandError {
    match (error, usage) {
        (CommandError::Usage(text), Some(usage)) if !text.contains("Usage: ") => {
            CommandError::Usage(format!("{text}\n\n{usage}"))
        }
        (error, _) => error,
    }
}
