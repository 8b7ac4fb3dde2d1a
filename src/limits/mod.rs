//! Every limit of the programs in one place (protocol.md section 7).
//!
//! | file | subject |
//! |---|---|
//! | `wire` | the wire format: fixed by the protocol |
//! | `connections`, `sending` | connections and connecting; the minimum read rate and the sizes of writes |
//! | `index`, `memory` | an index server; memory of both programs |
//! | `index_client` | queries, registration, and reconnecting |
//! | `downloads`, `part_files` | downloads; part files and the journal |
//! | `uploads` | an upload server |
//! | `library` | the shared directory |
//! | `terminal` | commands and their output |
//!
//! Deadlines and resource limits of [`Downloads`] are a value that is passed to whoever obeys them, so
//! that a test can set shorter ones. Limits of the wire format, and numbers that describe the
//! implementation, are constants.
//!
//! The comment on each number says what it protects. Limits that depend on the machine, such as the
//! number of connections, are computed where they apply. Only their upper bounds are defined here.

mod connections;
mod downloads;
mod index;
mod index_client;
mod library;
mod memory;
mod part_files;
mod sending;
mod terminal;
mod uploads;
mod wire;

pub use connections::*;
pub use downloads::*;
pub use index::*;
pub use index_client::*;
pub use library::*;
pub use memory::*;
pub use part_files::*;
pub use sending::*;
pub use terminal::*;
pub use uploads::*;
pub use wire::*;
