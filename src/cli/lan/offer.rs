//! Announcing an index server, and asking which one of the local network is used.

use std::io::{self, BufRead};
use std::net::SocketAddr;

use gethostname::gethostname;

use crate::cli::errors::command_error::CommandError;
use crate::cli::output::print::print_note;
use crate::cli::values::endpoints::Servers;
use crate::error_chain::error_chain;
use crate::lan::{Announcement, Found, Service, search};
use crate::limits;
use crate::net::{AddressPolicy, Cancel, Dialer, Target};
use crate::protocol::Endpoint;
use crate::server::LOG_SESSIONS;

/// Announces an index server. Without multicast DNS it runs unannounced.
pub(super) fn announce(addresses: &[SocketAddr]) -> Option<Announcement> {
    let machine = gethostname().to_string_lossy().into_owned();
    match Announcement::start(Service::Index, &machine, addresses) {
        Ok(Some(announcement)) => {
            log::info!(target: LOG_SESSIONS, "announced on the local network");
            Some(announcement)
        }
        Ok(None) => {
            log::warn!(
                "--announce announces nothing: the server listens only on loopback, where no other machine \
                 reaches it; --listen 7734 listens on every address"
            );
            None
        }
        Err(error) => {
            log::warn!("the server is not announced on the local network: {}", error_chain(&error));
            None
        }
    }
}

/// The only index server of the local network.
pub(super) fn only() -> Result<Servers, CommandError> {
    let found =
        search(Service::Index).map_err(|error| CommandError::NotFound(error_chain(&error)))?;
    match &*found {
        [] => Err(CommandError::NotFound(
            "no index server is announced on the local network; start one with `server --announce`, or name \
             one as SERVER"
                .into(),
        )),
        [one] => {
            print_note(format_args!("the index server is {one}"));
            servers(one).ok_or_else(|| CommandError::NotFound(format!("{one} has no usable address")))
        }
        several => {
            let lines: Vec<String> = several.iter().map(|one| format!("\n  {one}")).collect();
            Err(CommandError::Usage(format!(
                "{} index servers are announced on the local network; name one of them as SERVER:{}",
                several.len(),
                lines.concat()
            )))
        }
    }
}

/// Asks the user which index server is used. `None`: `usual`, which answers or which was preferred.
pub(super) fn choose(usual: &Endpoint) -> Option<Servers> {
    if answers(usual) {
        return None;
    }
    let found = match search(Service::Index) {
        Ok(found) if !found.is_empty() => found,
        Ok(_) => return None,
        Err(error) => {
            log::debug!("{}", error_chain(&error));
            return None;
        }
    };
    print_note(format_args!(
        "no index server answers at {usual}; announced on the local network are:"
    ));
    for (number, one) in (1..).zip(&found) {
        print_note(format_args!("  {number}  {one}"));
    }
    print_note(format_args!("type the number of the one to use, or Enter for none:"));
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).ok()?;
    let number: usize = line.trim().parse().ok()?;
    servers(found.get(number.checked_sub(1)?)?)
}

/// Whether something accepts connections there.
fn answers(server: &Endpoint) -> bool {
    let dialer = Dialer::new(AddressPolicy::default(), limits::Connecting::DEFAULT);
    let target = Target::of_user(server.host.as_str(), server.port.value());
    dialer.connect(target, &Cancel::new()).is_ok()
}

fn servers(found: &Found) -> Option<Servers> {
    Some(Servers { first: found.endpoint()?, others: Vec::new() })
}
