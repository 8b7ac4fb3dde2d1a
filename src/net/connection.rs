//! A connection, whatever transport carries it.

use std::net::TcpStream;
use std::ops::Deref;

use super::recorded::Recorded;
use super::tcp::Tcp;
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
        Self::over_tcp(Tcp::connected(stream), Side::Client)
    }

    /// A TCP connection that [`accept_loop`](super::accept_loop) has accepted.
    pub(super) fn accepted(stream: TcpStream) -> Self {
        Self::over_tcp(Tcp::accepted(stream), Side::Server)
    }

    /// The one place where recording begins: a connection that is not recorded has no code of it.
    fn over_tcp(tcp: Tcp, side: Side) -> Self {
        match Recorded::begin(tcp, side) {
            Ok(recorded) => Self::new(recorded),
            Err(tcp) => Self::new(tcp),
        }
    }
}

impl Deref for Connection {
    type Target = dyn Transport;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
