//! Finding the holders of documents without an index server, in a distributed hash table (docs/dht.md).
//!
//! The table maps keys of 20 bytes to the IPv4 addresses of upload servers. It is the one of BitTorrent (BEP 5),
//! in a network of its own unless the user chooses the public one.
//!
//! | file | subject |
//! |---|---|
//! | `key` | the keys of documents and of buckets |
//! | `node` | a node: it stores what others announce, announces and asks |
//! | `starting` | its configuration, and the start of its thread |
//! | `joining`, `krpc` | how a node joins its network; the messages for it |
//! | `admission` | which announcements of others a node stores |
//! | `source` | the table as a source of holders |
//! | `titles` | asking holders for the title, the digest and the length of a document |
//! | `schedule`, `announcer` | when each key is announced; the threads that do it |
//! | `finding` | a query for the holders of a document, as they are found |

mod admission;
mod announcer;
mod finding;
mod joining;
mod key;
mod krpc;
mod node;
mod schedule;
mod source;
mod starting;
mod titles;

pub use announcer::{Announced, Announcer};
pub use finding::{Finding, FoundBy, FoundHolder};
pub use key::{Key, keys};
pub use node::{DhtError, Node};
pub use source::DhtSource;
pub use starting::{Bootstrap, NodeConfig, Role};
