//! The addresses of a host, within a deadline (protocol.md section 7).
//!
//! The system's resolver cannot be interrupted, takes as long as a name server likes, and needs more
//! stack than a connection's thread has. So it runs in a thread of its own, which ends by itself
//! when nobody waits for it any more. How many there may be is bounded.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use crate::limits;

/// Resolver threads of this process that have not ended.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The addresses of a host with this port, in the order of the system. An IP address is not looked
/// up, unless it has a scope, as `fe80::1%eth0`.
///
/// # Errors
/// When the host has no address, its name server does not answer in time, or many other names are
/// being looked up.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let place = Running::enter()?;
    let (sender, found) = sync_channel(1);
    let name = host.to_string();
    let look_up = move || {
        let _place = place;
        let addresses = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody may be waiting any more.
        let _ = sender.send(addresses);
    };
    thread::Builder::new().name("resolve".into()).spawn(look_up)?;
    match found.recv_timeout(limits::RESOLVE) {
        Ok(addresses) => addresses,
        Err(RecvTimeoutError::Timeout) => {
            let text = format!("no answer to a lookup of its name in {:?}", limits::RESOLVE);
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the resolver failed")),
    }
}

/// A place among the resolver threads, until it is dropped.
struct Running;

impl Running {
    fn enter() -> io::Result<Self> {
        if RUNNING.fetch_add(1, Ordering::Relaxed) < limits::RESOLVERS {
            return Ok(Self);
        }
        drop(Self);
        let text = format!("{} lookups of names are running", limits::RESOLVERS);
        Err(io::Error::new(io::ErrorKind::WouldBlock, text))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names() {
        assert_eq!(resolve("192.0.2.1", 80).unwrap(), ["192.0.2.1:80".parse().unwrap()]);
        assert_eq!(resolve("2001:db8::1", 80).unwrap(), ["[2001:db8::1]:80".parse().unwrap()]);
        assert!(resolve("localhost", 80).unwrap().iter().all(|found| found.ip().is_loopback()));
        assert!(resolve("no-such-host.invalid", 80).is_err());
    }
}
