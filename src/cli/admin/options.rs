//! `--admin`: the address at which a program shows its metrics and its health.

use std::sync::Arc;

use gethostname::gethostname;

use crate::admin::{Observed, router};
use crate::cli::headings::NETWORK;
use crate::cli::output::format::Format;
use crate::cli::output::print::{print_json, print_line};
use crate::cli::values::option_values::remedy;
use crate::error_chain::error_chain;
use crate::http::{Hosts, HttpAddress, HttpBindError, HttpListeners, HttpServer};
use crate::limits;

/// The options of both programs.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct AdminArgs {
    /// Show metrics and health over HTTP at this address, such as `127.0.0.1:9734`, or at this path of a Unix
    /// socket; may be given several times
    #[arg(long, value_name = "ADDR:PORT|PATH", global = true, help_heading = NETWORK)]
    pub(in crate::cli) admin: Vec<HttpAddress>,

    /// Reply also to requests at the address for operators that name this host; may be given several times
    /// [default: IP addresses, `localhost`, and the name of this machine]
    #[arg(long, value_name = "NAME", global = true, help_heading = NETWORK)]
    pub(in crate::cli) admin_host: Vec<String>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum AdminError {
    #[error("cannot show metrics and health: {}{remedy}", error_chain(.error))]
    Bind { error: HttpBindError, remedy: String },
    #[error("cannot start the thread that shows metrics and health")]
    Thread(#[source] std::io::Error),
}

impl AdminArgs {
    /// Listens at all addresses.
    pub(in crate::cli) fn listen(&self) -> Result<HttpListeners, AdminError> {
        HttpListeners::bind(&self.admin).map_err(|error| {
            let remedy = match &error.address {
                HttpAddress::Tcp(address) => remedy(error.kind(), address.port(), "--admin"),
                #[cfg(unix)]
                HttpAddress::Unix(_) => None,
            };
            let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
            AdminError::Bind { error, remedy }
        })
    }

    /// Shows a program at the addresses that were listened at, if there are any.
    pub(in crate::cli) fn serve(
        &self,
        listeners: HttpListeners,
        program: impl Observed,
    ) -> Result<Option<HttpServer>, AdminError> {
        if self.admin.is_empty() {
            return Ok(None);
        }
        let own = gethostname().into_string().ok();
        let hosts = Hosts::new(self.admin_host.iter().cloned().chain(own));
        let router = router(Arc::new(program));
        let server = listeners.serve(router, hosts, limits::Http::default());
        server.map(Some).map_err(AdminError::Thread)
    }
}

/// Prints where a program shows its metrics.
pub(in crate::cli) fn print_addresses(listeners: &HttpListeners, format: Format) {
    for address in listeners.addresses() {
        let printed = match format {
            Format::Json => {
                print_json(&serde_json::json!({"v": 1, "admin_at": address.to_string()}))
            }
            Format::Raw | Format::Table => print_line(format_args!("admin at {address}")),
        };
        if let Err(error) = printed {
            log::warn!("admin at {address}, which cannot be printed: {error}");
        }
    }
}
