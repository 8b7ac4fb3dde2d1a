//! The shell: reads commands line by line, from a terminal or from a script.
//!
//! A script gets no prompt, and continues after a failed command. The most severe failure decides the exit
//! code of the session.

use super::completion::Completions;
use super::editor::Editor;
use super::execute::run_typed;
use super::menu::Menu;
use super::source::Source;
use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::errors::report::report;
use crate::cli::output::notices::Notices;
use crate::cli::output::outcome::report_failed;
use crate::cli::output::print::print_note;
use crate::cli::program::{called, with_names};
use crate::cli::wire::screen;

/// What the user is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Front {
    /// A prompt for commands.
    Prompt,
    /// A menu, which asks for an operation and its values.
    Menu,
}

const GREETING: &str = "`help` or `?` lists the commands, Tab completes them; `peer --menu` is a menu of the same operations";

/// Runs a session to its end.
pub(in crate::cli) fn run(
    context: &mut Context,
    notices: &Notices,
    front: Front,
) -> Result<(), Failure> {
    let mut source = source(context, notices)?;
    let mut menu = (front == Front::Menu).then(|| Menu::new(context.listed.clone()));
    if let (Source::Person(_), None) = (&source, &menu) {
        print_note(with_names(GREETING));
    }
    let mut worst = None;
    let (usual_format, is_usually_paged) = (context.format, context.is_paged);
    loop {
        // The exchange of a command appears before the next prompt.
        screen::settle();
        (context.format, context.is_paged) = (usual_format, is_usually_paged);
        let next = match &mut menu {
            None => source.next_line(),
            Some(menu) => menu.next_line(&mut source),
        };
        let line = match next {
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
        let outcome = run_typed(context, &line);
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

fn source(context: &Context, notices: &Notices) -> Result<Source, Failure> {
    if !context.interactive {
        return Ok(Source::script());
    }
    let registrations = context.index.registrations();
    let completions =
        Completions::new(context.library.get().cloned(), context.listed.clone(), registrations);
    match Editor::new(notices, completions, context.interrupt.clone()) {
        Ok(editor) => Ok(Source::Person(Box::new(editor))),
        Err(error) => {
            report(&called("peer"), &error);
            Err(Failure::Other)
        }
    }
}
