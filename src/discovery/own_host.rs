//! The host that a peer names to an index as its own (protocol.md section 2.6).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Once;
use std::time::Duration;

use crate::escape::escaped;
use crate::net::{self, Cancel};
use crate::protocol::Host;

/// Returns `localhost` if the index is on this machine; else the host name, if it resolves to the local
/// address of the connection, which must be found in this time; else that address.
pub(super) fn own_host(
    local: SocketAddr,
    index: SocketAddr,
    time: Duration,
    cancel: &Cancel,
) -> Host {
    let local = local.ip().to_canonical();
    let host = localhost(index).or_else(|| host_name(local, time, cancel));
    host.unwrap_or_else(|| Host::from(local))
}

/// The same without a lookup of the host name: for requests that register nothing.
pub(super) fn own_address(local: SocketAddr, index: SocketAddr) -> Host {
    localhost(index).unwrap_or_else(|| Host::from(local.ip().to_canonical()))
}

fn localhost(index: SocketAddr) -> Option<Host> {
    index.ip().to_canonical().is_loopback().then(|| "localhost".parse().ok()).flatten()
}

/// Warns once if this peer is listed under an IPv6 address: other peers need IPv6 to reach it.
pub(crate) fn note_ipv6_only(own: &Host) {
    static WARNED: Once = Once::new();
    let Ok(address) = own.as_str().parse::<Ipv6Addr>() else { return };
    if address.is_loopback() {
        return;
    }
    WARNED.call_once(|| {
        let name = gethostname::gethostname();
        let name = escaped(name.as_encoded_bytes()).to_string();
        log::warn!(
            "this peer is listed as {address}, since its host name `{name}` does not resolve to \
             that address: peers with IPv4 alone cannot reach it; name it with --host"
        );
    });
}

fn host_name(local: IpAddr, time: Duration, cancel: &Cancel) -> Option<Host> {
    let name = gethostname::gethostname().into_string().ok()?;
    let addresses = net::resolve(&name, 0, time, cancel).ok()?;
    addresses.iter().find(|address| address.ip().to_canonical() == local)?;
    name.parse().ok()
}
