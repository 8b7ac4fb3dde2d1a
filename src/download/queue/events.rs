//! One of many downloads, the events that are reported to the caller, and the messages of workers
//! (protocol.md section 7).

use std::time::{Duration, Instant};

use crate::download::model::{CompletedDownload, DownloadError, DownloadRequest, Received};
use crate::library::{PartialFile, SaveTarget, Saved};
use crate::net::Cancel;
use crate::protocol::Document;

/// One of many downloads.
#[derive(Debug)]
pub struct DownloadJob {
    /// The document and its holders.
    pub request: DownloadRequest,
    /// Where the complete file is saved.
    pub target: SaveTarget,
    /// Whether an existing file at the target is overwritten.
    pub overwrite: bool,
    /// When nothing was found at the target; `None` if that was not looked up. Then the first attempt does.
    pub found_free: Option<Instant>,
    /// Cancels this download alone. The handle of the [`Downloader`](crate::download::Downloader) cancels all.
    pub cancel: Cancel,
}

/// An event of the downloads, which is reported to the caller.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadEvent<'a> {
    /// This number of bytes was received, of any document.
    Bytes(u64),
    /// What is here of a document. Short downloads are not reported.
    Running(&'a Document, &'a Received),
    /// These documents are committed, and survive a power failure. [`DownloadEvent::Completed`] follows
    /// for each of them.
    Committed(&'a [(&'a Document, &'a CompletedDownload)]),
    /// A document is committed.
    Completed(&'a DownloadJob, &'a CompletedDownload, Saved),
    /// A document is retried after this pause.
    Retrying(&'a Document, &'a DownloadError, Duration),
    /// Another process has saved a document.
    Present(&'a DownloadJob),
    /// A document was given up.
    GivenUp(&'a DownloadJob, &'a DownloadError),
}

/// A message of a worker.
#[derive(Debug)]
pub(super) enum Message {
    Bytes(u64),
    Running(Document, Received),
    Waits(Box<(Document, DownloadError, Duration)>),
    /// Complete documents, and the bytes that were not reported yet. In one message, because a worker often
    /// waits until a message can be sent.
    Done(Vec<CompleteDocument>, u64),
    Present(Box<DownloadJob>),
    GivenUp(Box<(DownloadJob, DownloadError)>),
}

/// A complete document that is not committed yet.
pub(super) type CompleteDocument = (DownloadJob, PartialFile, CompletedDownload);
