//! `p2p-ci admin`: commands for a server or a peer that runs, over its Unix socket, and the address of its page.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::shown;
use super::token_file::{Urls, running_at, running_of_user};
use crate::cli::errors::failure::Failure;
use crate::cli::errors::report::{error_json, report};
use crate::cli::output::format::Format;
use crate::cli::output::outcome::shown as shown_path;
use crate::cli::output::print::{print_json, print_line};
use crate::cli::program::called;
use crate::error_chain::error_chain;
use crate::escape::{escaped, excerpt};
use crate::http::{Answer, request_at};

/// Where the service of the package has its socket.
const SOCKET: &str = "/run/p2p-ci/admin.sock";

const AFTER_HELP: &str = "\
The program must have been started with `--admin PATH`. Only its user and root
can connect.

Examples:
  p2p-ci admin peers
  p2p-ci admin url
  p2p-ci admin ban 192.0.2.0/24
  p2p-ci admin drain --within 5m";

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Arguments {
    /// The Unix socket of the program
    #[arg(
        long,
        value_name = "PATH",
        default_value = SOCKET,
        value_hint = ValueHint::FilePath,
        global = true
    )]
    socket: PathBuf,

    /// Output format: `table`, or `json`
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table",
        hide_possible_values = true,
        global = true
    )]
    format: Format,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the connections, and what each has registered or reads
    Peers,
    /// Close connections; their programs may connect again
    Kick {
        /// The number of a connection in the list, an address, an address with its port, or a network
        #[arg(value_name = "TARGET")]
        target: String,
    },
    /// Refuse connections from a network until `unban` or the end of the program, and close those that exist
    Ban {
        /// A network such as `192.0.2.0/24`, or an address
        #[arg(value_name = "NETWORK")]
        network: String,
    },
    /// End the ban of a network
    Unban {
        /// The network, as `bans` lists it
        #[arg(value_name = "NETWORK")]
        network: String,
    },
    /// List the banned networks
    Bans,
    /// Refuse new connections, and end the program when all have ended, or after a time
    Drain {
        /// End the program after this time, such as `30s`, `5m` or `1h`
        #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
        within: Duration,
    },
    /// Show what the program has done since its start
    Stats,
    /// Print the address of the status page with the token that permits changes
    #[command(after_help = "\
Without --socket, the program at the usual socket and all programs of this user
are found. Every user who knows the address with its token can make the changes
of the status page: close connections, ban networks.")]
    Url,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "cannot reach a program at `{}`; start it with `--admin PATH`, and name that path with --socket",
        shown_path(path)
    )]
    Unreachable { path: PathBuf, source: io::Error },
    #[error("cannot connect to `{}`: only the user of the program and root may", shown_path(path))]
    Denied { path: PathBuf, source: io::Error },
    #[error(
        "no program with a status page runs; start it with `--admin 127.0.0.1:9734`, or name its Unix socket \
         with --socket"
    )]
    NoPage,
    #[error(
        "the program listens for operators only at a Unix socket; start it with `--admin 127.0.0.1:9734` in \
         addition"
    )]
    OnlySocket,
    #[error("{}", escaped(reason))]
    Refused { code: u16, reason: String },
    #[error("expected an object of JSON, found {}", excerpt(body))]
    Unexpected { body: String },
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Error {
    fn failure(&self) -> Failure {
        match self {
            Self::Unreachable { .. } | Self::NoPage | Self::OnlySocket => Failure::Unreachable,
            Self::Refused { code: 404, .. } => Failure::NotFound,
            Self::Refused { code: 400, .. } => Failure::Usage,
            Self::Unexpected { .. } => Failure::Protocol,
            Self::Output(_) => Failure::File,
            Self::Denied { .. } | Self::Refused { .. } => Failure::Other,
        }
    }
}

/// Runs the command.
pub(in crate::cli) fn run(arguments: &Arguments) -> ExitCode {
    match answered(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let is_closed_pipe = matches!(&error, Error::Output(source) if source.kind() == io::ErrorKind::BrokenPipe);
            if !is_closed_pipe {
                report(&called("admin"), &error);
            }
            if matches!(arguments.format, Format::Json) && !matches!(error, Error::Output(_)) {
                let error = error_json(error.failure(), &error_chain(&error).to_string());
                // Standard error has it, too.
                drop(print_json(&json!({"v": 1, "error": error})));
            }
            error.failure().into()
        }
    }
}

fn answered(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { socket, format, command } = arguments;
    let Some((target, form)) = command.request() else { return print_urls(socket, *format) };
    let object = ask(socket, target, form.as_deref())?;
    let printed = match format {
        Format::Json => print_json(&object),
        Format::Raw | Format::Table => match command {
            Command::Peers => shown::peers(&object),
            Command::Stats => shown::stats(&object),
            Command::Bans => shown::bans(&object),
            Command::Kick { .. } => shown::kicked(&object),
            Command::Ban { .. } => shown::banned(&object),
            Command::Unban { .. } => shown::unbanned(&object),
            Command::Drain { .. } => shown::draining(&object),
            Command::Url => Ok(()),
        },
    };
    printed.map_err(Error::Output)
}

impl Command {
    /// The target of the request, and the form of a change. The address of the page needs no request.
    fn request(&self) -> Option<(&'static str, Option<String>)> {
        let form = |name: &str, value: &str| {
            Some(format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        };
        Some(match self {
            Self::Peers => ("/admin/peers", None),
            Self::Stats => ("/admin/stats", None),
            Self::Bans => ("/admin/bans", None),
            Self::Kick { target } => ("/admin/kick", form("target", target)),
            Self::Ban { network } => ("/admin/ban", form("network", network)),
            Self::Unban { network } => ("/admin/unban", form("network", network)),
            Self::Drain { within } => {
                ("/admin/drain", form("seconds", &within.as_secs().to_string()))
            }
            Self::Url => return None,
        })
    }
}

/// Prints the addresses of the status pages of programs that run.
fn print_urls(socket: &Path, format: Format) -> Result<(), Error> {
    let at_socket = running_at(socket).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => Error::Denied { path: socket.to_path_buf(), source },
        _ => Error::Unreachable { path: socket.to_path_buf(), source },
    });
    // Others of this user, if the usual socket was not asked for by name.
    let (at_socket, others) = match socket == Path::new(SOCKET) {
        true => (at_socket.unwrap_or_default(), running_of_user()),
        false => (at_socket?, Vec::new()),
    };
    let programs: Vec<Urls> = at_socket.into_iter().chain(others).collect();
    let urls: Vec<&String> = programs.iter().flatten().collect();
    if programs.is_empty() {
        return Err(Error::NoPage);
    } else if urls.is_empty() {
        return Err(Error::OnlySocket);
    }
    let printed = match format {
        Format::Json => print_json(&json!({"v": 1, "urls": urls})),
        Format::Raw | Format::Table => {
            urls.into_iter().try_for_each(|url| print_line(escaped(url)))
        }
    };
    printed.map_err(Error::Output)
}

fn ask(socket: &Path, target: &str, form: Option<&str>) -> Result<Value, Error> {
    let Answer { code, body } = request_at(socket, target, form).map_err(|source| {
        let path = socket.to_path_buf();
        match source.kind() {
            io::ErrorKind::PermissionDenied => Error::Denied { path, source },
            _ => Error::Unreachable { path, source },
        }
    })?;
    if code != 200 {
        return Err(Error::Refused { code, reason: body.trim_end().to_string() });
    }
    let object = serde_json::from_str(&body).ok().filter(Value::is_object);
    object.ok_or(Error::Unexpected { body })
}

/// Reads a time such as `30s`.
fn time(text: &str) -> Result<Duration, String> {
    let seconds = crate::cli::values::quantity::quantity(text, |unit| match unit {
        "" | "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(60 * 60),
        _ => None,
    });
    let seconds = seconds.filter(|seconds| *seconds <= 24 * 60 * 60);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        format!("expected a time up to a day, such as `30s`, `5m` or `1h`, found {}", excerpt(text))
    })
}
