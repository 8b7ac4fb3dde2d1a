//! How a peer appears to an index server.

use crate::net::Interface;
use crate::protocol::{Host, Port};

/// How a peer appears to an index server, and how it connects to it.
#[derive(Clone, Debug)]
pub struct OwnEnd {
    /// The host that it names; `None`: the one that [`IndexConnection`](crate::discovery::IndexConnection) finds out.
    pub host: Option<Host>,
    /// The port of its upload server.
    pub port: Port,
    /// Its network interface.
    pub interface: Interface,
}

impl OwnEnd {
    /// A peer that finds out its host.
    pub fn at(port: Port) -> Self {
        Self { host: None, port, interface: Interface::default() }
    }
}
