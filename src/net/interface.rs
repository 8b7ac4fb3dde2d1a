//! The network interface of one of several peers in a process: its address, its line, and its record.

use std::net::IpAddr;
use std::sync::Arc;

use super::line::Line;
use crate::capture::Recorder;

/// How the connections of a peer are made and carried. The default is that of a program of its own: the system
/// chooses the address, and bytes are not delayed.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// The address from which connections are made.
    pub address: Option<IpAddr>,
    /// Delays the bytes of its connections.
    pub line: Option<Line>,
    /// Where accepted connections are recorded. Both sides of them are in this process, so that outgoing
    /// connections are recorded by the side that accepts them.
    pub recorder: Option<Arc<Recorder>>,
}
