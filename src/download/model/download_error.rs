//! Why a document was not downloaded.

use std::io;
use std::time::Duration;

use super::transfer_error::TransferError;
use crate::protocol::{Document, Endpoint};
use crate::system;

/// Why a document was not downloaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// No holder is known.
    #[error("no peer has {0}")]
    NoHolders(Document),
    /// Every holder failed, or was not asked.
    #[error("no holder delivered {document} ({} asked)", .failures.len())]
    AllFailed {
        /// The document.
        document: Document,
        /// The holders and their errors, in the order in which they failed.
        failures: Vec<(Endpoint, TransferError)>,
        /// Bytes that are kept although the download is given up, because a holder is away.
        kept: Option<u64>,
    },
    /// The document cannot be written here.
    #[error("cannot write {document}")]
    File {
        /// The document.
        document: Document,
        /// The error of the file system.
        source: io::Error,
    },
    /// The download was cancelled ([`Cancel`](crate::net::Cancel)). What can be resumed is kept.
    #[error("the download of {0} was cancelled")]
    Cancelled(Document),
    /// Another process is downloading it into the same directory.
    #[error("another process is downloading {0}")]
    InUse(Document),
    /// Another process has saved it in the meantime.
    #[error("another process has saved {0}")]
    Present(Document),
}

impl DownloadError {
    /// The error of a document that leaves no space for the others. It does not end them.
    pub(in crate::download) fn without_space(document: Document) -> Self {
        let text = "the disk has no space for all of it: free some space, and try again";
        let source = io::Error::new(io::ErrorKind::FileTooLarge, text);
        Self::File { document, source }
    }

    /// Whether a later attempt may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::InUse(_) => true,
            Self::NoHolders(_) | Self::Cancelled(_) | Self::Present(_) => false,
            Self::File { source, .. } => system::is_shortage(source),
            Self::AllFailed { failures, .. } => {
                failures.iter().any(|(_, error)| error.is_transient())
            }
        }
    }

    /// Whether the last holder that was asked was too slow for more of its bytes to count as progress.
    pub fn is_too_slow(&self) -> bool {
        match self {
            Self::NoHolders(_)
            | Self::File { .. }
            | Self::Cancelled(_)
            | Self::InUse(_)
            | Self::Present(_) => false,
            Self::AllFailed { failures, .. } => {
                matches!(failures.last(), Some((_, TransferError::TooSlow { .. })))
            }
        }
    }

    /// Bytes that are kept although the download was given up: a holder cannot be reached now, and
    /// may return.
    pub fn kept(&self) -> Option<u64> {
        let Self::AllFailed { kept, .. } = self else { return None };
        *kept
    }

    /// Whether a holder could not be reached; `None` if no holder was asked.
    pub(in crate::download) fn is_holder_away(&self) -> Option<bool> {
        let Self::AllFailed { failures, .. } = self else { return Some(false) };
        let was_asked = |error: &TransferError| {
            !matches!(
                error,
                TransferError::BackedOff(_) | TransferError::GivenUp | TransferError::NotLookedUp
            )
        };
        let asked = failures.iter().filter(|(_, error)| was_asked(error));
        asked.fold(None, |away, (_, error)| Some(away == Some(true) || error.is_away()))
    }

    /// Whether the disk has no room for the document.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::File { source, .. } if system::is_disk_full(source))
    }

    /// Whether another process is downloading the document into the same directory.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse(_))
    }

    /// The time until a holder is asked again, if all of them are in backoff.
    pub fn backoff(&self) -> Option<Duration> {
        let Self::AllFailed { failures, .. } = self else { return None };
        let rests = failures.iter().map(|(_, error)| match error {
            TransferError::BackedOff(rest) => Some(*rest),
            _ => None,
        });
        rests.collect::<Option<Vec<Duration>>>()?.into_iter().min()
    }
}
