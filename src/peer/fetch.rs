//! A whole download: holder after holder, or several at once, until the document is there.

mod download;

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::addresses::Addresses;
use super::bandwidth::Bandwidth;
use super::conversation::Conversation;
use super::holdings::Holding;
use super::neighbours::Neighbours;
use super::transfer_error::TransferError;
use crate::library::Incoming;
use crate::net::{Cancel, Reach};
use crate::protocol::{Content, Date, Digest, Document, Endpoint};
use download::Download;

/// What is to be fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// The document.
    pub document: Document,
    /// Who may have it.
    pub sources: Vec<Source>,
    /// The digest that it must have; without one, what a holder announces is compared.
    pub digest: Option<Digest>,
}

/// Somebody who may have a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The upload server.
    pub holder: Endpoint,
    /// Which bytes it says to have.
    pub content: Content,
    /// The index that has named it, which must not lead anywhere ([`Reach`]); nothing if a person
    /// has.
    pub told_by: Option<IpAddr>,
    /// The only address to connect to, if the index has verified one for the holder's host.
    pub address: Option<IpAddr>,
    /// Whether a person wants it to be asked before others, however fast they are.
    pub is_chosen: bool,
}

impl From<Endpoint> for Source {
    fn from(holder: Endpoint) -> Self {
        Self { holder, content: Content::default(), told_by: None, address: None, is_chosen: false }
    }
}

impl From<Holding> for Source {
    fn from(holding: Holding) -> Self {
        let Holding { record, content, told_by, address, .. } = holding;
        let holder = record.holder;
        Self { holder, content, told_by: Some(told_by), address, is_chosen: false }
    }
}

/// What a download is doing, for whoever watches.
#[derive(Debug)]
pub enum Attempt<'a> {
    /// It asks this holder.
    Asking(&'a Endpoint),
    /// So many bytes are there, of so many if that is known.
    Progress(u64, Option<u64>),
    /// This holder did not give it, or broke off.
    Failed(&'a Endpoint, &'a TransferError),
}

/// A document that was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// Who gave it; of several the one first that gave most.
    pub holders: Vec<Endpoint>,
    /// Its length in bytes.
    pub length: u64,
    /// Whether the holder had said how long it is; if not, a cut line looks like its end.
    pub length_checked: bool,
    /// When it changed last, if the holder said so.
    pub last_modified: Option<Date>,
    /// Its digest.
    pub digest: Digest,
    /// Whether the digest was known before, and the bytes were compared with it.
    pub digest_checked: bool,
}

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There was nobody to ask.
    #[error("nobody has {0}")]
    Nobody(Document),
    /// All were asked; the failures in their order.
    #[error("no holder gave {document} ({} asked)", .failures.len())]
    All {
        /// The document.
        document: Document,
        /// Who failed, and why.
        failures: Vec<(Endpoint, TransferError)>,
    },
    /// The bytes cannot be kept here, whoever gives them.
    #[error("cannot write {document}")]
    File {
        /// The document.
        document: Document,
        /// What the system says.
        source: io::Error,
    },
    /// The download was cancelled ([`Cancel`]). What can be resumed is kept.
    #[error("the download of {0} was cancelled")]
    Cancelled(Document),
}

impl FetchError {
    /// Whether the same may well succeed in a while.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Nobody(_) | Self::File { .. } | Self::Cancelled(_) => false,
            Self::All { failures, .. } => failures.iter().any(|(_, error)| error.is_transient()),
        }
    }

    /// Whether the last who was asked was so slow that more of the same is no progress.
    pub fn is_too_slow(&self) -> bool {
        match self {
            Self::Nobody(_) | Self::File { .. } | Self::Cancelled(_) => false,
            Self::All { failures, .. } => {
                matches!(failures.last(), Some((_, TransferError::TooSlow { .. })))
            }
        }
    }

    /// Whether another process is downloading the document into the same directory.
    pub fn is_in_use(&self) -> bool {
        let Self::All { failures, .. } = self else { return false };
        failures.iter().any(|(_, error)| matches!(error, TransferError::InUse))
    }

    /// Whether nobody was asked, because all of them failed a moment ago; then for how long not.
    pub fn rest(&self) -> Option<Duration> {
        let Self::All { failures, .. } = self else { return None };
        let rests = failures.iter().map(|(_, error)| match error {
            TransferError::Resting(rest) => Some(*rest),
            _ => None,
        });
        rests.collect::<Option<Vec<Duration>>>()?.into_iter().min()
    }
}

/// What all downloads of a program share: what is known of other peers, and the limit of bytes a
/// second. Cloning it shares both.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    shared: Arc<Shared>,
    cancel: Cancel,
}

#[derive(Debug, Default)]
struct Shared {
    neighbours: Neighbours,
    bandwidth: Bandwidth,
    reach: Reach,
    addresses: Addresses,
    measuring: Mutex<()>,
}

impl Fetcher {
    /// Downloads with what was known before, within a limit, and not from everywhere.
    pub fn new(neighbours: Neighbours, bandwidth: Bandwidth, reach: Reach) -> Self {
        let shared = Shared { neighbours, bandwidth, reach, ..Shared::default() };
        Self { shared: Arc::new(shared), cancel: Cancel::new() }
    }

    /// The same, for downloads that this handle cancels.
    pub fn with_cancel(&self, cancel: Cancel) -> Self {
        Self { shared: Arc::clone(&self.shared), cancel }
    }

    /// The handle that cancels these downloads.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// What is known of other peers.
    pub fn neighbours(&self) -> &Neighbours {
        &self.shared.neighbours
    }

    pub(super) fn bandwidth(&self) -> &Bandwidth {
        &self.shared.bandwidth
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.shared.reach
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.shared.addresses
    }

    pub(super) fn turn_to_measure(&self) -> MutexGuard<'_, ()> {
        self.shared.measuring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a document: each holder is asked once, the best one first, until one has given it
    /// whole; a large one comes from several at once. It goes on where an earlier download of the
    /// same document has ended.
    ///
    /// # Errors
    /// When no holder gives it, or the file cannot be written. What has come of a document whose
    /// digest is known is kept.
    pub fn fetch(
        &self,
        wanted: &Wanted,
        incoming: &mut Incoming,
        watch: &mut dyn FnMut(Attempt<'_>),
    ) -> Result<Fetched, FetchError> {
        self.fetch_next(&mut Conversation::default(), wanted, incoming, watch)
    }

    /// The same as one of many documents.
    pub(super) fn fetch_next(
        &self,
        conversation: &mut Conversation,
        wanted: &Wanted,
        incoming: &mut Incoming,
        watch: &mut dyn FnMut(Attempt<'_>),
    ) -> Result<Fetched, FetchError> {
        let _held = self.neighbours().hold(&wanted.sources);
        let mut download =
            Download { fetcher: self, wanted, conversation, incoming, watch, failures: Vec::new() };
        match download.run() {
            Ok(Some(fetched)) => Ok(fetched),
            _ if self.cancel.is_cancelled() => Err(FetchError::Cancelled(wanted.document.clone())),
            Ok(None) if download.failures.is_empty() => {
                Err(FetchError::Nobody(wanted.document.clone()))
            }
            Ok(None) => Err(FetchError::All {
                document: wanted.document.clone(),
                failures: download.failures,
            }),
            Err(source) => Err(FetchError::File { document: wanted.document.clone(), source }),
        }
    }

    /// Those from whom the document should come soonest first, behind who was chosen. Who was never
    /// asked, and is one of several, stands where the index has put it.
    fn in_order<'a>(&self, wanted: &'a Wanted) -> Vec<&'a Source> {
        let mut sources: Vec<&Source> = wanted.sources.iter().collect();
        let lengths = sources.iter().filter_map(|source| source.content.length);
        let length = lengths.max().unwrap_or(64 * 1024);
        sources.sort_by_cached_key(|source| {
            (!source.is_chosen, self.neighbours().expected_time(&source.holder, length))
        });
        sources
    }
}
