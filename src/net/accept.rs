//! The accept loop: one named thread per connection, and no error that ends the server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, Scope};

use super::acceptors::Acceptors;
use super::connection::{set_accepted_options, set_listener_options};
use super::offenders::Offenders;
use super::permits::Permit;
use super::stop::Entered;
use super::{Permits, Stop};
use crate::limits;
use crate::protocol::{Refusal, encode_refusal};

/// A connection's handler, and what bounds it.
#[derive(Debug)]
pub struct Service<H> {
    /// Threads are named after it: `session` gives `session-17`.
    pub name: &'static str,
    /// How many connections at once.
    pub permits: Permits,
    /// Ends the loop.
    pub stop: Stop,
    /// Serves one connection, and is told its number and where it comes from.
    pub handle: H,
}

/// How the other side of a connection has behaved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Conduct {
    /// As a program of the protocol does, or at least as one that is being written.
    Sane,
    /// It sent nothing that could be understood, until the connection was closed for it.
    Nonsense,
}

/// A connection that was admitted.
///
/// The end is what the other side may have waited for to come again: so the connection is closed
/// last, when all that it has taken is free.
#[derive(Debug)]
struct Admitted {
    entered: Entered,
    _permit: Permit,
    stream: Arc<TcpStream>,
    address: SocketAddr,
}

/// Accepts connections until it is stopped, and gives each a thread of its own in the scope.
///
/// A connection without a permit gets `503 Service Unavailable`, and so does one from an address
/// from which nothing but nonsense has come lately. A handler that panics ends its
/// connection and nothing else. A thread is named after the first connection that it serves.
pub fn accept_loop<'scope, H>(
    scope: &'scope Scope<'scope, '_>,
    listener: &'scope TcpListener,
    service: &'scope Service<H>,
) where
    H: Fn(&TcpStream, SocketAddr, u64) -> Conduct + Sync,
{
    let acceptors = match Acceptors::new(listener, &service.stop) {
        Ok(acceptors) => Arc::new(acceptors),
        Err(error) => return log::error!("no address of the listening socket: {error}"),
    };
    if let Err(error) = set_listener_options(listener) {
        return log::error!("no options for the listening socket: {error}");
    }
    let offenders = Arc::new(Offenders::default());
    while let Some((stream, address)) = acceptors.accept_first() {
        if let Some(admitted) = admit(service, &offenders, stream, address) {
            start_worker(scope, service, &offenders, &acceptors, admitted);
        }
    }
}

/// Takes a connection, or turns it away.
fn admit<H>(
    service: &Service<H>,
    offenders: &Offenders,
    stream: TcpStream,
    address: SocketAddr,
) -> Option<Admitted> {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let stream = Arc::new(stream);
    if offenders.is_refused(address.ip()) {
        log::warn!("{address}: refused: nothing but nonsense has come from there lately");
        turn_away(&stream);
        return None;
    }
    let permit = match service.permits.take(address.ip()) {
        Ok(permit) => permit,
        Err(limit) => {
            log::warn!("{address}: refused: {limit}");
            turn_away(&stream);
            return None;
        }
    };
    let entered = service.stop.enter(Arc::clone(&stream))?;
    Some(Admitted { entered, _permit: permit, stream, address })
}

/// Starts a thread that serves a connection, and then others.
fn start_worker<'scope, H>(
    scope: &'scope Scope<'scope, '_>,
    service: &'scope Service<H>,
    offenders: &Arc<Offenders>,
    acceptors: &Arc<Acceptors<'scope>>,
    first: Admitted,
) where
    H: Fn(&TcpStream, SocketAddr, u64) -> Conduct + Sync,
{
    let (stream, address) = (Arc::clone(&first.stream), first.address);
    let name = format!("{}-{}", service.name, first.entered.id);
    let (offenders, acceptors) = (Arc::clone(offenders), Arc::clone(acceptors));
    let work = move || {
        serve(service, &offenders, &first);
        drop(first);
        while let Some((stream, address)) = acceptors.accept_next() {
            if let Some(admitted) = admit(service, &offenders, stream, address) {
                serve(service, &offenders, &admitted);
            }
        }
    };
    let thread = thread::Builder::new().name(name).stack_size(limits::THREAD_STACK);
    if let Err(error) = thread.spawn_scoped(scope, work) {
        log::warn!("{address}: refused, no thread to be had: {error}");
        turn_away(&stream);
    }
}

fn serve<H>(service: &Service<H>, offenders: &Offenders, admitted: &Admitted)
where
    H: Fn(&TcpStream, SocketAddr, u64) -> Conduct + Sync,
{
    let Admitted { stream, address, entered, .. } = admitted;
    if let Err(error) = set_accepted_options(stream) {
        log::debug!("{address}: closed before it was served: {error}");
        return;
    }
    let serve = || (service.handle)(stream, *address, entered.id);
    match catch_unwind(AssertUnwindSafe(serve)) {
        Ok(Conduct::Sane) => {}
        Ok(Conduct::Nonsense) => offenders.add(address.ip()),
        Err(_) => log::error!("{address}: the connection ended by a panic, the others go on"),
    }
}

/// Refuses without waiting: the accept loop has others to serve.
fn turn_away(mut stream: &TcpStream) {
    let mut reply = Vec::new();
    encode_refusal(Refusal::ServiceUnavailable, None, &mut reply);
    // What has arrived is read, because closing over unread bytes would reset the connection and
    // take the reply along. None of this can be mended here if it fails.
    let _ = stream.set_nonblocking(true);
    let _ = stream.write(&reply);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read(&mut [0; 4096]);
}

#[cfg(test)]
mod tests {
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
        let service = Service {
            name: "test",
            permits: Permits::new(1, 1),
            stop: stop.clone(),
            handle: |mut stream: &TcpStream, _, number| {
                assert!(number != 0, "the first connection panics, as it should");
                stream.write_all(b"served").unwrap();
                Conduct::Sane
            },
        };
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
