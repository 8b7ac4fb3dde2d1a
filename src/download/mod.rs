//! Downloads of documents from their holders (protocol.md section 5).
//!
//! | file | subject |
//! |---|---|
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

mod addresses;
mod attempt;
mod candidates;
mod connecting;
mod conversation;
mod fetch;
mod fetch_all;
mod fetch_error;
mod fetched;
mod fetcher;
mod journal;
mod measure;
mod name_lookups;
mod neighbours;
mod probe;
mod question;
mod retry;
mod segments;
mod source;
mod swarm;
mod transfer;
mod transfer_error;
mod trials;

pub use fetch_all::{Happening, Order, fetch_all};
pub use fetch_error::FetchError;
pub use fetched::{Attempt, Expected, Fetched};
pub use fetcher::Fetcher;
pub use journal::{Entry as JournalEntry, Event as JournalEvent, Journal};
pub use neighbours::{Neighbours, Pace};
pub use probe::{Probe, probe};
pub use source::{Source, Wanted};
pub use transfer_error::TransferError;
