//! What happens on the connections of a conversation.

use std::time::Duration;

use crate::capture::Side;

/// An event on one connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// The name of the connection; empty if there is only one.
    pub stream: String,
    /// The time since the beginning of the conversation, if it is known.
    pub time: Option<Duration>,
    /// What happens.
    pub what: What,
}

/// What happens on a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// The client has connected; the addresses, or what is known of them.
    Connect {
        /// The address of the client.
        client: String,
        /// The address of the server.
        server: String,
    },
    /// A side sends bytes.
    Bytes(Side, Vec<u8>),
    /// A side has sent this number of bytes, which were not recorded.
    Missing(Side, u64),
    /// A side has sent all its bytes.
    End(Side),
    /// A side has aborted the connection.
    Reset(Side),
    /// Text of the transcript that was not sent by a side.
    Note(String),
}
