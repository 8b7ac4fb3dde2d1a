//! Outgoing connections: resolve the host, apply the address policy, and connect (protocol.md sections
//! 7 and 9).

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::address_policy::{AddressDenied, AddressPolicy, Provenance};
use super::cancel::Cancel;
use super::connection::Connection;
use super::happy_eyeballs::HappyEyeballs;
use super::interface::Interface;
use super::resolve::{Resolution, not_resolved_in};
use super::resolved_names::ResolvedNames;
use super::tcp::set_options;
use crate::limits;
use crate::system::{Direction, wait_for_any};

/// How often a lookup is polled while sockets are waited for.
const LOOKUP_POLL: Duration = Duration::from_millis(10);

/// Makes outgoing connections. Clones share the policy and the names that were resolved.
#[derive(Clone, Debug, Default)]
pub struct Dialer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    policy: AddressPolicy,
    limits: limits::Connecting,
    names: ResolvedNames,
    interface: Interface,
}

/// The destination of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// A host name or an address.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Where the host was learned from.
    pub provenance: Provenance,
    /// The only address to connect to, if it is known.
    pub address: Option<SocketAddr>,
}

impl<'a> Target<'a> {
    /// A host that the user has named.
    pub fn of_user(host: &'a str, port: u16) -> Self {
        Self { host, port, provenance: Provenance::User, address: None }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The host was not resolved, or no address answered.
    #[error(transparent)]
    Unreachable(io::Error),
    /// The policy permits none of the addresses.
    #[error(transparent)]
    Denied(AddressDenied),
    /// The caller has excluded all addresses that the policy permits.
    #[error("expected an address to connect to, found none that is not excluded")]
    Excluded,
}

impl Dialer {
    /// Connects only to addresses that the policy permits.
    pub fn new(policy: AddressPolicy, limits: limits::Connecting) -> Self {
        Self::on(Interface::default(), policy, limits)
    }

    /// The same for a peer with this interface.
    pub fn on(interface: Interface, policy: AddressPolicy, limits: limits::Connecting) -> Self {
        Self(Arc::new(Shared { policy, limits, names: ResolvedNames::new(limits), interface }))
    }

    /// The deadlines of connecting.
    pub(crate) fn limits(&self) -> &limits::Connecting {
        &self.0.limits
    }

    /// Resolves the host within [`Connecting::resolve`](limits::Connecting::resolve), connects within
    /// [`Connecting::connect`](limits::Connecting::connect), and sets the options of [`set_options`].
    ///
    /// # Errors
    /// When the host is not resolved, no permitted address answers in time, or the attempt is
    /// cancelled.
    pub fn connect(&self, target: Target<'_>, cancel: &Cancel) -> io::Result<Connection> {
        let mut dialing = self.start(target, &|_| true)?;
        let mut was_resolving = dialing.is_resolving();
        let time = if was_resolving { self.0.limits.resolve } else { self.0.limits.connect };
        let mut deadline = limits::ends_after(time);
        loop {
            cancel.check()?;
            if std::mem::replace(&mut was_resolving, dialing.is_resolving()) && !was_resolving {
                deadline = limits::ends_after(self.0.limits.connect);
            }
            let now = Instant::now();
            let until = deadline.min(now + limits::INTERRUPT_POLL);
            if let Some(outcome) =
                dialing.advance_within(until.saturating_duration_since(now), &|_| true)
            {
                let stream = outcome?;
                set_options(&stream)?;
                return Ok(Connection::connected_on(&self.0.interface, stream));
            }
            if now >= deadline {
                return Err(dialing.timed_out());
            }
            if !dialing.is_resolving() {
                let until = dialing.next_at(now).map_or(until, |next| next.min(until));
                let sockets: Vec<_> = dialing.sockets().collect();
                wait_for_any(&sockets, until.saturating_duration_since(now))?;
            }
        }
    }

    /// Starts a connection attempt that never blocks. `accepts` excludes further addresses.
    ///
    /// # Errors
    /// When the addresses are known, and none may be connected to.
    pub(crate) fn start(
        &self,
        target: Target<'_>,
        accepts: &dyn Fn(SocketAddr) -> bool,
    ) -> Result<Dialing, DialError> {
        let Target { host, port, provenance, address } = target;
        let known = address.map(|address| vec![address]).or_else(|| self.0.names.get(host, port));
        let mut dialing = Dialing {
            dialer: self.clone(),
            name: address.is_none().then(|| (host.into(), port)),
            provenance,
            state: State::Resolving(Resolution::begin(host, port)),
            addresses: Vec::new(),
            is_new: true,
        };
        if let Some(known) = known {
            dialing.connect_to(known, accepts)?;
        }
        Ok(dialing)
    }

    /// Whether connecting to this host needs a lookup, unless it is an address.
    pub(crate) fn needs_lookup(&self, host: &str, port: u16) -> bool {
        self.0.names.get(host, port).is_none()
    }
}

/// A connection attempt.
#[derive(Debug)]
pub(crate) struct Dialing {
    dialer: Dialer,
    /// The name that was looked up.
    name: Option<(Box<str>, u16)>,
    provenance: Provenance,
    state: State,
    addresses: Vec<SocketAddr>,
    is_new: bool,
}

#[derive(Debug)]
enum State {
    Resolving(Resolution),
    Connecting(HappyEyeballs),
}

impl Dialing {
    /// Advances as far as is possible without blocking. Returns the connection, without any options,
    /// or the reason why there is none. `accepts` excludes addresses, as in [`Dialer::start`].
    pub(crate) fn advance(
        &mut self,
        accepts: &dyn Fn(SocketAddr) -> bool,
    ) -> Option<Result<Connection, DialError>> {
        // Names of this machine and of its network are resolved in less time than this.
        let wait = if self.is_new { LOOKUP_POLL / 2 } else { Duration::ZERO };
        self.is_new = false;
        let connected = self.advance_within(wait, accepts)?;
        let interface = &self.dialer.0.interface;
        Some(connected.map(|stream| Connection::connected_on(interface, stream)))
    }

    /// The same, but waits for the name service for some time.
    fn advance_within(
        &mut self,
        wait: Duration,
        accepts: &dyn Fn(SocketAddr) -> bool,
    ) -> Option<Result<TcpStream, DialError>> {
        if let State::Resolving(resolution) = &mut self.state {
            let resolved = match resolution.wait(wait)? {
                Ok(addresses) => self.resolved(addresses, accepts),
                Err(error) => Err(DialError::Unreachable(error)),
            };
            if let Err(error) = resolved {
                return Some(Err(error));
            }
        }
        let State::Connecting(attempt) = &mut self.state else { return None };
        let connected = attempt.advance(Instant::now())?;
        if let (Err(_), Some((host, port))) = (&connected, &self.name) {
            // The name may have another address by now.
            self.dialer.0.names.remove(host, *port);
        }
        Some(connected.map_err(DialError::Unreachable))
    }

    fn resolved(
        &mut self,
        addresses: Vec<SocketAddr>,
        accepts: &dyn Fn(SocketAddr) -> bool,
    ) -> Result<(), DialError> {
        if let Some((host, port)) = &self.name {
            self.dialer.0.names.insert(host, *port, &addresses);
        }
        self.connect_to(addresses, accepts)
    }

    fn connect_to(
        &mut self,
        addresses: Vec<SocketAddr>,
        accepts: &dyn Fn(SocketAddr) -> bool,
    ) -> Result<(), DialError> {
        let Shared { policy, limits, interface, .. } = &*self.dialer.0;
        let source = interface.address;
        self.state = State::Connecting(HappyEyeballs::new(Vec::new(), source, limits));
        let mut addresses =
            policy.permitted(self.provenance, addresses).map_err(DialError::Denied)?;
        let found = addresses.len();
        addresses.retain(|address| accepts(*address));
        if addresses.is_empty() && found > 0 {
            return Err(DialError::Excluded);
        }
        self.addresses.clone_from(&addresses);
        self.state = State::Connecting(HappyEyeballs::new(addresses, source, limits));
        Ok(())
    }

    /// Whether the name service has not answered yet.
    pub(crate) fn is_resolving(&self) -> bool {
        matches!(self.state, State::Resolving(_))
    }

    /// The addresses that are connected to, once they are known.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The sockets to wait for.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = (SockRef<'_>, Direction)> {
        let attempt = match &self.state {
            State::Resolving(_) => None,
            State::Connecting(attempt) => Some(attempt),
        };
        attempt.into_iter().flat_map(HappyEyeballs::sockets)
    }

    /// When [`Dialing::advance`] can do something, whatever the sockets do.
    pub(crate) fn next_at(&self, now: Instant) -> Option<Instant> {
        match &self.state {
            State::Resolving(_) => Some(now + LOOKUP_POLL),
            State::Connecting(attempt) => attempt.next_at(),
        }
    }

    fn timed_out(&self) -> io::Error {
        match self.is_resolving() {
            true => not_resolved_in(self.dialer.0.limits.resolve),
            false => not_connected_in_time(),
        }
    }
}

impl From<DialError> for io::Error {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Unreachable(error) => error,
            DialError::Denied(_) | DialError::Excluded => {
                Self::new(io::ErrorKind::PermissionDenied, error)
            }
        }
    }
}

/// No address has answered before the deadline.
pub(crate) fn not_connected_in_time() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no address of the host answered in time")
}

#[cfg(test)]
mod tests;
