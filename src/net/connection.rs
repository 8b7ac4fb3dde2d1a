//! A connection, whatever transport carries it.

use std::net::TcpStream;
use std::ops::Deref;

use super::tcp::Tcp;
use super::transport::Transport;

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
        Self::new(Tcp::connected(stream))
    }

    /// A TCP connection that [`accept_loop`](super::accept_loop) has accepted.
    pub(super) fn accepted(stream: TcpStream) -> Self {
        Self::new(Tcp::accepted(stream))
    }
}

impl Deref for Connection {
    type Target = dyn Transport;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
