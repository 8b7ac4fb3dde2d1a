//! A session: commands line by line, from a person or from a script.
//!
//! A script sees neither prompt nor decoration, and continues after a command that failed; the
//! session's code is that of the first failure.

use std::io;

use clap::Parser;
use clap::error::ErrorKind;

use super::command::{Line, LineCommand};
use super::context::Context;
use super::editor::Editor;
use super::exit::{CommandError, Failure, report};
use super::notices::Notices;
use super::outcome::report_failed;
use super::output::say;

/// Where lines come from.
enum Source {
    Person(Box<Editor>),
    Script,
}

/// Runs a session to its end.
pub(super) fn run(context: &mut Context, notices: &Notices) -> Result<(), Failure> {
    let mut source = if context.interactive {
        match Editor::new(notices, context.library.get().cloned(), context.interrupt.clone()) {
            Ok(editor) => Source::Person(Box::new(editor)),
            Err(error) => {
                report("peer", &error);
                return Err(Failure::Other);
            }
        }
    } else {
        Source::Script
    };
    let mut first_failure = Ok(());
    while let Some(line) = source.next_line() {
        context.fetcher = context.fetcher.with_cancel(context.interrupt.begin());
        let outcome = act(context, &line);
        context.interrupt.end();
        match outcome {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if error.is_closed_pipe() => return Err(error.failure()),
            Err(error) => {
                report_failed(context.format, &error);
                first_failure = first_failure.and(Err(error.failure()));
            }
        }
        if let Some(signal) = context.interrupt.ending() {
            return Err(signal.into());
        }
    }
    match source {
        // A person has seen what failed.
        Source::Person(_) => context.interrupt.ending().map_or(Ok(()), |signal| Err(signal.into())),
        Source::Script => first_failure,
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
    let words = shlex::split(line)
        .ok_or_else(|| CommandError::Usage("expected a closing quote, found the end".into()))?;
    match Line::try_parse_from(words) {
        Ok(Line { command: LineCommand::Both(command) }) => context.run(&command).map(|()| true),
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
                Err(CommandError::Usage(text.trim_end().to_string()))
            }
        },
    }
}
