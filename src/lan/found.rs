//! What another program has announced. Any machine of the local network can announce anything, so names are
//! bounded and escaped, and only addresses in networks of this machine count.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use mdns_sd::{ResolvedService, ScopedIp};

use super::networks::Networks;
use super::service::Service;
use crate::escape::escaped;
use crate::limits;
use crate::protocol::Endpoint;

/// A program on the local network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    /// Its name, as it says itself. Untrusted.
    name: String,
    /// Where it is connected to.
    address: SocketAddr,
}

impl Found {
    /// `None` if no address is permitted, or the program does not say what it must say.
    pub(super) fn new(
        service: Service,
        announced: &ResolvedService,
        networks: &Networks,
    ) -> Option<Self> {
        if let Some((name, value)) = service.property()
            && announced.get_property_val_str(name) != Some(value)
        {
            return None;
        }
        let name = announced.fullname.strip_suffix(&announced.ty_domain)?;
        let addresses = announced.addresses.iter().take(limits::LAN_ADDRESSES);
        let permitted = addresses.filter_map(|address| {
            let interface = match address {
                ScopedIp::V6(address) => address.scope_id().index,
                _ => 0,
            };
            networks.permitted(address.to_ip_addr(), announced.port, interface)
        });
        Some(Self { name: shown(name), address: permitted.min_by(order)? })
    }

    /// A program at this address, for tests.
    #[cfg(test)]
    pub(super) fn at(ip: &str, port: u16) -> Self {
        Self { name: "x".into(), address: SocketAddr::new(ip.parse().unwrap(), port) }
    }

    /// Its address, as an endpoint.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        self.address.to_string().parse().ok()
    }

    /// Where it is connected to.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the address of another announcement of the program if it is better.
    pub(super) fn prefer(&mut self, other: Self) {
        if order(&other.address, &self.address).is_lt() {
            *self = other;
        }
    }

    /// The order of programs in a list.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        order(&self.address, &other.address)
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", escaped(&self.name), self.address)
    }
}

/// IPv4 first, then addresses that need no interface.
fn order(one: &SocketAddr, other: &SocketAddr) -> Ordering {
    let rank = |address: &SocketAddr| match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) if address.scope_id() == 0 => 1,
        SocketAddr::V6(_) => 2,
    };
    (rank(one), one).cmp(&(rank(other), other))
}

/// A name without its final dot and without the backslashes before dots, and not longer than DNS permits.
fn shown(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name).replace('\\', "");
    name.get(..name.floor_char_boundary(limits::LAN_NAME)).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_escaped() {
        let found = |name: &str| {
            let address = "10.0.0.1:7734".parse().unwrap();
            Found { name: shown(name), address }.to_string()
        };
        assert_eq!(found("lab3-7734."), "lab3-7734 (10.0.0.1:7734)");
        assert_eq!(found(r"Room 3\.1."), "Room 3.1 (10.0.0.1:7734)");
        assert!(found(&"é".repeat(500)).len() < 100);
        for hostile in ["a\u{1b}[2J", "a\nb", "a\u{202e}b"] {
            assert!(
                !found(hostile)
                    .contains(|letter: char| letter.is_control() || letter == '\u{202e}')
            );
        }
    }
}
