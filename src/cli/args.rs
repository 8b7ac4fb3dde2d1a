//! The arguments of the program `peer`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};
use ipnet::IpNet;
use log::LevelFilter;

use super::admin::AdminArgs;
use super::command::Command;
use super::config::tables::{ShareTable, Tables, UploadRate};
use super::dht::DhtArgs;
use super::headings::{DOWNLOADING, NETWORK, OUTPUT, SHARING};
use super::logs::form::LogFormat;
use super::output::format::Format;
use super::output::terminal::Color;
use super::record::RecordArgs;
use super::values::endpoints::{NamedServers, index_servers};
use super::values::option_values::{Listen, count, network};
use super::values::rate::Rate;
use super::wire::options::WireArgs;
use crate::library::{Depth, SharedDirectory};
use crate::limits;
use crate::net::AccessLists;
use crate::protocol::Host;

const AFTER_HELP: &str = "\
Without a command, a shell is started that reads commands from standard input.
`peer help COMMAND` describes a command. Topics are exit-codes, formats
(of output and values) and environment: `peer help formats`.

Examples:
  peer localhost --share papers
  peer localhost --menu
  peer localhost search tcp congestion
  peer localhost get 793 --out - | less";

/// Peer of P2P-CI/1.0: shares a directory, finds and downloads documents.
#[derive(Debug, Parser)]
#[command(name = "peer", version, max_term_width = 80, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Index server; several with commas between them: the peer registers with all, and merges their replies. Without
    /// a port: the servers that DNS names for the service `_p2p-ci._tcp`, or port 7734
    #[arg(
        value_name = "SERVER[:PORT]",
        default_value = "localhost",
        value_parser = index_servers,
        conflicts_with = "discover"
    )]
    pub(super) server: NamedServers,

    /// Shared directory; created when a document is saved there
    #[arg(long, value_name = "DIR", default_value = "rfc", global = true, help_heading = SHARING)]
    pub(super) share: PathBuf,

    /// Include the subdirectories of the shared directory
    #[arg(long, global = true, help_heading = SHARING)]
    pub(super) recursive: bool,

    /// Move each document that another peer has downloaded completely to the subdirectory
    /// `handed-over`, and stop sharing it
    #[arg(long, global = true, help_heading = SHARING)]
    pub(super) hand_over: bool,

    /// Limit all uploads together to this many bytes a second, such as `500k` or `2M` (decimal), or
    /// `2MiB` (binary)
    #[arg(long, value_name = "RATE", global = true, help_heading = SHARING)]
    pub(super) upload_limit: Option<Rate>,

    /// Upload this many large documents concurrently; further readers wait for a slot
    #[arg(
        long,
        value_name = "N",
        default_value_t = limits::UPLOAD_SLOTS,
        value_parser = count,
        global = true,
        help_heading = SHARING
    )]
    pub(super) upload_slots: NonZeroUsize,

    /// Accept this many connections from one IPv4 address or IPv6 /64 network; loopback is exempt
    /// [default: 8]
    #[arg(long, value_name = "N", value_parser = count, global = true, help_heading = SHARING)]
    pub(super) uploads_per_address: Option<NonZeroUsize>,

    /// Limit all downloads together to this many bytes a second, such as `500k` or `2M` (decimal), or
    /// `2MiB` (binary)
    #[arg(long, value_name = "RATE", global = true, help_heading = DOWNLOADING)]
    pub(super) download_limit: Option<Rate>,

    /// Refuse documents whose reply does not follow the grammar: without an empty line after the head,
    /// without Content-Length, or with more or fewer bytes
    #[arg(long, global = true, help_heading = DOWNLOADING)]
    pub(super) strict: bool,

    /// Upload from this address, such as `127.0.0.1:5678`, or from this port of every address
    /// [default: a free port of every address]
    #[arg(long, value_name = "[ADDR:]PORT", global = true, help_heading = NETWORK)]
    pub(super) upload: Option<Listen>,

    /// Use the only index server that is announced on the local network, in place of SERVER
    #[arg(long, global = true, help_heading = NETWORK)]
    pub(super) discover: bool,

    /// Find the documents of the peers on the local network that have this option, too, and list one's
    /// own documents to them; no index server has to be reachable
    #[arg(long, global = true, help_heading = NETWORK)]
    pub(super) lan: bool,

    /// Register under this host name or address [default: localhost, the host name or the address,
    /// as seen from the index]
    #[arg(long, value_name = "NAME", global = true, help_heading = NETWORK)]
    pub(super) host: Option<Host>,

    /// Accept requests for uploads in the forms of other programs of the course
    #[arg(long, global = true, help_heading = NETWORK)]
    pub(super) compat: bool,

    /// State in each refusal of an upload what was expected and what was found
    #[arg(long, global = true, help_heading = NETWORK)]
    pub(super) explain: bool,

    /// Accept connections only from this network, such as `10.0.0.0/8`; may be given several times
    /// [default: from every address]
    #[arg(long, value_name = "NET", value_parser = network, global = true, help_heading = NETWORK)]
    pub(super) allow: Vec<IpNet>,

    /// Refuse connections from this network, even if `--allow` has it; may be given several times
    #[arg(long, value_name = "NET", value_parser = network, global = true, help_heading = NETWORK)]
    pub(super) deny: Vec<IpNet>,

    /// Permit connections to peers in this network, such as `10.0.0.0/8`; may be given several
    /// times [default: no addresses more local than that of the index, no ports below 1024]
    #[arg(
        long,
        value_name = "NET",
        value_parser = network,
        global = true,
        help_heading = NETWORK
    )]
    pub(super) allow_net: Vec<IpNet>,

    #[command(flatten)]
    pub(super) dht: DhtArgs,

    #[command(flatten)]
    pub(super) record: RecordArgs,

    #[command(flatten)]
    pub(super) admin: AdminArgs,

    /// Output format: `raw` (the lines of the reply), `table`, or `json` (one object a line)
    /// [default: `table` on a terminal, otherwise `raw`]
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        global = true,
        help_heading = OUTPUT
    )]
    format: Option<Format>,

    /// Colours: `auto` (on a terminal, unless NO_COLOR is set), `always`, or `never`
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        global = true,
        help_heading = OUTPUT
    )]
    pub(super) color: Color,

    /// Print output that is longer than the screen without a pager (PAGER, or `less`)
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(super) no_pager: bool,

    /// Form of the log: `text`, or `json` (one object a line)
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true,
        global = true,
        help_heading = OUTPUT
    )]
    pub(super) log_format: LogFormat,

    /// Print more on standard error: what happens; twice: details, too
    #[arg(
        short,
        long,
        action = ArgAction::Count,
        global = true,
        conflicts_with = "quiet",
        help_heading = OUTPUT
    )]
    pub(super) verbose: u8,

    /// Print only results and errors: no notes, no progress, no warnings
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub(super) quiet: bool,

    /// Offer a menu of numbered operations in place of the shell
    #[arg(long)]
    pub(super) menu: bool,

    #[command(flatten)]
    pub(super) wire: WireArgs,

    #[command(subcommand)]
    pub(super) command: Option<Single>,

    /// Limits on uploads to networks, from the file.
    #[arg(skip)]
    pub(super) upload_rates: Vec<UploadRate>,

    /// The shared directories after the first one, from the file.
    #[arg(skip)]
    pub(super) more_shares: Vec<SharedDirectory>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Single {
    #[command(flatten)]
    Both(Command),
    /// Share the directory until Ctrl-C
    Share,
    /// Stop sharing a document (shell only)
    #[command(hide = true)]
    Remove(Removal),
}

/// The argument of `remove` outside a session.
#[derive(Debug, clap::Args)]
pub(super) struct Removal {
    pub(super) what: Vec<String>,
}

impl Args {
    /// The format that was chosen, or the usual one for standard output.
    pub(super) fn format(&self) -> Format {
        self.format.unwrap_or_else(Format::usual)
    }

    /// Whether subdirectories are shared.
    pub(super) fn depth(&self) -> Depth {
        depth(self.recursive)
    }

    /// The level of the log: `share` is a service, whose log has what happens.
    pub(super) fn log_level(&self) -> LevelFilter {
        let usual = match self.command {
            Some(Single::Share) => LevelFilter::Info,
            Some(Single::Both(_) | Single::Remove(_)) | None => LevelFilter::Warn,
        };
        match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::Error,
            (false, 0) => usual,
            (false, 1) => usual.increment_severity(),
            (false, _) => usual.increment_severity().increment_severity(),
        }
    }

    /// Sets what only a file has. Downloads go to the first shared directory.
    pub(super) fn set_tables(&mut self, tables: Tables) {
        self.upload_rates = tables.upload_rates;
        let (recursive, hand_over) = (self.recursive, self.hand_over);
        let mut shares = tables.shares.into_iter();
        if let Some(first) = shares.next() {
            self.share = first.path;
            self.recursive = first.recursive.unwrap_or(recursive);
            self.hand_over = first.hand_over.unwrap_or(hand_over);
        }
        let directory = |share: ShareTable| SharedDirectory {
            path: share.path.into(),
            depth: depth(share.recursive.unwrap_or(recursive)),
            hand_over: share.hand_over.unwrap_or(hand_over),
        };
        self.more_shares = shares.map(directory).collect();
    }

    /// The limits on uploads to networks.
    pub(super) fn network_rates(&self) -> impl Iterator<Item = (Vec<IpNet>, Option<NonZeroU64>)> {
        self.upload_rates.iter().map(|limit| (limit.networks.clone(), limit.rate))
    }

    /// The networks that may connect.
    pub(super) fn access(&self) -> AccessLists {
        AccessLists { allow: self.allow.clone(), deny: self.deny.clone() }
    }
}

fn depth(is_recursive: bool) -> Depth {
    if is_recursive { Depth::Tree } else { Depth::Directory }
}
