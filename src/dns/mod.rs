//! The index servers that DNS names for a host (RFC 2782; docs/cluster.md), in builds with the feature `cluster`.
//!
//! | file | subject |
//! |---|---|
//! | `lookup` | from a host to endpoints |
//! | `name_servers` | the name servers of this machine |
//! | `exchange` | one query: UDP, and TCP for a long reply |
//! | `message` | the query and the reply as bytes |
//! | `order` | priority and weight |

mod exchange;
mod lookup;
mod message;
mod name_servers;
mod order;

pub use lookup::{Located, look_up, service_name};
pub use name_servers::name_servers;
