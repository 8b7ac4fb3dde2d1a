//! The program `server`: its start, its end, and what it prints.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::{ExitCode, exit};
use std::sync::{Arc, Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::admin::{AdminError, print_addresses};
#[cfg(feature = "cluster")]
use super::cluster_args::ClusterError;
use super::config::layers::Configured;
use super::dht::BootstrapNode;
use super::errors::failure::Failure;
use super::errors::report::report;
use super::lan::announce;
use super::limits_table::limits_table;
use super::logs::logging;
use super::logs::uptime::Uptime;
use super::output::format::Format;
use super::output::print::{print_line, print_prose};
use super::output::terminal::{Color, use_colors};
use super::program::called;
use super::record::RecordError;
use super::server_args::{Args, LEVEL};
use super::server_reload::Reload;
use super::service;
use super::session::signals::{ServiceSignal, cause, on_service_signal};
use super::usage::server_configured;
use super::values::option_values::{TableAddress, remedy};
use super::wire::form::Program;
use super::wire::options::observe_connections;
use super::wire::screen;
use crate::admin::ObservedServer;
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::escape::escaped_path;
use crate::limits;
use crate::server::{self, BindError, Config, Server, connection_limit, memory_limit};
use crate::system::{
    MemoryBound, ServiceChange, TooLittleMemory, inherited_listeners, limit_malloc_arenas,
    memory_bounds,
};

/// What the service manager is told about a server that serves.
const SERVING: &str = "serving";

/// How long a stopped server waits for name look-ups, which cannot be interrupted.
const NAME_LOOKUP_GRACE: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Bind(BindError),
    #[error("{}; {remedy}", error_chain(error))]
    BindWithRemedy { error: BindError, remedy: String },
    #[error(
        "cannot use the sockets that the service manager has passed; expected TCP sockets that listen"
    )]
    Inherited(#[source] io::Error),
    #[error("cannot serve a single connection: {0}; raise that limit")]
    NoConnection(String),
    #[error("cannot start")]
    TooLittleMemory(#[from] TooLittleMemory),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("cannot start the node of a distributed hash table")]
    Dht(#[source] io::Error),
    #[cfg(feature = "cluster")]
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("cannot determine the addresses at which the server listens")]
    Address(#[source] io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot start a thread that accepts connections; raise `ulimit -u` or `ulimit -v`")]
    Threads(#[source] io::Error),
    #[error("cannot serve any longer")]
    Failed(#[source] io::Error),
    #[error("cannot start the thread that waits for signals; raise `ulimit -u` or `ulimit -v`")]
    Signals(#[source] io::Error),
}

impl Error {
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    run(std::env::args_os().skip(1))
}

/// Runs the program with these arguments, without its name.
pub(super) fn run(all: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = all.into_iter().collect();
    let configured = server_configured(&arguments);
    let args = &configured.args;
    use_colors(Color::Auto);
    let done = if args.show_limits {
        print_line(limits_table(&args.into())).map_err(Error::Output)
    } else {
        logging::start(args.log_format, LEVEL, &args.log_levels());
        configured.layers.warn();
        serve(&configured, arguments)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A reader that has closed its pipe needs no message.
            if error.is_closed_pipe() {
                return Failure::File.into();
            }
            report(&called("server"), &error);
            match error {
                Error::Record(error) => error.failure().into(),
                #[cfg(feature = "cluster")]
                Error::Cluster(error) => error.failure().into(),
                _ => Failure::Other.into(),
            }
        }
    }
}

fn serve(configured: &Configured<Args>, arguments: Vec<OsString>) -> Result<(), Error> {
    let args = &configured.args;
    if let Err(error) = limit_malloc_arenas() {
        log::warn!("little of the address space can be used, set MALLOC_ARENA_MAX=2: {error}");
    }
    TooLittleMemory::check(&memory_bounds(), limits::MEMORY_LEAST)?;
    observe_connections(&args.record, &args.wire, Program::Server)?;
    #[cfg_attr(not(feature = "cluster"), expect(unused_mut, reason = "a cluster is set"))]
    let mut config: Config = args.into();
    #[cfg(feature = "cluster")]
    {
        config.shared_index = args.cluster.settings()?;
    }
    let server = listening(&config)?;
    let admin = args.admin.listen()?;
    warn_of_few_connections(&config, server.connections())?;
    warn_of_little_memory(&config);
    logging::warn_of_root();
    let (stop, totals, started) = (server.stop(), server.totals(), Instant::now());
    let (totals_logged, why) = (Arc::new(Once::new()), Arc::new(OnceLock::new()));
    let cause_to_set = Arc::clone(&why);
    let log_totals = move || {
        totals_logged.call_once(|| {
            let uptime = Uptime(started.elapsed());
            let cause = why.get().map_or_else(String::new, |cause| format!(" by {cause}"));
            log::info!(target: server::LOG_SESSIONS, "stopped{cause} after {uptime}: {totals}");
            screen::finish();
            logging::finish();
        });
    };
    let at_the_end = log_totals.clone();
    let mut reload = Reload::new(arguments, configured, &config, server.control());
    let handle = move |signal| match signal {
        ServiceSignal::Reload => service::reload(SERVING, || reload.run()),
        ServiceSignal::End(signal) => {
            service::notify_end();
            let uptime = Uptime(started.elapsed());
            let cause = cause(signal, stop.is_drained());
            log::info!(target: server::LOG_SESSIONS, "{cause} after {uptime}: stopping");
            // A second signal is not the cause.
            let _ = cause_to_set.set(cause);
            stop.stop();
            // A session in a name lookup cannot be interrupted. Its connection is cut, and its thread
            // ends with the process.
            thread::sleep(NAME_LOOKUP_GRACE);
            log_totals();
            exit(0);
        }
    };
    on_service_signal(handle).map_err(Error::Signals)?;
    let addresses = server.addresses().map_err(Error::Address)?;
    #[cfg(feature = "cluster")]
    server
        .check_cluster(&super::cluster_args::addresses(&addresses))
        .map_err(ClusterError::from)?;
    log_start(&config, &server, &addresses);
    if let Some(file) = &configured.layers.file {
        log::info!(target: server::LOG_SESSIONS, "configuration: {}", escaped_path(file));
    }
    service::start_watchdog(server.check());
    let table = bootstrap_node(args, &addresses)?;
    let listening_at = addresses.clone();
    for address in addresses {
        // The server works without standard output, too.
        if let Err(error) = print_prose(format_args!("listening on {address}")) {
            log::warn!("listening on {address}, which cannot be printed: {error}");
        }
    }
    if let Some(node) = &table
        && let Err(error) =
            print_prose(format_args!("distributed hash table at {} (UDP)", node.address))
    {
        log::warn!("distributed hash table at {}, which cannot be printed: {error}", node.address);
    }
    let observed = table.as_ref().map(BootstrapNode::observed).unwrap_or_default();
    let _announced = announce(args.announce, &listening_at);
    print_addresses(&admin, Format::Raw);
    let admin = args.admin.serve(admin, ObservedServer(server.monitor(), observed))?;
    if io::stderr().is_terminal() {
        log_hints(args);
    }
    service::notify(ServiceChange::Ready(SERVING));
    server.run().map_err(|error| match error.kind() {
        io::ErrorKind::Other => Error::Failed(error),
        _ => Error::Threads(error),
    })?;
    drop(admin);
    at_the_end();
    Ok(())
}

/// The first node of a distributed hash table, if the arguments say so.
fn bootstrap_node(args: &Args, addresses: &[SocketAddr]) -> Result<Option<BootstrapNode>, Error> {
    let Some(dht) = args.dht else { return Ok(None) };
    let listen = match dht {
        TableAddress::At(address) => Some(address.into()),
        TableAddress::OfListener => addresses.first().copied(),
    };
    let Some(listen) = listen else { return Ok(None) };
    BootstrapNode::start(listen).map(Some).map_err(Error::Dht)
}

/// A server with the sockets of the service manager, or else with those of the arguments.
fn listening(config: &Config) -> Result<Server, Error> {
    let inherited = inherited_listeners().map_err(Error::Inherited)?;
    if inherited.is_empty() {
        return Server::bind(config).map_err(cannot_bind);
    }
    if !config.listen.is_empty() || !config.ports.is_empty() {
        log::warn!("--listen is ignored: the service manager has passed sockets that listen");
    }
    Ok(Server::with_listeners(config, inherited))
}

/// The first line of the log: the version, the addresses and the limits.
fn log_start(config: &Config, server: &Server, addresses: &[SocketAddr]) {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    log::info!(
        target: server::LOG_SESSIONS,
        "{} {} at {}: at most {}, {} MiB of memory",
        called("server"),
        env!("CARGO_PKG_VERSION"),
        addresses.join(" and "),
        counted(server.connections(), "connection"),
        memory_limit(config.max_memory).0.total >> 20
    );
}

/// What an operator at a terminal may want next.
fn log_hints(args: &Args) {
    let explained = match args.explain {
        true => "refusals are explained here, and to the client in the header Reason",
        false => {
            "refusals are explained here; `--explain` sends the explanation to the client, too"
        }
    };
    log::info!(
        target: server::LOG_SESSIONS,
        "{explained}. `--wire` and `--wire=explained` print the whole exchange"
    );
}

fn cannot_bind(error: BindError) -> Error {
    match remedy(error.kind(), error.port, "--listen") {
        Some(remedy) => Error::BindWithRemedy { error, remedy },
        None => Error::Bind(error),
    }
}

/// Warns if fewer connections can be served than a classroom needs, unless `--max-connections` asks for
/// fewer.
fn warn_of_few_connections(config: &Config, connections: usize) -> Result<(), Error> {
    const FEW: usize = 100;
    let asked = config.max_connections.unwrap_or(FEW);
    if connections >= asked {
        return Ok(());
    }
    let bounds = connection_limit(config, memory_limit(config.max_memory).0).1;
    let tightest = bounds.first().map_or_else(String::new, |bound| bound.what.clone());
    if connections == 0 {
        return Err(Error::NoConnection(tightest));
    }
    log::warn!(
        "at most {} can be served: {tightest}; raise that limit to serve more",
        counted(connections, "connection")
    );
    Ok(())
}

/// Warns if the memory limit differs from `--max-memory`, or exceeds the memory of the machine.
fn warn_of_little_memory(config: &Config) {
    let (budgets, bounds) = memory_limit(config.max_memory);
    let (Some(asked), Some(tightest)) = (config.max_memory, bounds.first()) else { return };
    let total = u64::try_from(budgets.total).unwrap_or(u64::MAX);
    let MemoryBound { kind, bytes } = tightest;
    // The process may use a quarter more than its limit.
    let most = bytes / 5 * 4;
    if total > asked {
        log::warn!(
            "--max-memory {} KiB is less than a server needs: the limit is {} MiB",
            asked >> 10,
            total >> 20
        );
    } else if total < asked {
        log::warn!(
            "--max-memory {} MiB is more than the process may take: {kind} is {} MiB; the limit is {} MiB",
            asked >> 20,
            bytes >> 20,
            total >> 20
        );
    } else if total > most {
        log::warn!(
            "--max-memory {} MiB is more than the machine allows: {kind} is {} MiB, and the process may \
             take a quarter more than its limit; set at most {} MiB",
            total >> 20,
            bytes >> 20,
            most >> 20
        );
    }
}
