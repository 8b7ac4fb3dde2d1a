//! A peer: it keeps its documents registered with an index, uploads them to others, and downloads
//! theirs (protocol.md sections 4 and 5).
//!
//! | file | subject |
//! |---|---|
//! | `index_connection`, `index_link`, `index_replies` | requests to an index, one at a time on a connection |
//! | `index_dialect` | what an index server has shown of itself |
//! | `query`, `index_error` | requests for records; why the index returned none |
//! | `records`, `holdings`, `listed` | records, streamed; the holders of a document; whether a list is complete |
//! | `membership`, `own_host` | the thread that stays connected and keeps everything registered; the host that it names |
//! | `watching` | keeps the library in step with its directory |
//! | `hashing` | computes the library's digests, in the background |
//! | `upload` | the upload server, with a thread for each connection |
//! | `slots`, `bandwidth`, `send_meter` | which large uploads run; limits on bytes per second; the progress of an upload |
//! | `fetcher`, `source` | the shared state of all downloads; a document with its holders |
//! | `fetch`, `fetched`, `fetch_error` | one download into a file; its reports; why it failed |
//! | `candidates`, `trials`, `measure`, `neighbours` | the order of holders; limits on unproven ones; round trips; statistics |
//! | `addresses`, `name_lookups` | permitted addresses of holders; whether the name service answers |
//! | `connecting`, `attempt`, `question` | one GET: the connection, the head of the reply, the request |
//! | `transfer`, `transfer_error`, `conversation` | the bytes of a document; why they did not arrive; several documents on a connection |
//! | `segments`, `swarm` | a large document from several holders in parallel |
//! | `fetch_all`, `retry` | many downloads; when one is retried |
//! | `journal` | the history of the downloads into a directory |
//! | `probe` | whether a holder answers |
//!
//! The parts know each other only as arguments. A program combines them, as `cli::peer` and
//! `examples/demo.rs` do.

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
mod name_lookups;
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
pub use holdings::{Holders, Holding, lookup, lookup_in_list, may_ignore_lookup};
pub use index_connection::IndexConnection;
pub use index_dialect::{Extensions, IndexDialect};
pub use index_error::IndexError;
pub use journal::{Entry as JournalEntry, Event as JournalEvent, Journal};
pub use listed::{Completeness, Gap, GapCause, ListCache};
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
