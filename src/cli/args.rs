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
Without a command a shell is started, which reads commands from standard input.

Exit codes: 0 done, 1 anything else, 2 usage, 65 wrong digest, 66 not found, 69 index or peer
unreachable, 74 file or disk, 76 the other side broke the protocol; 130, 129 and 143 ended by SIGINT,
SIGHUP and SIGTERM.";

/// Peer of P2P-CI/1.0: shares a folder, finds and downloads documents.
#[derive(Debug, Parser)]
#[command(name = "peer", version, after_help = EXIT_CODES)]
pub(super) struct Args {
    /// The index server
    #[arg(value_name = "SERVER[:PORT]", default_value = "localhost", value_parser = parse_server)]
    pub(super) server: Endpoint,

    /// Folder to share; it is made if it is missing
    #[arg(long, value_name = "DIR", default_value = "rfc", global = true)]
    pub(super) share: PathBuf,

    /// Share the sub-folders, too
    #[arg(long, global = true)]
    pub(super) recursive: bool,

    /// Address to upload from [default: any address, a free port]
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub(super) upload: Option<SocketAddr>,

    /// Lend, as a library lends books: a document that another peer has read whole is moved to
    /// the sub-folder `handed-over`, and is not shared any more
    #[arg(long, global = true)]
    pub(super) hand_over: bool,

    /// Bytes a second that all uploads together may take, such as `500k` or `2M`
    #[arg(long, value_name = "RATE", global = true)]
    pub(super) upload_limit: Option<Rate>,

    /// Large documents that are uploaded at once; who comes later waits for a turn
    #[arg(long, value_name = "N", default_value_t = limits::UPLOAD_SLOTS, global = true)]
    pub(super) upload_slots: NonZeroUsize,

    /// Connections for uploads from one IPv4 address or IPv6 /64 network; loopback is exempt
    /// [default: 8]
    #[arg(long, value_name = "N", global = true)]
    pub(super) uploads_per_address: Option<NonZeroUsize>,

    /// Bytes a second that all downloads together may take
    #[arg(long, value_name = "RATE", global = true)]
    pub(super) download_limit: Option<Rate>,

    /// Download from this network or address whatever index names it; may be given several times
    /// [default: not from addresses that are nearer than the index, nor from ports below 1024]
    #[arg(long, value_name = "NET", value_parser = parse_network, global = true)]
    pub(super) allow_net: Vec<IpNet>,

    /// What I call this machine [default: localhost, the host name or the address, as seen from
    /// the index]
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) host: Option<Host>,

    /// How replies are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "raw", global = true)]
    pub(super) format: Format,

    #[command(subcommand)]
    pub(super) command: Option<Single>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Single {
    #[command(flatten)]
    Both(Command),
    /// Register and upload the folder until Ctrl-C
    Share,
    /// Stop sharing a document: in the shell only
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
