//! A connection, whatever transport carries it.

use std::net::TcpStream;
use std::ops::Deref;
use std::sync::Arc;

use super::delayed::Delayed;
use super::interface::Interface;
use super::line::Line;
use super::recorded::Recorded;
use super::tcp::{Tcp, set_accepted_options};
use super::transport::Transport;
use crate::capture::Side;

/// A connection to another program. It is closed when this is dropped.
///
/// It has the methods of [`Transport`]. There is one type of connections, so that nothing above this
/// module depends on the transport.
#[derive(Debug)]
pub struct Connection(Box<dyn Transport>);

impl Connection {
    /// A connection over any transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Box::new(transport))
    }

    /// An outgoing TCP connection.
    pub fn connected(stream: TcpStream) -> Self {
        Self::connected_on(&Interface::default(), stream)
    }

    /// The same for a peer with this interface.
    pub(super) fn connected_on(interface: &Interface, stream: TcpStream) -> Self {
        let recorded = Recorded::begin(Tcp::connected(stream), Side::Client, None);
        Self::over(interface, recorded)
    }

    /// A TCP connection that [`accept_loop`](super::accept_loop) has accepted.
    pub(super) fn accepted(interface: &Interface, stream: TcpStream) -> Self {
        if interface.line.is_some() {
            // A delayed connection does not show its socket. An error shows when it is read.
            let _ = set_accepted_options(&stream);
        }
        let recorder = interface.recorder.as_ref();
        let recorded = Recorded::begin(Tcp::accepted(stream), Side::Server, recorder);
        Self::over(interface, recorded)
    }

    /// The same for a protocol that is not recorded.
    pub(super) fn accepted_unrecorded(stream: TcpStream) -> Self {
        Self::new(Tcp::accepted(stream))
    }

    /// The one place where recording and delays begin: a connection without them has no code of them.
    fn over(interface: &Interface, recorded: Result<Recorded, Tcp>) -> Self {
        let connection = recorded.map_or_else(Self::new, Self::new);
        match &interface.line {
            Some(line) => connection.on_line(line.clone()),
            None => connection,
        }
    }

    /// Puts a connection, from which nothing was read, on a line.
    pub(super) fn on_line(self, line: Line) -> Self {
        Self::new(Delayed::begin(Arc::from(self.0), line))
    }
}

impl Deref for Connection {
    type Target = dyn Transport;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
