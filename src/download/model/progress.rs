//! Reports of a download: while it runs, and when it has succeeded.

use std::time::Duration;

use super::download_error::DownloadError;
use super::transfer_error::TransferError;
use crate::protocol::{Date, Digest, Endpoint};

/// What a download is doing, for the caller's display.
#[derive(Debug)]
pub enum DownloadProgress<'a> {
    /// It asks this holder.
    Asking(&'a Endpoint),
    /// How many bytes are there, and of how many if that is known. The first event of a transfer
    /// says how many were there before it.
    Bytes(u64, Option<u64>),
    /// This holder did not give it, or broke off.
    Failed(&'a Endpoint, &'a TransferError),
    /// The download is tried again after this pause.
    Retrying(&'a DownloadError, Duration),
}

/// A document that was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompletedDownload {
    /// The holders that have delivered it, the one that delivered most first. Empty if all bytes were here
    /// before.
    pub holders: Vec<Endpoint>,
    /// Its length in bytes.
    pub length: u64,
    /// Whether a holder announced the length. If not, a truncated document cannot be told from a complete one.
    pub length_checked: bool,
    /// Its time of modification, if the holder announced one.
    pub last_modified: Option<Date>,
    /// Its digest.
    pub digest: Digest,
    /// The source of the digest with which its own was compared.
    pub expected: ExpectedDigest,
}

/// The source of the digest with which a document was compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExpectedDigest {
    /// There was none.
    Nothing,
    /// The holder that has delivered the document announced it.
    Holder,
    /// Holders in this many networks announce it.
    Holders(usize),
    /// The caller knew it ([`DownloadRequest::digest`](super::DownloadRequest::digest)).
    Caller,
}

impl CompletedDownload {
    /// Whether the bytes were compared with a digest.
    pub fn digest_checked(&self) -> bool {
        self.expected != ExpectedDigest::Nothing
    }
}
