//! Looks up the index servers of names in DNS.

use std::io;
use std::net::SocketAddr;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use crate::cli::values::endpoints::NamedServer;
use crate::dns::{Located, look_up, name_servers, service_name};
use crate::escape::escaped;
use crate::limits;
use crate::peer::IndexError;
use crate::protocol::Endpoint;

/// The servers of a name, or why it has none.
type Found = Result<Vec<Endpoint>, IndexError>;

/// The servers of each name. All names are looked up concurrently.
pub(super) fn look_up_all(named: &[&NamedServer]) -> Vec<Found> {
    let services: Vec<Option<String>> = named.iter().map(|server| service_of(server)).collect();
    let is_needed = services.iter().any(Option::is_some);
    let name_servers = if is_needed { name_servers() } else { Vec::new() };
    let deadline = limits::ends_after(limits::DNS_LOOKUP);
    thread::scope(|scope| {
        let name_servers = &*name_servers;
        let start = |(server, service): (&&NamedServer, Option<String>)| {
            let (service, endpoint) = (service?, server.endpoint());
            let work = move || servers_of(&endpoint, &service, name_servers, deadline);
            thread::Builder::new().name("dns".into()).spawn_scoped(scope, work).ok()
        };
        let started: Vec<_> = named.iter().zip(services).map(start).collect();
        let end = |(server, lookup): (&&NamedServer, Option<ScopedJoinHandle<'_, Found>>)| {
            // A panic costs this lookup, and not the program.
            let found = lookup.and_then(|thread| thread.join().ok());
            found.unwrap_or_else(|| Ok(vec![server.endpoint()]))
        };
        named.iter().zip(started).map(end).collect()
    })
}

/// The name to look up, unless the user has named a port.
fn service_of(server: &NamedServer) -> Option<String> {
    match server {
        NamedServer::At(_) => None,
        NamedServer::Host(host) => service_name(host),
    }
}

fn servers_of(
    named: &Endpoint,
    service: &str,
    name_servers: &[SocketAddr],
    deadline: Instant,
) -> Found {
    match look_up(service, name_servers, deadline) {
        Ok(Located::At(servers)) => {
            let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
            let (host, names) = (named.host.as_str(), names.join(", "));
            log::info!("DNS names the index servers of {}: {}", escaped(host), escaped(&names));
            Ok(servers)
        }
        Ok(Located::NotOffered) => {
            let text =
                format!("DNS says that no index server is there: the target of `{service}` is `.`");
            let source = io::Error::new(io::ErrorKind::NotFound, text);
            Err(IndexError::Unreachable { index: named.clone(), source })
        }
        Ok(Located::Unknown) => Ok(vec![named.clone()]),
        Err(error) => {
            log::info!("cannot look up `{service}`, so {named} is used: {error}");
            Ok(vec![named.clone()])
        }
    }
}
