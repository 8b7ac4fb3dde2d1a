//! Name resolution with a deadline (protocol.md section 7).
//!
//! The system's resolver cannot be interrupted and needs a large stack. So it runs on its own thread,
//! and the caller stops waiting at its deadline. The number of these threads is bounded: a lookup that
//! is not answered keeps its thread until the system gives up.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::cancel::Cancel;
use crate::limits;
use crate::system::{MemoryBoundKind, memory_bounds};

/// How long a lookup that cannot get a thread waits before it tries again.
const RETRY: Duration = Duration::from_millis(20);

/// Threads that resolve names.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// A running lookup.
#[derive(Debug)]
pub(super) struct Resolution(State);

#[derive(Debug)]
enum State {
    /// The host is an address.
    Known(Vec<SocketAddr>),
    /// It has no thread yet.
    Queued(String, u16),
    Running(Receiver<io::Result<Vec<SocketAddr>>>),
}

impl Resolution {
    /// Starts to resolve a host. An IP address is not looked up, unless it has a scope, such as
    /// `fe80::1%eth0`.
    pub(super) fn begin(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self(State::Known(vec![SocketAddr::new(ip, port)])),
            Err(_) => Self(State::Queued(host.into(), port)),
        }
    }

    /// Waits at most this time for the result.
    pub(super) fn wait(&mut self, time: Duration) -> Option<io::Result<Vec<SocketAddr>>> {
        if let State::Queued(host, port) = &self.0 {
            match start(host, *port) {
                Ok(Some(result)) => self.0 = State::Running(result),
                Ok(None) => {
                    thread::sleep(time.min(RETRY));
                    return None;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        match &mut self.0 {
            State::Known(addresses) => Some(Ok(std::mem::take(addresses))),
            State::Queued(..) => None,
            State::Running(result) => match result.recv_timeout(time) {
                Ok(result) => Some(result),
                Err(RecvTimeoutError::Timeout) => None,
                // The thread has panicked.
                Err(RecvTimeoutError::Disconnected) => {
                    Some(Err(io::Error::other("the name was not resolved")))
                }
            },
        }
    }
}

/// Resolves a host to addresses with this port, in the order of the system.
///
/// # Errors
/// When the host has no address, the name service does not answer in this time, or the lookup is cancelled.
pub fn resolve(
    host: &str,
    port: u16,
    time: Duration,
    cancel: &Cancel,
) -> io::Result<Vec<SocketAddr>> {
    let deadline = limits::ends_after(time);
    let mut resolution = Resolution::begin(host, port);
    loop {
        cancel.check()?;
        let left = deadline.saturating_duration_since(Instant::now());
        match resolution.wait(left.min(limits::INTERRUPT_POLL)) {
            Some(result) => return result,
            None if Instant::now() >= deadline => return Err(not_resolved_in(time)),
            None => {}
        }
    }
}

pub(super) fn not_resolved_in(time: Duration) -> io::Error {
    let time = time.as_secs_f32();
    let message = format!("the name service did not answer within {time} seconds");
    io::Error::new(io::ErrorKind::TimedOut, message)
}

/// Starts a thread that resolves this host; `None` if there are too many already.
fn start(host: &str, port: u16) -> io::Result<Option<Receiver<io::Result<Vec<SocketAddr>>>>> {
    let Some(permit) = Permit::take() else { return Ok(None) };
    let (sender, result) = channel();
    let host = host.to_string();
    let work = move || {
        let _permit = permit;
        let addresses = (host.as_str(), port).to_socket_addrs();
        // The caller may have stopped waiting.
        let _ = sender.send(addresses.map(Iterator::collect));
    };
    // The default stack, whatever the caller's is: the C library's resolver needs it.
    thread::Builder::new().name("resolve".into()).spawn(work)?;
    Ok(Some(result))
}

/// How many lookups run at the same time: fewer where their stacks would fill the address space.
fn most_resolvers() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let bounds = memory_bounds();
        let space = bounds.iter().find(|bound| bound.kind == MemoryBoundKind::AddressSpace);
        let most = space.map_or(u64::MAX, |space| space.bytes / limits::RESOLVER_ADDRESS_SPACE);
        usize::try_from(most).unwrap_or(usize::MAX).clamp(1, limits::RESOLVERS)
    })
}

/// The permission to run one resolver thread, returned when dropped.
struct Permit;

impl Permit {
    fn take() -> Option<Self> {
        let most = most_resolvers();
        let one_more = |running| (running < most).then_some(running + 1);
        RUNNING.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok().then_some(Self)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        super::resolve(host, port, limits::Connecting::DEFAULT.resolve, &Cancel::new())
    }

    #[test]
    fn addresses_and_names_are_resolved() {
        assert_eq!(resolve("192.0.2.1", 80).unwrap(), ["192.0.2.1:80".parse().unwrap()]);
        assert_eq!(resolve("2001:db8::1", 80).unwrap(), ["[2001:db8::1]:80".parse().unwrap()]);
        assert!(resolve("localhost", 80).unwrap().iter().all(|address| address.ip().is_loopback()));
        assert!(resolve("no-such-host.invalid", 80).is_err());
    }

    #[test]
    fn a_link_local_address_may_name_its_interface() {
        // The loopback interface has the number 1 on Linux.
        if let Ok(addresses) = resolve("fe80::1%lo", 80) {
            assert_eq!(addresses, ["[fe80::1%1]:80".parse().unwrap()]);
        }
        let numbered = resolve("fe80::1%1", 80).unwrap();
        assert_eq!(numbered, ["[fe80::1%1]:80".parse().unwrap()]);
    }
}
