//! The status page of a program that runs: one page without anything from elsewhere.
//!
//! | file | subject |
//! |---|---|
//! | `program` | what a program implements to have a page |
//! | `routes` | the paths of the page |
//! | `files` | the page itself, its style and its scripts, which are in a directory of this name |
//! | `paths` | the paths that a program adds: what can be read, and what can be changed |
//! | `access`, `token` | which clients may see addresses and change something; the secret for it |
//! | `events` | server-sent events |
//! | `samples` | what is drawn of the last hour |
//! | `server`, `peer` | the pages of an index server, and of a peer |
//! | `peers`, `search` | the peers of an index server, and its titles |

mod access;
mod events;
mod files;
mod paths;
mod peer;
mod peers;
mod program;
mod routes;
mod samples;
mod search;
mod server;
mod token;

pub use access::{Access, Sight};
pub use paths::Paths;
pub use program::{Kind, Parts, Series, StatusPage, Unit};
pub use routes::{Page, page};
pub use samples::Sampler;
pub use token::{NoToken, Token};
