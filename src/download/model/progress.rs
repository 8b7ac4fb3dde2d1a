//! Reports of a download: while it runs, and when it has succeeded (protocol.md section 5).

use std::time::Duration;

use super::download_error::DownloadError;
use super::transfer_error::TransferError;
use crate::protocol::{Date, Digest, Endpoint};

/// An event of a download, which is reported to the caller.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadProgress<'a> {
    /// This holder is asked.
    Asking(&'a Endpoint),
    /// This holder has begun to deliver.
    Receiving(&'a Endpoint),
    /// The bytes of the document that are here, and its length if that is known. The first event of
    /// a transfer reports the bytes that were here before it.
    Bytes(u64, Option<u64>),
    /// This holder did not deliver the document.
    Failed(&'a Endpoint, &'a TransferError),
    /// The download is retried after this pause.
    Retrying(&'a DownloadError, Duration),
}

/// The received bytes of a document that is being downloaded, and the holders that deliver it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Received {
    /// The bytes that are here.
    pub bytes: u64,
    /// The length that a holder has announced.
    pub length: Option<u64>,
    /// The holders that deliver it now.
    pub holders: Vec<Endpoint>,
}

impl Received {
    /// Follows an event of the download.
    pub fn follow(&mut self, event: &DownloadProgress<'_>) {
        match event {
            DownloadProgress::Receiving(holder) => self.holders = vec![(*holder).clone()],
            // Further holders of a large document. Before the first one, several may be asked in vain.
            DownloadProgress::Asking(holder) => {
                let is_known = self.holders.iter().any(|known| known == *holder);
                if !self.holders.is_empty() && !is_known {
                    self.holders.push((*holder).clone());
                }
            }
            DownloadProgress::Failed(holder, _) => self.holders.retain(|known| known != *holder),
            DownloadProgress::Retrying(..) => self.holders.clear(),
            DownloadProgress::Bytes(bytes, length) => {
                (self.bytes, self.length) = (*bytes, length.or(self.length));
            }
        }
    }
}

/// The result of a download.
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
#[non_exhaustive]
pub enum ExpectedDigest {
    /// None: it was not compared.
    Nothing,
    /// The holder that delivered the document.
    Holder,
    /// Holders in this number of networks.
    Holders(usize),
    /// The caller ([`DownloadRequest::digest`](super::DownloadRequest::digest)).
    Caller,
}

impl CompletedDownload {
    /// Whether the bytes were compared with a digest.
    pub fn digest_checked(&self) -> bool {
        self.expected != ExpectedDigest::Nothing
    }
}
