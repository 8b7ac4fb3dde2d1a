//! Every limit of the programs in one place (protocol.md section 7).
//!
//! | file | subject |
//! |---|---|
//! | `wire` | the wire format: fixed by the protocol |
//! | `dht` | a node of the distributed hash table |
//! | `deadline` | the ends of time limits, however long they are |
//! | `connections`, `sending` | connections and connecting; the minimum read rate and the sizes of writes |
//! | `index`, `memory` | an index server; memory of both programs |
//! | `cluster` | the shared index of several servers |
//! | `dns` | looking up the index servers of a name |
//! | `index_client` | queries, registration, and reconnecting |
//! | `downloads`, `part_files` | downloads; part files and the journal |
//! | `uploads` | an upload server |
//! | `library` | the shared directory |
//! | `lab` | a laboratory |
//! | `lan` | discovery on the local network |
//! | `http`, `peer_page` | the HTTP server for operators; the status page of a peer |
//! | `terminal` | commands and their output |
//! | `submissions` | the untrusted programs that `p2p-ci check --class` starts |
//!
//! [`Limits`] are the deadlines and the limits of resources. They are a value that is passed down, so that
//! a program can set others, and a test shorter ones. Every value of the types is permitted: a limit of
//! [`Duration::MAX`](std::time::Duration::MAX) is no limit.
//!
//! These are constants:
//! - limits of the wire format, which both sides must know;
//! - numbers that describe the implementation or the system, such as sizes of stacks, buffers and batches,
//!   and intervals at which something is checked;
//! - limits of part files and of the journal: they apply to a directory, which several processes may use
//!   at the same time. Processes with different limits would delete each other's part files;
//! - limits of the digest cache, of unpacked copies, and of terminal output: they bound the memory and the
//!   disk space of a whole process, whatever it serves.
//!
//! The comment on each number says what it protects. Limits that depend on the machine, such as the
//! number of connections, are computed where they apply. Only their upper bounds are defined here.

#[cfg(feature = "cluster")]
mod cluster;
mod connections;
mod deadline;
#[cfg(feature = "dht")]
mod dht;
#[cfg(feature = "cluster")]
mod dns;
mod downloads;
mod http;
mod index;
mod index_client;
mod lab;
#[cfg(feature = "lan")]
mod lan;
mod library;
mod memory;
mod part_files;
mod peer_page;
mod sending;
mod submissions;
mod terminal;
mod uploads;
mod wire;

#[cfg(feature = "cluster")]
pub(crate) use cluster::*;
#[doc(hidden)]
pub use connections::*;
pub use connections::{Admission, Connecting};
pub(crate) use deadline::{doubled, end_of, ends_after};
#[cfg(feature = "dht")]
#[doc(hidden)]
pub use dht::*;
#[cfg(feature = "cluster")]
pub(crate) use dns::*;
pub use downloads::Downloads;
#[doc(hidden)]
pub use downloads::*;
#[doc(hidden)]
pub use http::*;
pub use index::Server;
#[doc(hidden)]
pub use index::*;
#[doc(hidden)]
pub use index_client::*;
pub use index_client::{IndexClient, Registration};
pub(crate) use lab::*;
#[cfg(feature = "lan")]
pub(crate) use lan::*;
pub use library::Library;
#[doc(hidden)]
pub use library::*;
#[doc(hidden)]
pub use memory::*;
#[doc(hidden)]
pub use part_files::*;
pub(crate) use peer_page::*;
pub use sending::ReadRate;
#[doc(hidden)]
pub use sending::*;
#[doc(hidden)]
pub use submissions::*;
#[doc(hidden)]
pub use terminal::*;
pub use uploads::Uploads;
#[doc(hidden)]
pub use uploads::*;
#[doc(hidden)]
pub use wire::*;

/// The deadlines and the limits of resources, in groups. The defaults are the values of protocol.md section 7.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// An index server.
    pub server: Server,
    /// An upload server.
    pub uploads: Uploads,
    /// Requests to an index server.
    pub index_client: IndexClient,
    /// Staying registered with an index server.
    pub registration: Registration,
    /// Downloads.
    pub downloads: Downloads,
    /// The shared directory.
    pub library: Library,
}

#[cfg(test)]
mod tests;
