//! The program `peer`, and the three ways in which it runs: one command, `share`, and the shell.

use std::cell::{OnceCell, RefCell};
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use log::LevelFilter;

use super::args::{Args, Removal, Single};
use super::command::{Add, Command};
use super::context::Context;
use super::downloads::Downloads;
use super::exit::{CommandError, Failure};
use super::format::Format;
use super::index_access::IndexAccess;
use super::interrupt::{Interrupt, Mode};
use super::listed::Listed;
use super::notices::Notices;
use super::outcome::{report_failed, shown};
use super::output::print_note;
use super::program::{called, typed, with_program};
use super::rate::Rate;
use super::resume::resume_unfinished;
use super::session::{Session, teller};
use super::signals::{ServiceSignal, on_service_signal};
use super::uptime::Uptime;
use super::usage::peer_arguments;
use super::user_folder::{journal_file, neighbour_store};
use super::{dispatch, logging, shell};
use crate::escape::{escaped, excerpt};
use crate::net::AddressPolicy;
use crate::peer::{Bandwidth, Downloader, IndexConnection, IndexError, Journal, PeerStats};
use crate::protocol::{Endpoint, Port};
use crate::system::{check_peer_files, check_peer_memory, limit_malloc_arenas};

/// Runs the program.
pub fn main() -> ExitCode {
    run(std::env::args_os().skip(1))
}

/// Runs the program with these arguments, without its name.
pub(super) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = peer_arguments(&with_program("peer", arguments));
    let interactive =
        io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
    let level = match args.command {
        Some(Single::Share) => LevelFilter::Info,
        Some(Single::Both(_) | Single::Remove(_)) | None => LevelFilter::Warn,
    };
    logging::start(level, &[]);
    if let Err(error) = limit_malloc_arenas() {
        log::warn!("little of the address space can be used, set MALLOC_ARENA_MAX=1: {error}");
    }
    if let Err(failure) = finish(args.format, check_limits()) {
        return failure.into();
    }
    if let Err(failure) = finish(args.format, check_share(&args)) {
        return failure.into();
    }
    let outcome = match &args.command {
        Some(Single::Share) => finish(args.format, share(&args)),
        Some(Single::Both(Command::Add(add))) => {
            finish(args.format, Err(no_addition(&args.server, add)))
        }
        Some(Single::Both(command)) => once(&args, command, interactive),
        Some(Single::Remove(removal)) => {
            finish(args.format, Err(no_removal(&args.server, removal)))
        }
        None => run_shell(args, interactive),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.into(),
    }
}

/// Refuses a share directory that is something else, whatever the command. Only `share` needs one that
/// exists: the shell shares nothing before a download creates it.
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

/// Checks that the system lets the peer have what each command needs.
fn check_limits() -> Result<(), CommandError> {
    check_peer_memory().map_err(CommandError::TooLittleMemory)?;
    check_peer_files().map_err(CommandError::TooFewFiles)
}

fn finish<T>(format: Format, outcome: Result<T, CommandError>) -> Result<T, Failure> {
    outcome.map_err(|error| {
        // A reader that closes its pipe knows.
        if !error.is_closed_pipe() {
            report_failed("peer", format, &error);
            note_unresolved(&error);
        }
        error.failure()
    })
}

/// After a host name without dots that was not resolved: it may have been meant as something else.
fn note_unresolved(error: &CommandError) {
    let CommandError::Index(IndexError::Unreachable { index, source }) = error else { return };
    let host = index.host.as_str();
    // An error of a connection has a number of the system.
    if source.raw_os_error().is_none() && !host.contains(['.', ':']) && host != "localhost" {
        print_note(format_args!(
            "{} was taken as the host of the index: a directory is named with --share, and a command \
             comes after the host",
            excerpt(host)
        ));
    }
}

/// A single command has registered nothing that it could remove.
fn no_removal(server: &Endpoint, removal: &Removal) -> CommandError {
    let (what, peer) = (escaped(&removal.what.join(" ")).to_string(), called("peer"));
    CommandError::Usage(format!(
        "`remove` works only in the shell: a record belongs to the session that registered it. \
         Start `{peer} {server}` and type `remove {what}`; to stop sharing a file for good, name it in \
         `.p2pciignore`"
    ))
}

/// A record ends with its connection, so a single command would register it for a moment.
fn no_addition(server: &Endpoint, add: &Add) -> CommandError {
    let (what, peer) = (escaped(&add.what).to_string(), called("peer"));
    CommandError::Usage(format!(
        "`add` works only in the shell: a record ends with the session that registered it. Start \
         `{peer} {server}` and type `add {what}`; `share` registers all files of the shared directory"
    ))
}

/// One command, announcing nothing.
fn once(args: &Args, command: &Command, interactive: bool) -> Result<(), Failure> {
    let is_cancellable = matches!(command, Command::Get(_) | Command::Sync(_));
    let interrupt = Interrupt::start(Mode::Single { is_cancellable });
    let interrupt = finish(args.format, interrupt.map_err(CommandError::Signals))?;
    let context = Context {
        server: args.server.clone(),
        index: IndexAccess::once(IndexConnection::new(
            args.server.clone(),
            args.host.clone(),
            args.upload.and_then(|upload| Port::try_from(upload.port()).ok()),
            Arc::default(),
        )),
        folder: args.share.clone(),
        depth: args.depth(),
        library: OnceCell::new(),
        hashing: None,
        announcements: None,
        uploads: None,
        format: args.format,
        fetcher: fetcher(args).with_cancel(interrupt.begin()),
        journal: match command {
            Command::Get(_) | Command::Sync(_) | Command::Verify(_) | Command::Why(_) => {
                journal(&args.share)
            }
            // The others do not need one, and work where none can be written.
            _ => Arc::new(Journal::in_memory()),
        },
        interrupt,
        downloads: Downloads::default(),
        listed: Listed::default(),
        created: RefCell::default(),
        typed: typed("peer"),
        interactive,
    };
    let outcome = finish(args.format, dispatch::run(&context, command));
    context.remember_neighbours();
    // A command that was done before the signal came was done.
    outcome.map_err(|failure| context.interrupt.ending().map_or(failure, Failure::from))
}

/// Announces and uploads until a signal comes.
fn share(args: &Args) -> Result<(), CommandError> {
    let (started, (stop, stopped)) = (Instant::now(), mpsc::channel());
    let handle = move |signal| match signal {
        ServiceSignal::Reload => log::info!("SIGHUP: there is nothing to reload"),
        ServiceSignal::End(signal) => {
            log::info!("{signal} after {}: stopping", Uptime(started.elapsed()));
            // After the first signal nobody listens any more.
            let _ = stop.send(());
        }
    };
    on_service_signal(handle).map_err(CommandError::Signals)?;
    logging::warn_of_root();
    let notices = Notices::default();
    let journal = journal(&args.share);
    let tell = teller(args.server.clone(), args.format, notices.clone(), true);
    let session = Session::start(args, &journal, tell)?;
    let fetcher = fetcher(args);
    let (library, membership) = (&session.sharing.library, &session.sharing.registration);
    resume_unfinished(&fetcher, &journal, library, membership, &Downloads::default(), notices);
    // The sender lives as long as the process.
    let _ = stopped.recv();
    let totals = session.sharing.uploads.totals();
    drop(session);
    log::info!("stopped after {}: {totals}", Uptime(started.elapsed()));
    Ok(())
}

/// The shell, for a person or a script.
fn run_shell(args: Args, interactive: bool) -> Result<(), Failure> {
    let notices = Notices::default();
    let tell = teller(args.server.clone(), args.format, notices.clone(), interactive);
    let journal = journal(&args.share);
    let session = finish(args.format, Session::start(&args, &journal, tell))?;
    let interrupt = Interrupt::start(Mode::Shell { interactive });
    let interrupt = finish(args.format, interrupt.map_err(CommandError::Signals))?;
    let membership = Arc::clone(&session.sharing.registration);
    interrupt.at_end(move || membership.close());
    let registered = session.sharing.registration.wait(&interrupt.begin());
    interrupt.end();
    match registered {
        Err(_) if interrupt.ending().is_some() => {
            return Err(interrupt.ending().map_or(Failure::Cancelled, Failure::from));
        }
        Err(IndexError::Cancelled { .. }) => {
            notices.say("interrupted: not registered yet; the registration continues");
        }
        Err(error) if !interactive => return finish(args.format, Err(CommandError::from(error))),
        Ok(()) | Err(_) => {}
    }
    let (fetcher, downloads) = (fetcher(&args), Downloads::default());
    if interactive {
        logging::warn_of_root();
        // A script has its own plans.
        let (library, membership) = (&session.sharing.library, &session.sharing.registration);
        resume_unfinished(&fetcher, &journal, library, membership, &downloads, notices.clone());
    }
    let mut context = Context {
        depth: args.depth(),
        server: args.server,
        index: IndexAccess::of_session(Arc::clone(&session.sharing.registration)),
        hashing: Some(session.sharing.hashing.queue()),
        announcements: Some(session.sharing.announcer.queue()),
        folder: args.share,
        library: OnceCell::from(session.sharing.library.clone()),
        uploads: Some(Arc::clone(&session.sharing.uploads)),
        format: args.format,
        fetcher,
        journal,
        interrupt,
        downloads,
        listed: Listed::default(),
        created: RefCell::default(),
        typed: String::new(),
        interactive,
    };
    let outcome = shell::run(&mut context, &notices);
    context.remember_neighbours();
    outcome
}

/// The journal of the downloads into a folder. Without one downloads go on all the same.
fn journal(folder: &Path) -> Arc<Journal> {
    let path = journal_file(folder);
    let opened = path.as_deref().map(Journal::open).transpose();
    let opened = opened.unwrap_or_else(|error| {
        log::warn!("there is no journal of downloads: {error}");
        None
    });
    Arc::new(opened.unwrap_or_else(Journal::in_memory))
}

/// Downloads with what is remembered of other peers.
fn fetcher(args: &Args) -> Downloader {
    let store = neighbour_store();
    let neighbours = store.map_or_else(PeerStats::default, |store| PeerStats::load(&store));
    let limit = args.download_limit.map(Rate::bytes_per_second);
    Downloader::new(neighbours, Bandwidth::new(limit), AddressPolicy::new(args.allow_net.clone()))
}
