//! Looks up the index servers of a host: the records `_p2p-ci._tcp.HOST` of type SRV (RFC 2782).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::exchange::ask;
use super::message::{Reply, ServiceQuery};
use super::order::ordered;
use crate::limits;
use crate::protocol::{Endpoint, Host};

/// The service and its transport, before the name of the host.
const SERVICE: &str = "_p2p-ci._tcp";

/// Top-level names that are never asked of a name server: this machine, multicast DNS, and no machine (RFC 6761,
/// RFC 6762).
const LOCAL: [&str; 3] = ["localhost", "local", "invalid"];

/// What DNS says about a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Located {
    /// Its index servers, in the order in which they are tried: at least one, and at most
    /// [`limits::INDEX_SERVERS`].
    At(Vec<Endpoint>),
    /// It says that there is none.
    NotOffered,
    /// It says nothing.
    Unknown,
}

/// The name of the records of a host. `None` if they are not looked up: the host is an address, or a name without a
/// dot, which the name servers of a network do not know as it is.
pub fn service_name(host: &Host) -> Option<String> {
    let host = host.as_str();
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let (_, top) = name.rsplit_once('.')?;
    let is_local = LOCAL.iter().any(|local| top.eq_ignore_ascii_case(local));
    let is_asked = name.parse::<IpAddr>().is_err()
        && name.bytes().all(is_legal)
        && name.split('.').all(|label| !label.is_empty())
        && !is_local;
    is_asked.then(|| format!("{SERVICE}.{name}"))
}

/// Asks these name servers for the index servers of a name that [`service_name`] has returned.
///
/// # Errors
/// When no name server has replied before the deadline.
pub fn look_up(
    service_name: &str,
    servers: &[SocketAddr],
    deadline: Instant,
) -> io::Result<Located> {
    let id = u16::try_from(random()? >> 16).unwrap_or(0);
    let Some(query) = ServiceQuery::new(id, service_name) else { return Ok(Located::Unknown) };
    let services = match ask(&query, servers, deadline)? {
        Reply::Records(services) => services,
        Reply::NotOffered => return Ok(Located::NotOffered),
        Reply::Absent | Reply::Truncated | Reply::Failed(_) => return Ok(Located::Unknown),
    };
    let targets = ordered(services, limits::INDEX_SERVERS, random_up_to);
    Ok(if targets.is_empty() { Located::Unknown } else { Located::At(targets) })
}

fn random() -> io::Result<u32> {
    getrandom::u32().map_err(io::Error::other)
}

/// A random number up to this one, inclusive.
fn random_up_to(most: u32) -> u32 {
    let number = u64::from(random().unwrap_or(0)) % (u64::from(most) + 1);
    u32::try_from(number).unwrap_or(most)
}

#[cfg(test)]
mod tests;
