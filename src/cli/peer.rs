//! The program `peer`: its start, and checks before a command runs.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::iter;
use std::process::ExitCode;

use super::args::{Args, Removal, Single};
use super::command::{Add, Command};
use super::errors::command_error::CommandError;
use super::lan::discovered;
use super::located::located;
use super::logs::logging;
use super::modes::{finish, once, run_shell, share};
use super::output::outcome::shown;
use super::output::print::{be_quiet, print_note};
use super::output::terminal::use_colors;
use super::program::called;
use super::usage::peer_configured;
use super::user_directory::own_files_in;
use super::values::endpoints::NamedServers;
use super::wire::form::Program;
use super::wire::options::observe_connections;
use super::wire::screen;
use crate::escape::escaped;
use crate::system::{check_peer_files, check_peer_memory, limit_malloc_arenas};

/// Runs the program.
pub fn main() -> ExitCode {
    run(std::env::args_os().skip(1))
}

/// Runs the program with these arguments, without its name.
pub(super) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let configured = peer_configured(&arguments);
    let args = &configured.args;
    use_colors(args.color);
    let interactive =
        io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
    if args.quiet {
        be_quiet();
    }
    logging::start(args.log_format, args.log_level(), &[]);
    configured.layers.warn();
    if let Err(error) = limit_malloc_arenas() {
        log::warn!("little of the address space can be used, set MALLOC_ARENA_MAX=1: {error}");
    }
    let shares = check_limits().and_then(|()| check_own_files(args));
    let checked = shares.and_then(|()| check_share(args)).and_then(|()| {
        Ok(observe_connections(
            &args.record,
            &args.wire,
            Program::Peer { names_index: !args.server.others.is_empty() },
        )?)
    });
    let is_named = configured.is_set("server");
    let servers = checked.and_then(|()| match discovered(args, is_named, interactive)? {
        Some(servers) => Ok(servers),
        None => located(args),
    });
    let servers = match finish(args.format(), servers) {
        Ok(servers) => servers,
        Err(failure) => return failure.into(),
    };
    let outcome = match &args.command {
        Some(Single::Share) => finish(args.format(), share(&configured, &servers, arguments)),
        Some(Single::Both(Command::Add(add))) => {
            finish(args.format(), Err(no_addition(&args.server, add)))
        }
        Some(Single::Both(command)) => once(args, servers, command, interactive),
        Some(Single::Remove(removal)) => {
            finish(args.format(), Err(no_removal(&args.server, removal)))
        }
        None => run_shell(args, servers, interactive),
    };
    screen::finish();
    logging::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.into(),
    }
}

/// Checks that no directory would share this program's own files, such as the token of the status page, or let
/// downloads write them.
fn check_own_files(args: &Args) -> Result<(), CommandError> {
    let shares_or_saves = matches!(
        &args.command,
        None | Some(Single::Share | Single::Both(Command::Get(_) | Command::Sync(_)))
    );
    if !shares_or_saves {
        return Ok(());
    }
    let others = args.more_shares.iter().map(|share| &*share.path);
    for directory in iter::once(&*args.share).chain(others) {
        if let Some(own) = own_files_in(directory) {
            let what = format!("cannot share `{}`", shown(directory));
            let text = format!(
                "this program's own files are in `{}`: share another directory, or have them elsewhere with \
                 XDG_STATE_HOME, XDG_CACHE_HOME and XDG_CONFIG_HOME",
                shown(&own)
            );
            let source = io::Error::new(io::ErrorKind::InvalidInput, text);
            return Err(CommandError::File { what, source });
        }
    }
    Ok(())
}

/// Checks that the share directory is a directory if it exists. Only `share` needs it to exist: the shell
/// shares nothing until a download creates it.
fn check_share(args: &Args) -> Result<(), CommandError> {
    let share = shown(&args.share);
    let refused = |kind, text: String| {
        let what = format!("cannot share `{share}`");
        Err(CommandError::File { what, source: io::Error::new(kind, text) })
    };
    match (args.share.metadata(), &args.command) {
        (Ok(found), _) if !found.is_dir() => refused(
            io::ErrorKind::NotADirectory,
            "expected a directory, found something else; name its directory with --share".into(),
        ),
        (Err(error), Some(Single::Share)) if error.kind() == io::ErrorKind::NotFound => refused(
            error.kind(),
            "there is no such directory; create it, or name another one with --share".into(),
        ),
        (Err(error), None) if error.kind() == io::ErrorKind::NotFound => {
            let note = "does not exist: nothing is shared before a download creates it";
            print_note(format_args!("`{share}` {note}"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Checks that memory and descriptors suffice for every command.
fn check_limits() -> Result<(), CommandError> {
    check_peer_memory().map_err(CommandError::TooLittleMemory)?;
    check_peer_files().map_err(CommandError::TooFewFiles)
}

/// The error of `remove` as a single command, which has registered nothing.
fn no_removal(server: &NamedServers, removal: &Removal) -> CommandError {
    let (what, peer) = (escaped(&removal.what.join(" ")).to_string(), called("peer"));
    CommandError::Usage(format!(
        "`remove` works only in the shell: a record belongs to the session that registered it. \
         Start `{peer} {server}` and type `remove {what}`; to stop sharing a file for good, name it in \
         `.p2pciignore`"
    ))
}

/// The error of `add` as a single command, whose connection and record would end immediately.
fn no_addition(server: &NamedServers, add: &Add) -> CommandError {
    let (what, peer) = (escaped(&add.what).to_string(), called("peer"));
    CommandError::Usage(format!(
        "`add` works only in the shell: a record ends with the session that registered it. Start \
         `{peer} {server}` and type `add {what}`; `share` registers all files of the shared directory"
    ))
}
