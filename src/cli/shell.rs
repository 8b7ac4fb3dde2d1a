//! A session: commands line by line, from a person or from a script.
//!
//! A script sees neither prompt nor decoration, and continues after a command that failed. The most
//! severe failure decides the exit code of the session.

use std::io;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::command::{Line, LineCommand};
use super::completion::Completions;
use super::context::Context;
use super::editor::Editor;
use super::exit::{CommandError, Failure, report};
use super::named::join_kinds;
use super::notices::Notices;
use super::outcome::report_failed;
use super::output::say;
use super::usage::{escaped_lines, tip};

/// Where lines come from.
enum Source {
    Person(Box<Editor>),
    Script,
}

/// Runs a session to its end.
pub(super) fn run(context: &mut Context, notices: &Notices) -> Result<(), Failure> {
    let mut source = if context.interactive {
        let completions = Completions::new(context.library.get().cloned(), context.listed.clone());
        match Editor::new(notices, completions, context.interrupt.clone()) {
            Ok(editor) => Source::Person(Box::new(editor)),
            Err(error) => {
                report("peer", &error);
                return Err(Failure::Other);
            }
        }
    } else {
        Source::Script
    };
    let mut worst = None;
    while let Some(line) = source.next_line() {
        context.fetcher = context.fetcher.with_cancel(context.interrupt.begin());
        context.typed = line.trim().to_string();
        let outcome = act(context, &line);
        context.interrupt.end();
        match outcome {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if error.is_closed_pipe() => return Err(error.failure()),
            Err(error) => {
                report_failed(context.format, &error);
                worst = Failure::worst(worst.into_iter().chain([error.failure()]));
            }
        }
        if let Some(signal) = context.interrupt.ending() {
            return Err(signal.into());
        }
    }
    match source {
        // A person has seen what failed.
        Source::Person(_) => context.interrupt.ending().map_or(Ok(()), |signal| Err(signal.into())),
        Source::Script => worst.map_or(Ok(()), Err),
    }
}

impl Source {
    fn next_line(&mut self) -> Option<String> {
        match self {
            Self::Person(editor) => editor.next_line(),
            Self::Script => {
                let mut line = String::new();
                match io::stdin().read_line(&mut line) {
                    Ok(0) => None,
                    Ok(_) => Some(line),
                    Err(error) => {
                        report("peer: cannot read standard input", &error);
                        None
                    }
                }
            }
        }
    }
}

/// Does one line; `false` if it was the last.
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
    let usage = usage(words.first());
    match Line::try_parse_from(join_kinds(words)) {
        Ok(Line { command: LineCommand::Both(command) }) => {
            context.run(&command).map(|()| true).map_err(|error| with_usage(error, &usage))
        }
        Ok(Line { command: LineCommand::Remove(named) }) => {
            context.remove(&named.document).map(|()| true)
        }
        Ok(Line { command: LineCommand::Quit }) => Ok(false),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                say(error.to_string().trim_end()).map_err(CommandError::Output).map(|()| true)
            }
            _ => {
                let text = error.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                // Of an unknown command, this says nothing.
                let text = text.replace("Usage: <COMMAND>\n\n", "");
                let text = format!("{text}{}", tip(&error, None));
                let error = CommandError::Usage(escaped_lines(&text).trim_end().to_string());
                Err(with_usage(error, &usage))
            }
        },
    }
}

/// The usage line of a command.
fn usage(command: Option<&String>) -> Option<String> {
    let mut line = Line::command();
    line.build();
    let command = line.find_subcommand_mut(command?)?;
    // The name of the program before the command is empty.
    Some(command.render_usage().to_string().replace("Usage:  ", "Usage: "))
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
