//! The shared index of several index servers, by way of Valkey or Redis (docs/cluster.md).
//!
//! Each server has all records in memory. A change of a record is written to one stream in the
//! store, and each server applies the changes in the order of the stream, its own included.
//!
//! | file | subject |
//! |---|---|
//! | `member` | the entry point of sessions: each submits a change and waits until it is applied |
//! | `settings`, `url` | how a server belongs to a cluster; where the store is |
//! | `error` | why an operation of the store has failed |
//! | `first_read` | a server that starts waits until it has the records of the others |
//! | `connection` | connections to the store, also by way of Sentinel or Redis Cluster |
//! | `reply` | reading replies of the store |
//! | `keys`, `script` | the keys of the store; scripts that change them |
//! | `change` | changes of records as they are written to the store |
//! | `queue` | changes that wait for being written, or for being read back |
//! | `shared` | what the threads share |
//! | `publisher` | the thread that writes changes, and keeps the lease |
//! | `link` | one epoch of a server: its lease, its batches, and publishing all records again |
//! | `reader` | the thread that reads changes, and sees which servers live |
//! | `names` | which connections of other servers are owners in the index |
//! | `own` | applying changes of own connections |
//! | `remote` | the records of other servers in the index |
//! | `state` | reading all records of a server from the store |
//! | `status`, `observed` | what operators see |

mod change;
mod connection;
mod error;
mod first_read;
mod keys;
mod link;
mod member;
mod names;
mod observed;
mod own;
mod publisher;
mod queue;
mod reader;
mod remote;
mod reply;
mod script;
mod settings;
mod shared;
mod state;
mod status;
mod url;

pub use member::{Cluster, JoinError, Lost};
pub use settings::{Password, ServerName, Settings};
pub use status::{Counts, LiveServer};
pub use url::{StoreUrl, UrlError};

/// The cluster is logged under this target, at level info.
const LOG: &str = "p2p_ci::sessions";
