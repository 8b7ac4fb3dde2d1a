//! The accept loop: one named thread per connection, and no error that ends the server (protocol.md
//! section 7).

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, Scope};

use super::abuse::AbuseTracker;
use super::acceptors::Acceptors;
use super::access::AccessPolicy;
use super::connection::Connection;
use super::interface::Interface;
use super::listening::{Accepted, Listening};
use super::permits::{Newcomer, Permit, Taken};
use super::refused::Refused;
use super::stop::Entered;
use super::tcp::set_accepted_options;
#[cfg(unix)]
use super::unix::Unix;
use super::{Permits, Stop};
use crate::counters::Cause;
use crate::limits;

/// The handler of connections, and the limits on them.
#[derive(Debug)]
pub struct Service<H> {
    name: &'static str,
    permits: Permits,
    stop: Stop,
    handle: H,
    /// Shared by all listeners of the service, as is `refused`.
    abuse: AbuseTracker,
    refused: Refused,
    interface: Interface,
    /// Whether `--record` concerns its connections.
    is_recorded: bool,
    access: AccessPolicy,
}

impl<H> Service<H> {
    /// `handle` serves one connection; its arguments are the socket, the address of the other side,
    /// and the number of the connection. `refusal` is what a refused connection is sent. Threads are
    /// named after the service: `session` gives `session-17`.
    pub fn new(
        name: &'static str,
        permits: Permits,
        stop: Stop,
        refusal: Vec<u8>,
        handle: H,
    ) -> Self {
        let admission = permits.admission();
        let (abuse, refused) =
            (AbuseTracker::new(admission), Refused::new(refusal, admission.linger));
        let (interface, access) = (Interface::default(), AccessPolicy::default());
        let is_recorded = true;
        Self { name, permits, stop, handle, abuse, refused, interface, is_recorded, access }
    }

    /// The same for a service of another protocol, whose connections are not recorded.
    #[must_use]
    pub fn unrecorded(self) -> Self {
        Self { is_recorded: false, ..self }
    }

    /// The same for a peer with this interface.
    #[must_use]
    pub fn on(self, interface: Interface) -> Self {
        Self { interface, ..self }
    }

    /// The same for the addresses that this policy permits.
    #[must_use]
    pub fn for_addresses(self, access: AccessPolicy) -> Self {
        Self { access, ..self }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The other side was served, or made few mistakes.
    Normal,
    /// The connection was closed because the other side sent only malformed requests.
    Abuse,
}

/// A connection that was admitted.
///
/// A client may reconnect on the end of input, so the fields are in this order: the socket is closed
/// after its permit is released.
#[derive(Debug)]
struct Admitted {
    entered: Entered,
    _permit: Permit,
    stream: Arc<Connection>,
    address: SocketAddr,
}

/// Accepts connections until the service is stopped, and gives each a thread of its own in the scope.
///
/// A connection without a permit is sent the refusal of the service, and so is one from an address that
/// may not connect, or from a network whose recent connections were closed for abuse. A handler that panics ends only its own connection. A thread is named after the first connection that it serves.
pub fn accept_loop<'scope, H>(
    scope: &'scope Scope<'scope, '_>,
    listener: impl Into<Listening<'scope>>,
    service: &'scope Service<H>,
) where
    H: Fn(&Arc<Connection>, SocketAddr, u64) -> Outcome + Sync,
{
    let listener = listener.into();
    let acceptors = match Acceptors::new(listener, &service.stop) {
        Ok(acceptors) => Arc::new(acceptors),
        Err(error) => {
            return log::error!("cannot read the address of the listening socket: {error}");
        }
    };
    if let Err(error) = listener.set_options() {
        return log::error!("cannot set the options of the listening socket: {error}");
    }
    while let Some((stream, address)) = acceptors.accept_first() {
        if let Some(admitted) = admit(service, stream, address) {
            start_worker(scope, service, &acceptors, admitted);
        }
    }
}

/// Admits a connection, or refuses it.
fn admit<H>(service: &Service<H>, accepted: Accepted, address: SocketAddr) -> Option<Admitted> {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let stream = Arc::new(match accepted {
        Accepted::Tcp(stream) if service.is_recorded => {
            Connection::accepted(&service.interface, stream)
        }
        Accepted::Tcp(stream) => Connection::accepted_unrecorded(stream),
        #[cfg(unix)]
        Accepted::Unix(stream) => Connection::new(Unix::accepted(stream)),
    });
    if let Err(denied) = service.access.check(address.ip()) {
        log::warn!("{address}: refused: {denied}");
        service.permits.refusals().add(Cause::Denied);
        service.refused.refuse(stream);
        return None;
    }
    if service.abuse.is_refused(address.ip()) {
        log::warn!(
            "{address}: refused: recent connections from its network sent only malformed requests"
        );
        service.permits.refusals().add(Cause::Abuse);
        service.refused.refuse(stream);
        return None;
    }
    if service.stop.is_draining() {
        log::info!("{address}: refused: the program is about to end");
        service.permits.refusals().add(Cause::Draining);
        service.refused.refuse(stream);
        return None;
    }
    let entered = service.stop.enter(Arc::clone(&stream), address)?;
    let newcomer = Newcomer { number: entered.id, address: address.ip(), stream: &stream };
    match service.permits.take(newcomer) {
        Ok(Taken { permit, evicted }) => {
            if let Some(evicted) = evicted {
                log::info!("closing an idle connection to admit {address}");
                service.refused.evict(&evicted);
            }
            Some(Admitted { entered, _permit: permit, stream, address })
        }
        Err(limit) => {
            log::warn!("{address}: refused: {limit}");
            service.permits.refusals().add(limit.cause());
            service.refused.refuse(stream);
            None
        }
    }
}

/// Starts a thread that serves a connection, and then others.
fn start_worker<'scope, H>(
    scope: &'scope Scope<'scope, '_>,
    service: &'scope Service<H>,
    acceptors: &Arc<Acceptors<'scope>>,
    first: Admitted,
) where
    H: Fn(&Arc<Connection>, SocketAddr, u64) -> Outcome + Sync,
{
    let (stream, address) = (Arc::clone(&first.stream), first.address);
    let name = format!("{}-{}", service.name, first.entered.id);
    let acceptors = Arc::clone(acceptors);
    let work = move || {
        serve(service, &first);
        drop(first);
        while let Some((stream, address)) = acceptors.accept_next() {
            if let Some(admitted) = admit(service, stream, address) {
                serve(service, &admitted);
            }
        }
    };
    let thread = thread::Builder::new().name(name).stack_size(limits::THREAD_STACK);
    if let Err(error) = thread.spawn_scoped(scope, work) {
        log::warn!("{address}: refused, cannot start a thread: {error}");
        service.permits.refusals().add(Cause::Threads);
        service.refused.refuse(stream);
    }
}

fn serve<H>(service: &Service<H>, admitted: &Admitted)
where
    H: Fn(&Arc<Connection>, SocketAddr, u64) -> Outcome + Sync,
{
    let Admitted { stream, address, entered, .. } = admitted;
    if let Err(error) = stream.tcp().map_or(Ok(()), set_accepted_options) {
        log::debug!("{address}: closed before it was served: {error}");
        return;
    }
    let serve = || (service.handle)(stream, *address, entered.id);
    match catch_unwind(AssertUnwindSafe(serve)) {
        Ok(Outcome::Normal) => {}
        Ok(Outcome::Abuse) => service.abuse.add(address.ip()),
        Err(_) => log::error!("{address}: a panic ended this connection; others are not affected"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Reads until the end, whatever kind of end it is.
    fn read_all(mut stream: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    }

    #[test]
    fn a_handler_that_panics_ends_its_own_connection_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Stop::new();
        let handle = |stream: &Arc<Connection>, _, number| {
            assert!(number != 0, "the first connection panics, as it should");
            assert_eq!(stream.write(b"served").unwrap(), 6);
            Outcome::Normal
        };
        let permits = Permits::new(1, limits::Admission::of_network(1));
        let service = Service::new("test", permits, stop.clone(), Vec::new(), handle);
        thread::scope(|scope| {
            scope.spawn(|| accept_loop(scope, &listener, &service));
            assert_eq!(read_all(TcpStream::connect(address).unwrap()), b"");
            // Its permit was given back before its end was seen.
            assert_eq!(read_all(TcpStream::connect(address).unwrap()), b"served");
            stop.stop();
        });
        assert_eq!(service.permits.taken(), 0);
    }
}
