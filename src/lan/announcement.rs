//! A program that announces itself on the local network.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use mdns_sd::{ServiceDaemon, ServiceInfo};

use super::service::{LanError, Service, daemon};
use crate::limits;

/// An announcement, which is withdrawn when it is dropped.
pub(crate) struct Announcement {
    daemon: ServiceDaemon,
    name: String,
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcement").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Announcement {
    /// Announces a program that listens at these addresses, which have one port. `None`: it listens only on
    /// loopback, where other machines do not reach it.
    pub(crate) fn start(
        service: Service,
        machine: &str,
        addresses: &[SocketAddr],
    ) -> Result<Option<Self>, LanError> {
        let reachable = addresses.iter().filter(|address| !address.ip().is_loopback());
        let Some(port) = reachable.clone().map(SocketAddr::port).next() else { return Ok(None) };
        let own: Vec<IpAddr> = reachable
            .filter(|address| address.port() == port)
            .map(|address| address.ip().to_canonical())
            .collect();
        let listens_everywhere = own.iter().any(IpAddr::is_unspecified);
        let own = if listens_everywhere { Vec::new() } else { own };
        let (name, host) = names(machine, port);
        let usual = [("txtvers", "1"), ("protocol", "P2P-CI/1.0")];
        let properties: Vec<_> = usual.into_iter().chain(service.property()).collect();
        let info = ServiceInfo::new(service.domain(), &name, &host, &*own, port, &properties[..])?;
        let info = if listens_everywhere { info.enable_addr_auto() } else { info };
        let name = info.get_fullname().to_string();
        let daemon = daemon()?;
        daemon.register(info)?;
        Ok(Some(Self { daemon, name }))
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // If others are not told, they forget the program when its records expire.
        if let Ok(done) = self.daemon.unregister(&self.name) {
            let _ = done.recv_timeout(limits::LAN_GOODBYE);
        }
        if let Ok(done) = self.daemon.shutdown() {
            let _ = done.recv_timeout(limits::LAN_GOODBYE);
        }
    }
}

/// The name of the program, and a host name for its addresses. Both have the port, so that several programs of a
/// machine differ. The host name is not that of the machine, which another program may announce.
fn names(machine: &str, port: u16) -> (String, String) {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let label = machine.split('.').next().unwrap_or_default();
    let plain: String = label.chars().filter(|letter| is_plain(*letter)).take(40).collect();
    let machine = if plain.is_empty() { "p2p-ci" } else { &plain };
    (format!("{machine}-{port}"), format!("p2p-ci-{machine}-{port}.local."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels_of_dns() {
        for (machine, name) in [
            ("lab3", "lab3-7734"),
            ("lab3.example.org", "lab3-7734"),
            ("Bücher", "Bcher-7734"),
            ("", "p2p-ci-7734"),
            ("日本", "p2p-ci-7734"),
        ] {
            assert_eq!(names(machine, 7734).0, name);
        }
        let (name, host) = names(&"x".repeat(300), 65535);
        let label = host.strip_suffix(".local.").unwrap();
        assert!(name.len() <= limits::LAN_NAME && label.len() <= limits::LAN_NAME);
    }

    #[test]
    fn what_listens_only_on_loopback_is_not_announced() {
        let addresses = ["127.0.0.1:7734".parse().unwrap(), "[::1]:7734".parse().unwrap()];
        assert!(Announcement::start(Service::Index, "lab3", &addresses).unwrap().is_none());
    }
}
