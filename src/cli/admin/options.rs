//! `--admin`: the address at which a program shows its status, its metrics and its health.

#[cfg(unix)]
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueHint;
use gethostname::gethostname;

use super::token_file::{RunningFile, TokenError, stored_token};
use crate::admin::router;
use crate::cli::headings::NETWORK;
use crate::cli::output::format::Format;
use crate::cli::output::print::{print_json, print_prose};
use crate::cli::values::option_values::remedy;
use crate::error_chain::error_chain;
use crate::escape::escaped_path;
use crate::http::{Hosts, HttpAddress, HttpBindError, HttpListeners, HttpServer, connections};
use crate::limits;
use crate::status_page::{Access, Page, Sampler, StatusPage, Token, page};

/// The options of both programs.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct AdminArgs {
    /// Show a status page, metrics and health over HTTP at this address, such as `127.0.0.1:9734`, or at this path of a Unix
    /// socket; may be given several times
    #[arg(long, value_name = "ADDR:PORT|PATH", global = true, help_heading = NETWORK)]
    pub(in crate::cli) admin: Vec<HttpAddress>,

    /// Reply also to requests at the address for operators that name this host; may be given several times
    /// [default: IP addresses, `localhost`, and the name of this machine]
    #[arg(long, value_name = "NAME", global = true, help_heading = NETWORK)]
    pub(in crate::cli) admin_host: Vec<String>,

    /// Permit changes on the status page, also beyond loopback, with the token in this file, which is created if
    /// it does not exist [default: a new token at each start, which `p2p-ci admin url` prints, and only on loopback]
    #[arg(
        long,
        value_name = "PATH",
        value_hint = ValueHint::FilePath,
        global = true,
        help_heading = NETWORK
    )]
    pub(in crate::cli) admin_token_file: Option<PathBuf>,
}

/// Serves operators until it is dropped.
#[derive(Debug)]
pub(in crate::cli) struct AdminServer {
    _server: HttpServer,
    _sampler: Sampler,
    _running: Option<RunningFile>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum AdminError {
    #[error("cannot show metrics and health: {}{remedy}", error_chain(.error))]
    Bind { error: HttpBindError, remedy: String },
    #[error("cannot start the threads that show metrics and health")]
    Threads(#[source] std::io::Error),
    #[error("cannot use the token in `{}` (--admin-token-file)", escaped_path(path))]
    Token { path: PathBuf, source: TokenError },
}

/// The sockets of the addresses, and what `p2p-ci admin url` finds.
pub(in crate::cli) struct AdminListeners {
    listeners: HttpListeners,
    token: Option<Token>,
    running: Option<RunningFile>,
}

impl AdminListeners {
    /// Where the sockets listen.
    pub(in crate::cli) fn addresses(&self) -> Vec<HttpAddress> {
        self.listeners.addresses()
    }
}

/// The remedy when a program cannot listen at a path.
#[cfg(unix)]
fn remedy_at_path(kind: ErrorKind) -> Option<String> {
    let found = match kind {
        ErrorKind::AddrInUse => "another program listens there",
        ErrorKind::AlreadyExists => "the file is no socket, and is not replaced",
        _ => return None,
    };
    Some(format!("{found}: choose another path with `--admin PATH`"))
}

impl AdminArgs {
    /// Listens at all addresses, which `p2p-ci admin url` finds from now on.
    pub(in crate::cli) fn listen(&self) -> Result<AdminListeners, AdminError> {
        let listeners = HttpListeners::bind(&self.admin).map_err(|error| {
            let remedy = match &error.address {
                HttpAddress::Tcp(address) => remedy(error.kind(), address.port(), "--admin"),
                #[cfg(unix)]
                HttpAddress::Unix(_) => remedy_at_path(error.kind()),
            };
            let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
            AdminError::Bind { error, remedy }
        })?;
        let (token, running) = match self.admin.is_empty() {
            true => (None, None),
            false => self.token(&listeners.addresses())?,
        };
        Ok(AdminListeners { listeners, token, running })
    }

    /// Shows a program at the addresses that were listened at, if there are any.
    pub(in crate::cli) fn serve(
        &self,
        listeners: AdminListeners,
        program: impl StatusPage,
    ) -> Result<Option<AdminServer>, AdminError> {
        let AdminListeners { listeners, token, running } = listeners;
        if self.admin.is_empty() {
            return Ok(None);
        }
        let own = gethostname().into_string().ok();
        let hosts = Hosts::new(self.admin_host.iter().cloned().chain(own));
        let limits = limits::Http::default();
        let access = Access {
            token,
            is_valid_beyond_loopback: self.admin_token_file.is_some(),
            listens_on_loopback: listeners.are_on_loopback(),
        };
        let program = Arc::new(program);
        let router = router(Arc::clone(&program));
        let Page { router, sampler } =
            page(router, &program, access, connections(&limits)).map_err(AdminError::Threads)?;
        let server = listeners.serve(router, hosts, limits).map_err(AdminError::Threads)?;
        Ok(Some(AdminServer { _server: server, _sampler: sampler, _running: running }))
    }

    /// The token, and the file for `p2p-ci admin url`. Without such a file the token is of no use, unless it is in
    /// a file of its own.
    fn token(
        &self,
        addresses: &[HttpAddress],
    ) -> Result<(Option<Token>, Option<RunningFile>), AdminError> {
        let stored = self.admin_token_file.as_ref().map(|path| {
            stored_token(path).map_err(|source| AdminError::Token { path: path.clone(), source })
        });
        let stored = stored.transpose()?;
        let written = stored.clone().map_or_else(Token::random, Ok).and_then(|token| {
            RunningFile::write(addresses, &token).map(|running| (token, running))
        });
        Ok(match written {
            Ok((token, running)) => (Some(token), Some(running)),
            Err(error) => {
                let cannot = "`p2p-ci admin url` does not find the status page";
                let remedy = match &stored {
                    Some(_) => "",
                    None => ", on which nothing can be changed; set admin.token_file",
                };
                log::warn!("{cannot}{remedy}: {error}");
                (stored, None)
            }
        })
    }
}

/// Prints where a program shows its metrics.
pub(in crate::cli) fn print_addresses(listeners: &AdminListeners, format: Format) {
    for address in listeners.addresses() {
        let printed = match format {
            Format::Json => {
                print_json(&serde_json::json!({"v": 1, "admin_at": address.to_string()}))
            }
            Format::Raw | Format::Table => print_prose(format_args!("admin at {address}")),
        };
        if let Err(error) = printed {
            log::warn!("admin at {address}, which cannot be printed: {error}");
        }
    }
}
