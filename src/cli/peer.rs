//! The program `peer`: its arguments, and the three ways in which it runs.

use std::cell::OnceCell;
use std::fs;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use clap::{Parser, Subcommand};
use ipnet::IpNet;
use log::LevelFilter;

use super::command::{Command, Format};
use super::context::Context;
use super::exit::{CommandError, Failure, report};
use super::go_on::go_on;
use super::index_access::IndexAccess;
use super::interrupt::Unfinished;
use super::notices::Notices;
use super::outcome::report_failed;
use super::output::say;
use super::rate::Rate;
use super::signals::{ServiceSignal, on_service_signal};
use super::uptime::Uptime;
use super::user_folder::{journal_file, neighbour_store, port_file, stored_digests};
use super::{logging, shell};
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::library::{Depth, Library, SharedLibrary};
use crate::limits;
use crate::net::{self, Reach};
use crate::peer::{
    Announcer, Bandwidth, Event, Fetcher, Hashing, IndexConnection, IndexDialect, Journal,
    Membership, Neighbours, Slots, UploadServer, Uploads, Watching,
};
use crate::protocol::{Document, Endpoint, Host, Port, Status, SyntaxError};

const EXIT_CODES: &str = "\
Without a command a shell is started, which reads commands from standard input.

Exit codes: 0 done, 1 anything else, 2 usage, 65 wrong digest, 66 not found, 69 index or peer
unreachable, 74 file or disk, 76 the other side broke the protocol.";

/// Peer of P2P-CI/1.0: shares a folder, finds and downloads documents.
#[derive(Debug, Parser)]
#[command(name = "peer", version, after_help = EXIT_CODES)]
struct Args {
    /// The index server
    #[arg(value_name = "SERVER[:PORT]", default_value = "localhost", value_parser = parse_server)]
    server: Endpoint,

    /// Folder to share; it is made if it is missing
    #[arg(long, value_name = "DIR", default_value = "rfc", global = true)]
    share: PathBuf,

    /// Share the sub-folders, too
    #[arg(long, global = true)]
    recursive: bool,

    /// Address to upload from [default: any address, a free port]
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    upload: Option<SocketAddr>,

    /// Lend, as a library lends books: a document that another peer has read whole is moved to
    /// the sub-folder `handed-over`, and is not shared any more
    #[arg(long, global = true)]
    hand_over: bool,

    /// Bytes a second that all uploads together may take, such as `500k` or `2M`
    #[arg(long, value_name = "RATE", global = true)]
    upload_limit: Option<Rate>,

    /// Large documents that are uploaded at once; who comes later waits for a turn
    #[arg(long, value_name = "N", default_value_t = limits::UPLOAD_SLOTS, global = true)]
    upload_slots: NonZeroUsize,

    /// Connections for uploads from one IPv4 address or IPv6 /64 network; loopback is exempt
    /// [default: 8]
    #[arg(long, value_name = "N", global = true)]
    uploads_per_address: Option<NonZeroUsize>,

    /// Bytes a second that all downloads together may take
    #[arg(long, value_name = "RATE", global = true)]
    download_limit: Option<Rate>,

    /// Download from this network or address whatever index names it; may be given several times
    /// [default: not from addresses that are nearer than the index, nor from ports below 1024]
    #[arg(long, value_name = "NET", value_parser = parse_network, global = true)]
    allow_net: Vec<IpNet>,

    /// What I call this machine [default: localhost, the host name or the address, as seen from
    /// the index]
    #[arg(long, value_name = "NAME", global = true)]
    host: Option<Host>,

    /// How replies are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "raw", global = true)]
    format: Format,

    #[command(subcommand)]
    command: Option<Single>,
}

#[derive(Debug, Subcommand)]
enum Single {
    #[command(flatten)]
    Both(Command),
    /// Register and upload the folder until Ctrl-C
    Share,
    /// Stop sharing a document: in the shell only
    #[command(hide = true)]
    Remove(Removal),
}

/// What somebody wants to remove who has no session.
#[derive(Debug, clap::Args)]
struct Removal {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    what: Vec<String>,
}

impl Args {
    fn depth(&self) -> Depth {
        if self.recursive { Depth::Tree } else { Depth::Folder }
    }
}

/// Reads `HOST`, `HOST:PORT`, `[IPv6]:PORT` or a bare IPv6 address.
fn parse_server(text: &str) -> Result<Endpoint, SyntaxError> {
    if text.contains("]:") || text.matches(':').count() == 1 {
        return text.parse();
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    Ok(Endpoint { host: bare.parse()?, port: Port::INDEX })
}

/// Reads `10.0.0.0/8`, or one address.
fn parse_network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let expected = "expected a network such as `10.0.0.0/8`, or an address";
    text.parse().or_else(|_| address()).map_err(|_| format!("{expected}, found `{text}`"))
}

/// Runs the program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let interactive =
        io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
    let level = match args.command {
        Some(Single::Share) => LevelFilter::Info,
        Some(Single::Both(_) | Single::Remove(_)) | None => LevelFilter::Warn,
    };
    logging::start(level, &[]);
    let outcome = match &args.command {
        Some(Single::Share) => finish(args.format, share(&args)),
        Some(Single::Both(command)) => finish(args.format, once(&args, command, interactive)),
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

fn finish<T>(format: Format, outcome: Result<T, CommandError>) -> Result<T, Failure> {
    outcome.map_err(|error| {
        // A reader that closes its pipe knows.
        if !error.is_closed_pipe() {
            report_failed(format, &error);
        }
        error.failure()
    })
}

/// A single command has registered nothing that it could remove.
fn no_removal(server: &Endpoint, removal: &Removal) -> CommandError {
    let what = escaped(&removal.what.join(" ")).to_string();
    CommandError::Usage(format!(
        "`remove` works only in the shell: a record belongs to the session that registered it. \
         Start `peer {server}` and type `remove {what}`; to stop sharing a file for good, name it in \
         `.p2pciignore`"
    ))
}

/// One command, announcing nothing.
fn once(args: &Args, command: &Command, interactive: bool) -> Result<(), CommandError> {
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
        uploading_from: None,
        format: args.format,
        fetcher: fetcher(args),
        journal: match command {
            Command::Get(_) | Command::Sync(_) | Command::Verify(_) | Command::Why(_) => {
                journal(&args.share)
            }
            // The others do not need one, and work where none can be written.
            _ => Arc::new(Journal::in_memory()),
        },
        unfinished: Unfinished::default(),
        interactive,
    };
    context.unfinished.remove_on_signal().map_err(CommandError::Signals)?;
    let outcome = context.run(command);
    context.remember_neighbours();
    outcome
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
    let session = Session::start(args, teller(args.server.clone(), notices.clone(), true))?;
    let fetcher = fetcher(args);
    go_on(&fetcher, &journal(&args.share), &session.library, &session.membership, notices);
    // The sender lives as long as the process.
    let _ = stopped.recv();
    let totals = session.uploads.totals();
    drop(session);
    log::info!("stopped after {}: {totals}", Uptime(started.elapsed()));
    Ok(())
}

/// The shell, for a person or a script.
fn run_shell(args: Args, interactive: bool) -> Result<(), Failure> {
    let notices = Notices::default();
    let tell = teller(args.server.clone(), notices.clone(), interactive);
    let session = finish(args.format, Session::start(&args, tell))?;
    let folder = args.share.clone();
    if let Err(error) = session.membership.wait()
        && !interactive
    {
        report("peer", &error);
        return Err(Failure::Unreachable);
    }
    let (fetcher, journal) = (fetcher(&args), journal(&folder));
    if interactive {
        logging::warn_of_root();
        // A script has its own plans.
        go_on(&fetcher, &journal, &session.library, &session.membership, notices.clone());
    }
    let context = Context {
        depth: args.depth(),
        server: args.server,
        index: IndexAccess::of_session(Arc::clone(&session.membership)),
        hashing: Some(session.hashing.queue()),
        folder: args.share,
        library: OnceCell::from(session.library.clone()),
        uploading_from: Some(session.uploads.address()),
        format: args.format,
        fetcher,
        journal,
        unfinished: Unfinished::default(),
        interactive,
    };
    let signals = context.unfinished.remove_on_signal().map_err(CommandError::Signals);
    finish(context.format, signals)?;
    let outcome = shell::run(&context, &notices);
    context.remember_neighbours();
    outcome
}

/// What runs while a folder is shared.
struct Session {
    membership: Arc<Membership>,
    uploads: UploadServer,
    library: SharedLibrary,
    _watching: Watching,
    hashing: Hashing,
    _announcer: Announcer,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Before the threads that ask the index are waited for.
        self.membership.leave();
    }
}

impl Session {
    fn start(
        args: &Args,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, CommandError> {
        let library = Library::scan_quiet(&args.share, args.depth());
        let library = library.map_err(|source| CommandError::File {
            what: format!("cannot share `{}`", args.share.display()),
            source,
        })?;
        library.write().set_digests(stored_digests());
        let listener = upload_listener(args.upload, &args.share).map_err(CommandError::Start)?;
        let bandwidth = Bandwidth::new(args.upload_limit.map(Rate::bytes_per_second));
        let slots = Slots::new(args.upload_slots);
        let uploads = Uploads {
            bandwidth,
            slots,
            per_address: args.uploads_per_address,
            hand_over: args.hand_over,
        };
        let uploads =
            UploadServer::start(listener, library.clone(), uploads).map_err(CommandError::Start)?;
        let address = uploads.address();
        // Nobody may be listening to that; others can be served all the same.
        if let Err(error) = say(format_args!("uploading from {address}")) {
            log::warn!("uploading from {address}, which cannot be printed: {error}");
        }
        let port = Port::try_from(address.port())
            .map_err(|error| CommandError::Start(io::Error::other(error)))?;
        let (index, host) = (args.server.clone(), args.host.clone());
        let membership =
            Membership::start(index, host, port, library.clone(), IndexDialect::default(), tell)
                .map_err(CommandError::Start)?;
        let membership = Arc::new(membership);
        let announcer = Announcer::start(Arc::clone(&membership)).map_err(CommandError::Start)?;
        // When the program ends there is nobody left to read what is put into a queue.
        let announce = announcer.queue();
        let hashed = move |document: &Document| drop(announce.send(document.clone()));
        let hashing = Hashing::start(library.clone(), hashed).map_err(CommandError::Start)?;
        let (announce, hash) = (announcer.queue(), hashing.queue());
        let changed = move |document: &Document| {
            let _ = announce.send(document.clone());
            let _ = hash.send(document.clone());
        };
        let watching = Watching::start(library.clone(), changed).map_err(CommandError::Start)?;
        Ok(Self {
            membership,
            uploads,
            library,
            _watching: watching,
            hashing,
            _announcer: announcer,
        })
    }
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
fn fetcher(args: &Args) -> Fetcher {
    let store = neighbour_store();
    let neighbours = store.map_or_else(Neighbours::default, |store| Neighbours::load(&store));
    let limit = args.download_limit.map(Rate::bytes_per_second);
    Fetcher::new(neighbours, Bandwidth::new(limit), Reach::new(args.allow_net.clone()))
}

/// Without an address the port of the last time, if it is free: others still have it in their
/// lists.
fn upload_listener(address: Option<SocketAddr>, shared: &Path) -> io::Result<TcpListener> {
    match address {
        Some(address) => net::listen(address).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot upload from {address}: {error}"))
        }),
        None => {
            let store = port_file(shared);
            let before = store.as_deref().and_then(|store| fs::read_to_string(store).ok());
            let before = before.and_then(|port| port.trim().parse::<u16>().ok());
            let again = before.and_then(|port| net::listen_everywhere(port).ok());
            let listener = again.map_or_else(|| net::listen_everywhere(0), Ok)?;
            if let Some(store) = &store
                && let Err(error) = remember_port(store, listener.local_addr()?.port())
            {
                log::debug!("the port is not stored: {error}");
            }
            Ok(listener)
        }
    }
}

fn remember_port(store: &Path, port: u16) -> io::Result<()> {
    if let Some(folder) = store.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(store, format!("{port}\n"))
}

/// Says what happens to the membership: the first registration on standard output, where a script
/// waits for it, and what comes later as a notice. A script that cannot join does not wait
/// (`patient`), and is told so once.
fn teller(
    server: Endpoint,
    notices: Notices,
    patient: bool,
) -> impl Fn(Event) + Send + Sync + 'static {
    let (first, away) = (AtomicBool::new(true), AtomicBool::new(false));
    move |event| match event {
        Event::Registered(count) => {
            away.store(false, Ordering::Relaxed);
            let documents = if count == 1 { "document" } else { "documents" };
            let line = format!("registered {count} {documents} with {server}");
            if !first.swap(false, Ordering::Relaxed) {
                notices.say(&line);
            } else if let Err(error) = say(line) {
                log::warn!("cannot write to standard output: {error}");
            }
        }
        Event::Refused { document, refusal, others } => {
            let status = Status::from(refusal);
            let others = if others == 0 { String::new() } else { format!(" and {others} others") };
            notices.say(&format!("the index did not register {document}{others}: {status}"));
        }
        Event::RegisteredLater(count) => {
            notices.say(&format!("registered {count} more with {server}"));
        }
        Event::NotSupported(count) => {
            let documents = if count == 1 { "document" } else { "documents" };
            notices.say(&format!(
                "{count} {documents} not registered: the index has not shown that it knows \
                 documents other than RFCs"
            ));
        }
        Event::Away(..) if !patient && first.load(Ordering::Relaxed) => {}
        Event::Away(error, pause) => {
            let error = error_chain(&error);
            // Said once: the next attempts fail as quietly as they come.
            if away.swap(true, Ordering::Relaxed) {
                log::debug!("{error}; next attempt in {pause:?}");
            } else {
                notices.say(&format!("{error}; uploads go on, and so do attempts to come back"));
            }
        }
    }
}
