//! A peer: it keeps its documents registered with an index, uploads them to others, and downloads
//! theirs (protocol.md sections 4 and 5).
//!
//! | file | subject |
//! |---|---|
//! | `index_connection` | one connection to an index, one request at a time |
//! | `membership` | the thread that stays connected and keeps everything registered |
//! | `own_host` | what the peer calls itself |
//! | `watching` | keeps the library true to its folder |
//! | `hashing` | the library's digests, in the background |
//! | `upload` | the upload server's own thread, a worker per upload |
//! | `transfer` | one GET from one holder |
//! | `fetch` | a whole download: holder after holder, into a file |
//!
//! The parts do not know each other but for what they take as arguments; a program puts them
//! together, as `cli::peer` and `examples/demo.rs` do.

mod fetch;
mod hashing;
mod index_connection;
mod membership;
mod own_host;
mod transfer;
mod upload;
mod watching;

pub use fetch::{Attempt, FetchError, Fetched, fetch};
pub use hashing::Hashing;
pub use index_connection::{AskIndex, Extensions, Holding, IndexConnection, IndexError, lookup};
pub use membership::{Event, Membership};
pub use transfer::TransferError;
pub use upload::UploadServer;
pub use watching::Watching;
