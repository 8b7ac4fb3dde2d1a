//! Blocking sockets with deadlines: what both servers and both clients need (protocol.md section 7).
//!
//! | file | subject |
//! |---|---|
//! | `listen`, `listening` | listening sockets; accepting from one of any kind |
//! | `accept` | the accept loop: a named thread per connection, permits, refusals |
//! | `acceptors` | the threads that wait for the connections of a listener |
//! | `access` | which addresses may connect |
//! | `permits` | how many connections there may be, in all and per network |
//! | `bandwidth` | limits on bytes per second |
//! | `network_rates` | the same for some networks |
//! | `buckets` | rates of events per network |
//! | `abuse` | networks whose connections are closed for abuse |
//! | `scope` | the networks to which a limit applies |
//! | `refused` | refusing a connection so that the other side receives the refusal |
//! | `stop` | ending an accept loop and its connections |
//! | `transport`, `connection` | the byte stream of a connection, whatever carries it |
//! | `tcp`, `unix` | connections over TCP, and their options; over Unix sockets |
//! | `recorded` | connections whose bytes are recorded |
//! | `interface`, `line`, `delayed` | several peers in one process: their addresses, and lines with a latency and a rate |
//! | `receiver` | reading with a deadline, and keeping what was not yet consumed |
//! | `closing` | closing a connection so that the last reply arrives |
//! | `send`, `read_clock` | writing to a reader that holds the minimum read rate |
//! | `cancel` | shutting down the sockets of running transfers |
//! | `dialer`, `happy_eyeballs` | outgoing connections: one deadline, several addresses |
//! | `resolve`, `resolved_names` | name resolution |
//! | `address_policy` | which addresses are connected to, by their provenance |
//!
//! Tests use a pipe in memory (`pipe`) instead of TCP.
//!
//! It handles bytes and time, and does not know the protocol: its callers supply what is sent.

mod abuse;
mod accept;
mod acceptors;
mod access;
mod address_policy;
mod bandwidth;
mod buckets;
mod cancel;
mod closing;
mod connection;
mod delayed;
mod dialer;
mod happy_eyeballs;
mod interface;
mod line;
mod listen;
mod listening;
mod network_rates;
mod permits;
#[cfg(test)]
mod pipe;
mod read_clock;
mod receiver;
mod recorded;
mod refused;
mod resolve;
mod resolved_names;
mod scope;
mod send;
mod stop;
mod tcp;
mod transport;
#[cfg(unix)]
mod unix;

pub use accept::{Outcome, Service, accept_loop};
pub use access::{AccessDenied, AccessLists, AccessPolicy};
pub use address_policy::{AddressDenied, AddressPolicy, Provenance};
pub use bandwidth::Bandwidth;
pub(crate) use bandwidth::SMALL;
pub use buckets::{BucketSize, Buckets};
pub use cancel::Cancel;
pub(crate) use cancel::WatchedStream;
pub use closing::{close_after_reply, lingering_close};
pub use connection::Connection;
pub use dialer::{DialError, Dialer, Target};
pub(crate) use dialer::{Dialing, not_connected_in_time};
pub use interface::Interface;
pub use line::Line;
pub use listen::{listen, listen_everywhere};
pub use listening::Listening;
pub use network_rates::NetworkRates;
pub use permits::{Evictable, Evicted, Newcomer, NoPermit, Permit, Permits, Taken};
#[cfg(test)]
pub(crate) use pipe::{pipe, pipe_of};
pub use read_clock::ReadClock;
pub use receiver::Receiver;
pub(crate) use recorded::record_connections;
pub use resolve::resolve;
pub use send::send;
pub use stop::{OpenConnection, Stop};
pub use tcp::set_options;
pub use transport::Transport;
