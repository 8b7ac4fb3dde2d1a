//! The arguments of the program `server`.

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;

use clap::{Parser, ValueEnum};
use ipnet::IpNet;
use log::LevelFilter;

use super::admin::AdminArgs;
use super::cluster_args::ClusterArgs;
use super::headings::{LIMITS, NETWORK, OUTPUT};
use super::logs::form::LogFormat;
use super::record::RecordArgs;
use super::values::option_values::{Listen, TableAddress, count, network};
use super::values::size::MemorySize;
use super::wire::options::WireArgs;
use crate::net::{AccessLists, AccessPolicy};
use crate::protocol::dialect::StyleSettings;
use crate::server::{Config, HostPolicy, LOG_FAULTS, LOG_REQUESTS, LOG_SESSIONS};

const AFTER_HELP: &str = "\
Ctrl-C, SIGTERM, and SIGHUP from a terminal end the server. Without a terminal
SIGHUP reads the configuration again. RUST_LOG refines the log.

Examples:
  server
  server --listen 127.0.0.1:7734 --explain
  server --listen 7744 --max-memory 512MiB --quiet";

/// The level of log lines that have no level of their own.
pub(super) const LEVEL: LevelFilter = LevelFilter::Warn;

/// Index server of P2P-CI/1.0: lists which peer has which document.
#[derive(Debug, Parser)]
#[command(name = "server", version, max_term_width = 80, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Listen on this address, such as `127.0.0.1:7734` or `[::1]:0`, or on this port of every
    /// address, IPv4 and IPv6; may be given several times [default: 7734]
    #[arg(long, value_name = "[ADDR:]PORT", help_heading = NETWORK)]
    listen: Vec<Listen>,

    /// `auto`: list the records of a peer under the `Host` of its requests if that is the address
    /// of the peer or the peer is on loopback, otherwise under that address; `literal`: always
    /// list them under the `Host`; `strict`: refuse requests with another `Host` than that address
    #[arg(
        long,
        value_enum,
        value_name = "POLICY",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = NETWORK
    )]
    host_policy: HostPolicyArg,

    /// State in each refusal what was expected and what was found
    #[arg(long, help_heading = NETWORK)]
    pub(super) explain: bool,

    /// Accept requests in the forms of other programs of the course, and reply in the same form
    #[arg(long, help_heading = NETWORK)]
    compat: bool,

    /// Set the form of replies where that of the request does not determine it, such as
    /// `rows=number,add=status` (protocol.md appendix B.5)
    #[arg(long, value_name = "KEY=VALUE", help_heading = NETWORK)]
    compat_form: Option<StyleSettings>,

    /// Be the first node of a distributed hash table as well, at this IPv4 address and UDP port, or
    /// without a value at those of the first address that is listened on
    #[arg(
        long,
        value_name = "[ADDR:]PORT",
        num_args = 0..=1,
        default_missing_value = "true",
        help_heading = NETWORK
    )]
    pub(super) dht: Option<TableAddress>,

    /// Announce the server on the local network, where `peer --discover` finds it
    #[arg(long, help_heading = NETWORK)]
    pub(super) announce: bool,

    /// Accept connections only from this network, such as `10.0.0.0/8`; may be given several times
    /// [default: from every address]
    #[arg(long, value_name = "NET", value_parser = network, help_heading = NETWORK)]
    allow: Vec<IpNet>,

    /// Refuse connections from this network, even if `--allow` has it; may be given several times
    #[arg(long, value_name = "NET", value_parser = network, help_heading = NETWORK)]
    deny: Vec<IpNet>,

    /// Serve this many connections, if this machine allows as many [default: 10000]
    #[arg(long, value_name = "N", value_parser = count, help_heading = LIMITS)]
    max_connections: Option<NonZeroUsize>,

    /// Limit the memory for records, connections and their threads to this size, such as `512M`
    /// (decimal) or `2GiB` (binary) [default: half of the least of RAM, the control group's limit and `ulimit -v`]
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    max_memory: Option<MemorySize>,

    /// Serve this many connections from one IPv4 address or IPv6 /64 network; loopback is exempt
    /// [default: 64]
    #[arg(long, value_name = "N", value_parser = count, help_heading = LIMITS)]
    connections_per_address: Option<NonZeroUsize>,

    /// Print on standard error each request (`requests`), only sessions and faults (`sessions`), or
    /// only what the operator has to know (`quiet`) [default: requests on a terminal, else
    /// sessions]
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        hide_possible_values = true,
        help_heading = OUTPUT
    )]
    log: Option<Log>,

    /// The same as `--log requests`
    #[arg(short, long, conflicts_with_all = ["log", "quiet"], help_heading = OUTPUT)]
    verbose: bool,

    /// The same as `--log quiet`
    #[arg(short, long, conflicts_with = "log", help_heading = OUTPUT)]
    quiet: bool,

    /// Form of the log: `text`, or `json` (one object a line)
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true,
        help_heading = OUTPUT
    )]
    pub(super) log_format: LogFormat,

    #[command(flatten)]
    pub(super) cluster: ClusterArgs,

    #[command(flatten)]
    pub(super) record: RecordArgs,

    #[command(flatten)]
    pub(super) admin: AdminArgs,

    #[command(flatten)]
    pub(super) wire: WireArgs,

    /// Print every limit with its value, and exit
    #[arg(long, help_heading = LIMITS)]
    pub(super) show_limits: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HostPolicyArg {
    /// As the peer says if that is its address or it is on loopback, else its address
    Auto,
    /// As the peer says
    Literal,
    /// As the peer says if that is its address, else refuse
    Strict,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Log {
    /// Sessions, faults and each request
    Requests,
    /// Sessions and faults
    Sessions,
    /// Only messages on which the operator has to act
    Quiet,
}

/// Keys that have an effect only with another one.
pub(super) const NEEDS: [(&str, &str); 4] = [
    ("compat_form", "compat"),
    ("name", "cluster"),
    ("advertise", "cluster"),
    ("cluster_password_file", "cluster"),
];

impl Args {
    /// What is printed, if an option says it.
    fn log(&self) -> Option<Log> {
        match (self.verbose, self.quiet) {
            (true, _) => Some(Log::Requests),
            (_, true) => Some(Log::Quiet),
            (false, false) => self.log,
        }
    }

    /// The levels of sessions, requests and faults.
    pub(super) fn log_levels(&self) -> [(&'static str, LevelFilter); 3] {
        let automatic = if io::stderr().is_terminal() { Log::Requests } else { Log::Sessions };
        let (sessions, requests, faults) = match self.log().unwrap_or(automatic) {
            Log::Requests => (LevelFilter::Info, LevelFilter::Info, LevelFilter::Warn),
            Log::Sessions => (LevelFilter::Info, LevelFilter::Off, LevelFilter::Warn),
            Log::Quiet => (LevelFilter::Off, LevelFilter::Off, LevelFilter::Off),
        };
        [(LOG_SESSIONS, sessions), (LOG_REQUESTS, requests), (LOG_FAULTS, faults)]
    }

    /// The networks that may connect.
    pub(super) fn access(&self) -> AccessLists {
        AccessLists { allow: self.allow.clone(), deny: self.deny.clone() }
    }
}

impl From<&Args> for Config {
    fn from(args: &Args) -> Self {
        let (mut listen, mut ports) = (Vec::new(), Vec::new());
        for one in &args.listen {
            match *one {
                Listen::Address(address) => listen.push(address),
                Listen::Port(port) => ports.push(port),
            }
        }
        Self {
            listen,
            ports,
            host_policy: match args.host_policy {
                HostPolicyArg::Auto => HostPolicy::Auto,
                HostPolicyArg::Literal => HostPolicy::Literal,
                HostPolicyArg::Strict => HostPolicy::Strict,
            },
            explain: args.explain,
            compat: args.compat.then(|| args.compat_form.unwrap_or_default()),
            max_connections: args.max_connections.map(NonZeroUsize::get),
            max_memory: args.max_memory.map(MemorySize::bytes),
            connections_per_address: args.connections_per_address,
            access: AccessPolicy::new(args.access()),
            ..Self::default()
        }
    }
}
