//! Runs a command, in the shell and after `peer` on the command line.

use super::command::{Command, LineCommand};
use super::commands::{
    add, browse, docs, get, list, lookup, open, peers, read, remove, search, status, sync, verify,
    why,
};
use super::context::Context;
use super::downloads::share_directory::remove_empty_directories;
use super::errors::command_error::CommandError;
use super::other_kind::note_upload_server;
use super::output::pager::Paging;
use super::output::print::{clear_screen, print_note};

/// Runs a line of the shell; `false` if it ends the session.
pub(super) fn run_line(context: &Context, line: &LineCommand) -> Result<bool, CommandError> {
    match line {
        LineCommand::Both(command) => run(context, command)?,
        LineCommand::Remove(named) => remove(context, &named.document)?,
        LineCommand::Clear => clear_screen().map_err(CommandError::Output)?,
        LineCommand::Quit => return Ok(false),
    }
    Ok(true)
}

/// Runs a command, and closes what it has opened.
pub(super) fn run(context: &Context, command: &Command) -> Result<(), CommandError> {
    context.index.cancel_queries_with(context.cancel());
    let outcome = match may_be_long(command) {
        true => paged(context, || dispatch(context, command)),
        false => dispatch(context, command),
    };
    context.index.close_queries();
    remove_empty_directories(context);
    match &outcome {
        Err(error) => note_upload_server(context, error),
        Ok(()) if context.has_table && lists(command) => print_note(
            "documents that only the distributed hash table knows are not listed: `lookup` and `get` find \
             them by number or name",
        ),
        Ok(()) => {}
    }
    match (command, &outcome) {
        // A command that had ended before the interrupt has succeeded.
        (Command::Get(_) | Command::Sync(_) | Command::Add(_), Ok(())) => outcome,
        (
            _,
            Ok(())
            | Err(
                CommandError::Index(_)
                | CommandError::Printed { .. }
                | CommandError::Counted { .. },
            ),
        ) => context.check_interrupt().and(outcome),
        (_, Err(_)) => outcome,
    }
}

/// Whether a command reads lists of index servers.
fn lists(command: &Command) -> bool {
    match command {
        Command::List(_)
        | Command::Search(_)
        | Command::Browse(_)
        | Command::Peers
        | Command::Sync(_) => true,
        Command::Lookup(_)
        | Command::Get(_)
        | Command::Add(_)
        | Command::Verify(_)
        | Command::Why(_)
        | Command::Read(_)
        | Command::Open(_)
        | Command::Docs
        | Command::Status => false,
    }
}

/// Whether the output of a command may be longer than the screen, and nothing else is shown meanwhile.
fn may_be_long(command: &Command) -> bool {
    match command {
        Command::List(_)
        | Command::Lookup(_)
        | Command::Search(_)
        | Command::Browse(_)
        | Command::Peers
        | Command::Why(_)
        | Command::Read(_)
        | Command::Docs
        | Command::Status => true,
        Command::Sync(sync) => sync.dry_run,
        Command::Get(_) | Command::Add(_) | Command::Verify(_) | Command::Open(_) => false,
    }
}

/// Runs something whose output goes to a pager if it is longer than the screen.
pub(super) fn paged(
    context: &Context,
    run: impl FnOnce() -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    if !context.is_paged {
        return run();
    }
    let interrupt = context.interrupt.clone();
    let paging = Paging::begin(move |has_pager| interrupt.leave_to_pager(has_pager));
    let outcome = run();
    match paging.end() {
        // The user has left the pager before the end.
        Ok(true) if outcome.as_ref().is_err_and(CommandError::is_closed_pipe) => Ok(()),
        Ok(_) => outcome,
        Err(error) => outcome.and(Err(CommandError::Output(error))),
    }
}

fn dispatch(context: &Context, command: &Command) -> Result<(), CommandError> {
    match command {
        Command::List(command) => list(context, command),
        Command::Lookup(command) => lookup(context, command),
        Command::Search(command) => search(context, command),
        Command::Browse(command) => browse(context, &command.peer),
        Command::Peers => peers(context),
        Command::Get(command) => get(context, command),
        Command::Sync(command) => sync(context, command),
        Command::Add(command) => add(context, command),
        Command::Verify(command) => verify(context, &command.documents),
        Command::Why(named) => why(context, &named.document),
        Command::Read(named) => read(context, &named.document),
        Command::Open(named) => open(context, &named.document),
        Command::Docs => docs(context),
        Command::Status => status(context),
    }
}
