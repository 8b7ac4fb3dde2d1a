//! The three ways in which the program `peer` runs: one command, `share`, and the shell.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io;
use std::iter;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use super::args::Args;
use super::command::Command;
use super::config::layers::Configured;
use super::context::{Context, store_peer_stats};
use super::dispatch;
use super::errors::command_error::CommandError;
use super::errors::failure::Failure;
use super::lan::LanPeers;
use super::logs::logging;
use super::logs::uptime::Uptime;
use super::output::format::Format;
use super::output::notices::Notices;
use super::output::outcome::{report_failed, shown};
use super::peer_reload::{LateReload, PeerLimits, Reload};
use super::program::{called, typed};
use super::service;
use super::session::ending::{end, end_in_time};
use super::session::events::event_printers;
use super::session::index_access::IndexAccess;
use super::session::interrupt::{Interrupt, Mode};
use super::session::resume::resume_unfinished;
use super::session::sharing::{Downloading, Session};
use super::session::signals::{ServiceSignal, cause, on_service_signal};
use super::shell::line_loop::{self, Front};
use super::shell::listed::Listed;
use super::unreachable::note_unreachable;
use super::user_directory::{journal_file, peer_stats_store};
use super::values::endpoints::Servers;
use super::wire::screen;
use crate::escape::escaped_path;
use crate::limits;
use crate::net::AddressPolicy;
use crate::peer::{
    Bandwidth, Downloader, IndexConnection, IndexError, IndexGroup, Journal, PeerStats,
};
use crate::protocol::{Endpoint, Port};
use crate::system::ServiceChange;

/// What the service manager is told about a peer that shares.
const SHARING: &str = "sharing";

/// Reports the error of a command, if it has one.
pub(super) fn finish<T>(format: Format, outcome: Result<T, CommandError>) -> Result<T, Failure> {
    outcome.map_err(|error| {
        // A reader that has closed its pipe needs no message.
        if !error.is_closed_pipe() {
            report_failed(&called("peer"), format, &error);
            note_unreachable(&error);
        }
        error.failure()
    })
}

/// Runs one command, and registers nothing.
pub(super) fn once(
    args: &Args,
    servers: Servers,
    command: &Command,
    interactive: bool,
) -> Result<(), Failure> {
    let is_cancellable = matches!(command, Command::Get(_) | Command::Sync(_));
    let interrupt = Interrupt::start(Mode::Single { is_cancellable });
    let interrupt = finish(args.format(), interrupt.map_err(CommandError::Signals))?;
    let port = args.upload.and_then(|upload| Port::try_from(upload.port()).ok());
    let connection = |server: &Endpoint| {
        IndexConnection::new(server.clone(), args.host.clone(), port, Arc::default())
    };
    let others = servers.others.iter().map(connection).collect();
    let table = finish(args.format(), args.dht.join(&servers, None))?;
    let lan = finish(args.format(), LanPeers::join(args.lan, None))?;
    let queries = IndexGroup::new(connection(&servers.first), others);
    let sources = lan.sources().into_iter().chain(table.sources()).collect();
    let index = IndexAccess::once(queries.with_sources(sources));
    let is_dry_run = matches!(command, Command::Sync(sync) if sync.dry_run);
    let journal = match command {
        _ if is_dry_run => existing_journal(&args.share),
        Command::Get(_) | Command::Sync(_) => journal(&args.share),
        Command::Verify(_)
        | Command::Why(_)
        | Command::Read(_)
        | Command::Open(_)
        | Command::Docs
        | Command::Status => existing_journal(&args.share),
        // Other commands need no journal, and work where none can be written.
        _ => Arc::new(Journal::in_memory()),
    };
    let downloader = downloader(args, PeerLimits::of(args).download).with_cancel(interrupt.begin());
    let context = Context {
        typed: typed("peer"),
        interactive,
        is_paged: interactive && !args.no_pager,
        ..Context::new(args, servers, index, downloader, journal, interrupt)
    };
    let outcome = finish(args.format(), dispatch::run(&context, command));
    if !is_dry_run {
        store_peer_stats(&context.downloader);
    }
    // A command that completed before the signal has succeeded.
    outcome.map_err(|failure| context.interrupt.ending().map_or(failure, Failure::from))
}

/// Registers the shared directory and uploads until a signal arrives.
pub(super) fn share(
    configured: &Configured<Args>,
    servers: &Servers,
    arguments: Vec<OsString>,
) -> Result<(), CommandError> {
    let args = &configured.args;
    let (started, (stop, stopped)) = (Instant::now(), mpsc::channel());
    let reload = LateReload::default();
    let reloaded = reload.clone();
    let handle = move |signal| match signal {
        ServiceSignal::Reload => service::reload(SHARING, || reloaded.run()),
        ServiceSignal::End(signal) => {
            service::notify_end();
            // After the first signal the receiver is gone.
            let _ = stop.send(signal);
        }
    };
    on_service_signal(handle).map_err(CommandError::Signals)?;
    logging::warn_of_root();
    let notices = Notices::default();
    let journal = journal(&args.share);
    let on_event = event_printers(servers, args.format(), &notices, true);
    let limits = PeerLimits::of(args);
    let downloading =
        Downloading { downloader: downloader(args, limits.download.clone()), journal, notices };
    let session = Session::start(args, servers, &limits, downloading, on_event)?;
    let library = &session.sharing.library;
    log_start(args, servers, &session);
    if let Some(file) = &configured.layers.file {
        log::info!("configuration: {}", escaped_path(file));
    }
    let uploads = Arc::clone(&session.sharing.uploads);
    reload.start(Reload::new(arguments, configured, limits, uploads));
    let watched = library.clone();
    service::start_watchdog(move || {
        watched.read().len();
    });
    service::notify(ServiceChange::Ready(SHARING));
    resume_unfinished(&session.downloads);
    // The sender lives as long as the process.
    let signal = stopped.recv();
    let is_drained = session.sharing.uploads.stop().is_drained();
    let cause = signal.map(|signal| cause(signal, is_drained));
    if let Ok(cause) = &cause {
        log::info!("{cause} after {}: stopping", Uptime(started.elapsed()));
    }
    let cause = cause.map_or_else(|_| String::new(), |cause| format!(" by {cause}"));
    let totals = session.sharing.uploads.totals();
    // It has the upload server, which ends with the session.
    reload.end();
    store_peer_stats(&session.downloads.downloader);
    end_in_time(session);
    log::info!("stopped{cause} after {}: {totals}", Uptime(started.elapsed()));
    Ok(())
}

/// The first line of the log: the version, the addresses and the limits.
fn log_start(args: &Args, servers: &Servers, session: &Session) {
    let uploading = session.sharing.uploads.address();
    let others = args.more_shares.iter().map(|share| &*share.path);
    let shares: Vec<String> =
        iter::once(&*args.share).chain(others).map(|path| format!("`{}`", shown(path))).collect();
    log::info!(
        "{} {} shares {} at {uploading} with {}: at most {} large documents concurrently",
        called("peer"),
        env!("CARGO_PKG_VERSION"),
        shares.join(", "),
        servers,
        args.upload_slots
    );
}

/// Runs the shell, on a terminal or for a script.
pub(super) fn run_shell(args: &Args, servers: Servers, interactive: bool) -> Result<(), Failure> {
    let notices = Notices::default();
    let on_event = event_printers(&servers, args.format(), &notices, interactive);
    let journal = journal(&args.share);
    let limits = PeerLimits::of(args);
    let downloader = downloader(args, limits.download.clone());
    let downloading = Downloading {
        downloader: downloader.clone(),
        journal: Arc::clone(&journal),
        notices: notices.clone(),
    };
    let session =
        finish(args.format(), Session::start(args, &servers, &limits, downloading, on_event))?;
    let interrupt = Interrupt::start(Mode::Shell { interactive });
    let interrupt = finish(args.format(), interrupt.map_err(CommandError::Signals))?;
    let registrations = session.sharing.registrations.clone();
    interrupt.at_end(move || registrations.close());
    let registered = session.sharing.registrations.wait(&interrupt.begin());
    interrupt.end();
    match registered {
        Err(_) if interrupt.ending().is_some() => {
            return Err(interrupt.ending().map_or(Failure::Cancelled, Failure::from));
        }
        Err(IndexError::Cancelled { .. }) => {
            notices.print("interrupted: not registered yet; the registration continues");
        }
        Err(error) if !interactive => return finish(args.format(), Err(CommandError::from(error))),
        Ok(()) | Err(_) => {}
    }
    let front = if args.menu { Front::Menu } else { Front::Prompt };
    if interactive {
        logging::warn_of_root();
        // A script decides itself what is downloaded.
        resume_unfinished(&session.downloads);
    }
    let index = IndexAccess::of_session(session.sharing.registrations.clone());
    let mut context = Context {
        library: OnceCell::from(session.sharing.library.clone()),
        hashing: Some(session.sharing.hashing.queue()),
        announcements: Some(session.sharing.announcements()),
        uploads: Some(Arc::clone(&session.sharing.uploads)),
        downloads: session.downloads.downloads.clone(),
        table: session.table.clone(),
        listed: Listed::of_shell(),
        interactive,
        is_paged: interactive && !args.no_pager,
        ..Context::new(args, servers, index, downloader, journal, interrupt)
    };
    screen::show_above_prompt(&notices);
    let outcome = line_loop::run(&mut context, &notices, front);
    store_peer_stats(&context.downloader);
    let interrupt = context.interrupt.clone();
    // It shares the upload server.
    drop(context);
    end(session, &interrupt, interactive);
    outcome
}

/// The journal of the downloads into a directory. If it cannot be opened, downloads work without one.
fn journal(directory: &Path) -> Arc<Journal> {
    let path = journal_file(directory);
    let opened = path.as_deref().map(Journal::open).transpose();
    let opened = opened.unwrap_or_else(|error| {
        log::warn!(
            "cannot open the journal of downloads, so unfinished downloads are not resumed: {error}"
        );
        None
    });
    Arc::new(opened.unwrap_or_else(Journal::in_memory))
}

/// The same for commands that only read it: they do not create it.
fn existing_journal(directory: &Path) -> Arc<Journal> {
    let state = journal_file(directory).map(|path| path.symlink_metadata());
    match state {
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            Arc::new(Journal::without_earlier_runs())
        }
        _ => journal(directory),
    }
}

/// A downloader with the stored speeds of other peers.
fn downloader(args: &Args, bandwidth: Bandwidth) -> Downloader {
    let store = peer_stats_store();
    let stats = store.map_or_else(PeerStats::default, |store| PeerStats::load(&store));
    let (limits, policy) =
        (limits::Downloads::default(), AddressPolicy::new(args.allow_net.clone()));
    let downloader = Downloader::new(stats, bandwidth, policy, limits);
    if args.strict { downloader.strict() } else { downloader }
}
