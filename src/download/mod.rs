//! Downloads of documents from their holders (protocol.md section 5).
//!
//! Each row imports only from the rows above it.
//!
//! | module | subject |
//! |---|---|
//! | `model` | a document with its holders; progress, results and errors of downloads |
//! | `backoff` | when a failed holder or download is retried |
//! | `statistics` | round trips, rates and failures of peers |
//! | `dialing` | names, permitted addresses, and connections that are being made |
//! | `exchange` | one GET: the request, the head of the response, kept-open connections |
//! | `transfer` | the bytes of a document: from a connection into a file |
//! | `swarm` | a large document from several holders in parallel |
//! | `downloader` | the state that all downloads of a program share |
//! | `document` | one document: which holder is asked next, versions, retries |
//! | `queue` | many documents, several concurrently |
//! | `totals` | counts of downloads |
//! | `journal` | the history of the downloads into a directory |

mod backoff;
mod dialing;
mod document;
mod downloader;
mod exchange;
mod journal;
mod model;
mod queue;
mod statistics;
mod swarm;
mod totals;
mod transfer;

pub use document::{Probe, probe, vote_can_decide};
pub use downloader::Downloader;
pub use journal::{Entry as JournalEntry, Event as JournalEvent, Journal};
pub use model::{
    CompletedDownload, DownloadError, DownloadProgress, DownloadRequest, ExpectedDigest, Received,
    Source, TransferError,
};
pub use queue::{DownloadEvent, DownloadJob, download_all};
pub use statistics::{PeerSpeed, PeerStats};
pub use totals::DownloadTotals;
