//! One GET to a holder (protocol.md sections 5.1 to 5.7).
//!
//! | file | subject |
//! |---|---|
//! | `request` | the request, and the head of its response |
//! | `pipeline` | connections; requests that are sent ahead on one that is kept open |
//! | `reading` | reads the head of a response as far as it has arrived |
//! | `get` | one GET up to the beginning of the document |

mod get;
mod pipeline;
mod reading;
mod request;

pub(super) use get::{Exchange, Patience, Reply};
pub(super) use pipeline::{HolderConnection, Pipeline};
pub(super) use request::GetRequest;
