//! A peer: it keeps its documents registered with an index, uploads them to others, and downloads
//! theirs (protocol.md sections 4 and 5).
//!
//! | file | subject |
//! |---|---|
//! | `index_connection`, `index_link`, `index_replies` | requests to an index, one at a time on a connection |
//! | `index_dialect` | what an index server has shown of itself |
//! | `query`, `index_error` | what is requested of an index; why it gave nothing |
//! | `records`, `holdings`, `listed` | records, streamed; the holders of a document; whether that was all |
//! | `membership` | the thread that stays connected and keeps everything registered |
//! | `own_host` | what the peer calls itself |
//! | `watching` | keeps the library true to its folder |
//! | `hashing` | the library's digests, in the background |
//! | `upload` | the upload server's own thread, a worker per upload |
//! | `transfer`, `transfer_error` | one GET from one holder |
//! | `probe` | whether a holder answers |
//! | `segments`, `swarm` | a large document from several holders at once |
//! | `fetch`, `retry`, `fetch_all` | a whole download, into a file; its retries; many of them |
//! | `journal` | what was tried for each document, and what came of it |
//! | `neighbours`, `measure` | what is remembered of other peers; how far unknown ones are |
//! | `bandwidth` | a limit on bytes a second, shared fairly |
//! | `slots` | how many large documents are uploaded at once, and whose turn is next |
//! | `send_meter` | how much of an upload was sent, and at which rate |
//!
//! The parts do not know each other but for what they take as arguments; a program puts them
//! together, as `cli::peer` and `examples/demo.rs` do.

mod addresses;
mod attempt;
mod bandwidth;
mod candidates;
mod connecting;
mod conversation;
mod fetch;
mod fetch_all;
mod fetch_error;
mod fetched;
mod fetcher;
mod hashing;
mod holdings;
mod index_connection;
mod index_dialect;
mod index_error;
mod index_link;
mod index_replies;
mod journal;
mod listed;
mod measure;
mod membership;
mod neighbours;
mod own_host;
mod probe;
mod query;
mod question;
mod records;
mod retry;
mod segments;
mod send_meter;
mod slots;
mod source;
mod swarm;
mod transfer;
mod transfer_error;
mod trials;
mod upload;
mod watching;

pub use crate::net::Cancel;
pub use bandwidth::Bandwidth;
pub use fetch_all::{Happening, Order, fetch_all};
pub use fetch_error::FetchError;
pub use fetched::{Attempt, Expected, Fetched};
pub use fetcher::Fetcher;
pub use hashing::Hashing;
pub use holdings::{Holding, lookup, lookup_in_list, may_ignore_lookup};
pub use index_connection::IndexConnection;
pub use index_dialect::{Extensions, IndexDialect};
pub use index_error::IndexError;
pub use journal::{Entry as JournalEntry, Event as JournalEvent, Journal};
pub use listed::{Completeness, Gap, ListCache};
pub use membership::{Announcer, Event, Membership};
pub use neighbours::{Neighbours, Pace};
pub use probe::{Probe, probe};
pub use query::{AskIndex, Query};
pub use records::{each_record, request_records};
pub use slots::Slots;
pub use source::{Source, Wanted};
pub use transfer_error::TransferError;
pub use upload::{RunningUpload, UploadServer, UploadTotals, Uploads};
pub use watching::{LOG_LIBRARY, Watching};
