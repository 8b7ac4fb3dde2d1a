//! A small HTTP/1.1 server for operators: metrics, health, and pages (RFC 9110, RFC 9112).
//!
//! A thread per connection, over TCP and Unix sockets. Everything is bounded: connections, the time and the
//! size of a request, and how slowly a client reads. `httparse` parses heads.
//!
//! | file | subject |
//! |---|---|
//! | `server` | listening sockets, and the threads that serve them |
//! | `address` | where it listens |
//! | `connection` | the requests of one connection, one after the other |
//! | `head`, `request` | parsing a request; a request as handlers see it |
//! | `router` | which handler replies to a request |
//! | `reply`, `status`, `stream` | replies, also those that are sent bit by bit |
//! | `client` | requests to a server at a Unix socket |
//! | `hosts` | the host names for which it replies |

mod address;
#[cfg(unix)]
mod client;
mod connection;
mod head;
mod hosts;
mod reply;
mod request;
mod router;
mod server;
mod status;
mod stream;

pub use address::HttpAddress;
#[cfg(unix)]
pub use client::{Answer, request_at};
pub use head::{Head, Malformed, parse as parse_head};
pub use hosts::Hosts;
pub use reply::Reply;
pub use request::{Client, Method, Request};
pub use router::Router;
pub use server::{HttpBindError, HttpListeners, HttpServer, connections};
pub use status::HttpStatus;
pub use stream::Stream;

#[cfg(test)]
mod tests;
