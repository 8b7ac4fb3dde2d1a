//! The shell: reads commands line by line, from a terminal or from a script.
//!
//! A script gets no prompt, and continues after a failed command. The most severe failure decides the exit
//! code of the session.

use std::io::{self, BufRead};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::completion::Completions;
use super::editor::Editor;
use crate::cli::command::Line;
use crate::cli::context::Context;
use crate::cli::dispatch::run_line;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::errors::report::report;
use crate::cli::output::notices::Notices;
use crate::cli::output::outcome::report_failed;
use crate::cli::output::print::print_text;
use crate::cli::program::called;
use crate::cli::usage::{escaped_lines, tip};
use crate::cli::values::named::join_kinds;
use crate::escape::excerpt;

/// The source of the lines.
enum Source {
    Person(Box<Editor>),
    /// Standard input, and the number of the line that was read last.
    Script {
        line: usize,
    },
}

/// Runs a session to its end.
pub(in crate::cli) fn run(context: &mut Context, notices: &Notices) -> Result<(), Failure> {
    let mut source = if context.interactive {
        let completions = Completions::new(context.library.get().cloned(), context.listed.clone());
        match Editor::new(notices, completions, context.interrupt.clone()) {
            Ok(editor) => Source::Person(Box::new(editor)),
            Err(error) => {
                report(&called("peer"), &error);
                return Err(Failure::Other);
            }
        }
    } else {
        Source::Script { line: 0 }
    };
    let mut worst = None;
    loop {
        let line = match source.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error @ CommandError::Usage(_)) => {
                report_failed(&source.prefix(&error), context.format, &error);
                worst = Failure::worst(worst.into_iter().chain([error.failure()]));
                continue;
            }
            Err(error) => {
                report_failed(&called("peer"), context.format, &error);
                return Err(Failure::worst(worst.into_iter().chain([error.failure()]))
                    .unwrap_or(error.failure()));
            }
        };
        context.downloader = context.downloader.with_cancel(context.interrupt.begin());
        context.typed = line.trim().to_string();
        let outcome = act(context, &line);
        context.interrupt.end();
        match outcome {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if error.is_closed_pipe() => return Err(error.failure()),
            Err(error) => {
                report_failed(&source.prefix(&error), context.format, &error);
                worst = Failure::worst(worst.into_iter().chain([error.failure()]));
            }
        }
        if let Some(signal) = context.interrupt.ending() {
            return Err(signal.into());
        }
    }
    match source {
        // The user has seen the failures.
        Source::Person(_) => context.interrupt.ending().map_or(Ok(()), |signal| Err(signal.into())),
        Source::Script { .. } => worst.map_or(Ok(()), Err),
    }
}

impl Source {
    /// The next line; `None` at the end of input.
    ///
    /// # Errors
    /// When input cannot be read. After a line that is not text ([`CommandError::Usage`]) the next one can.
    fn next_line(&mut self) -> Result<Option<String>, CommandError> {
        match self {
            Self::Person(editor) => editor.next_line().map_err(|error| CommandError::File {
                what: "cannot read from the terminal".into(),
                source: io::Error::other(error),
            }),
            Self::Script { line: number } => {
                let mut line = Vec::new();
                *number += 1;
                let read = io::stdin().lock().read_until(b'\n', &mut line);
                read.map_err(|source| CommandError::File {
                    what: format!("cannot read line {number} of standard input"),
                    source,
                })?;
                if line.is_empty() {
                    return Ok(None);
                }
                String::from_utf8(line).map(Some).map_err(|error| {
                    let found = excerpt(error.as_bytes().trim_ascii_end());
                    CommandError::Usage(format!("expected a line in UTF-8, found {found}"))
                })
            }
        }
    }

    /// The beginning of an error message. A usage error in a script names the line.
    fn prefix(&self, error: &CommandError) -> String {
        match (self, error.failure()) {
            (Self::Script { line }, Failure::Usage) => format!("{}: line {line}", called("peer")),
            (Self::Script { .. } | Self::Person(_), _) => called("peer"),
        }
    }
}

/// Runs one line; `false` if it ends the session.
fn act(context: &Context, line: &str) -> Result<bool, CommandError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(true);
    }
    let mut words = shlex::split(line)
        .ok_or_else(|| CommandError::Usage("expected a closing quote, found the end".into()))?;
    if words.iter().skip(1).any(|word| matches!(&**word, "--help" | "-h")) {
        words.truncate(1);
        words.insert(0, "help".into());
    }
    let command = command_of(words.first());
    let usage = command.as_ref().map(usage);
    match Line::try_parse_from(join_kinds(&Line::command(), words)) {
        Ok(Line { command }) => {
            run_line(context, &command).map_err(|error| with_usage(error, &usage))
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                print_text(context.format, error.to_string().trim_end())
                    .map_err(CommandError::Output)
                    .map(|()| true)
            }
            _ => {
                let takes_names =
                    command.is_some_and(|command| command.get_positionals().next().is_some());
                let tip = if takes_names { tip(&error, None) } else { String::new() };
                let (text, own_usage) = message(&error);
                // The usage line of the parser shows the missing argument.
                let is_missing = error.kind() == ErrorKind::MissingRequiredArgument;
                let usage = own_usage.filter(|_| is_missing).or(usage);
                let text = escaped_lines(&format!("{text}{tip}")).trim_end().to_string();
                Err(with_usage(CommandError::Usage(text), &usage))
            }
        },
    }
}

/// An error in the arguments of a command, and the usage line that the parser adds to it.
fn message(error: &clap::Error) -> (String, Option<String>) {
    let text = error.to_string().replace("a similar subcommand exists", "a similar command exists");
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
