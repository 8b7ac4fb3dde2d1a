//! The arguments of the program `peer`.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use ipnet::IpNet;

use super::command::{Command, Format};
use super::rate::Rate;
use crate::library::Depth;
use crate::limits;
use crate::protocol::{Endpoint, Host, Port, SyntaxError};

const EXIT_CODES: &str = "\
Without a command, a shell is started that reads commands from standard input.

Exit codes: 0 done, 1 anything else, 2 usage, 65 wrong digest, 66 not found, 69 index or peer
unreachable, 74 file or disk, 76 protocol violated by the other side; 130, 129 and 143 ended by SIGINT,
SIGHUP and SIGTERM.";

/// Peer of P2P-CI/1.0: shares a folder, finds and downloads documents.
#[derive(Debug, Parser)]
#[command(name = "peer", version, after_help = EXIT_CODES)]
pub(super) struct Args {
    /// The index server
    #[arg(value_name = "SERVER[:PORT]", default_value = "localhost", value_parser = parse_server)]
    pub(super) server: Endpoint,

    /// Directory to share; created when a document is saved there
    #[arg(long, value_name = "DIR", default_value = "rfc", global = true)]
    pub(super) share: PathBuf,

    /// Share the subdirectories, too
    #[arg(long, global = true)]
    pub(super) recursive: bool,

    /// Address to upload from [default: any address, a free port]
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub(super) upload: Option<SocketAddr>,

    /// Hand documents over: a document that another peer has downloaded completely is moved to the
    /// subdirectory `handed-over` and is no longer shared
    #[arg(long, global = true)]
    pub(super) hand_over: bool,

    /// Say in each refusal of an upload what was expected and what was found
    #[arg(long, global = true)]
    pub(super) explain: bool,

    /// Limit of all uploads together in bytes per second, such as `500k` or `2M` (KiB and MiB)
    #[arg(long, value_name = "RATE", global = true)]
    pub(super) upload_limit: Option<Rate>,

    /// Number of large documents that are uploaded concurrently; further readers wait for a slot
    #[arg(long, value_name = "N", default_value_t = limits::UPLOAD_SLOTS, global = true)]
    pub(super) upload_slots: NonZeroUsize,

    /// Connections for uploads from one IPv4 address or IPv6 /64 network; loopback is exempt
    /// [default: 8]
    #[arg(long, value_name = "N", global = true)]
    pub(super) uploads_per_address: Option<NonZeroUsize>,

    /// Limit of all downloads together in bytes per second
    #[arg(long, value_name = "RATE", global = true)]
    pub(super) download_limit: Option<Rate>,

    /// Permit downloads from this network or address; may be given several times [default: no
    /// addresses more local than that of the index, no ports below 1024]
    #[arg(long, value_name = "NET", value_parser = parse_network, global = true)]
    pub(super) allow_net: Vec<IpNet>,

    /// Host name or address under which this peer is listed [default: localhost, the host name or
    /// the address, as seen from the index]
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) host: Option<Host>,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "raw", global = true)]
    pub(super) format: Format,

    #[command(subcommand)]
    pub(super) command: Option<Single>,
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
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) what: Vec<String>,
}

impl Args {
    /// How much of the directory is shared.
    pub(super) fn depth(&self) -> Depth {
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
