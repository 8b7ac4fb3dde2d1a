//! One GET to a holder (protocol.md sections 5.1 to 5.7).
//!
//! | file | subject |
//! |---|---|
//! | `request` | the request |
//! | `connection` | a connection to a holder |
//! | `patience` | how long a response is awaited |
//! | `pipeline` | requests that are sent ahead on a connection that is kept open |
//! | `reading` | reads a response as far as it has arrived |
//! | `get` | one GET up to the beginning of the document |

mod connection;
mod get;
mod patience;
mod pipeline;
mod reading;
mod request;

pub(super) use connection::HolderConnection;
#[cfg(test)]
pub(super) use get::response_on;
pub(super) use get::{Exchange, Response};
pub(super) use patience::Patience;
pub(super) use pipeline::Pipeline;
pub(super) use request::GetRequest;
