//! A whole download: holder after holder, or several at once, until the document is there.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bandwidth::Bandwidth;
use super::index_connection::Holding;
use super::measure::measure;
use super::neighbours::{Neighbours, Readiness};
use super::swarm::{SwarmError, fetch_segments};
use super::transfer::{Ask, Get, Outcome, Transferred, transfer};
use super::transfer_error::TransferError;
use crate::library::Incoming;
use crate::limits;
use crate::net::Reach;
use crate::protocol::{Content, Date, Digest, Document, Endpoint, Refusal, Status};

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
}

impl From<Endpoint> for Source {
    fn from(holder: Endpoint) -> Self {
        Self { holder, content: Content::default(), told_by: None }
    }
}

impl From<Holding> for Source {
    fn from(holding: Holding) -> Self {
        let Holding { record, content, told_by, .. } = holding;
        Self { holder: record.holder, content, told_by: Some(told_by) }
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
}

impl FetchError {
    /// Whether the same may well succeed in a while.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Nobody(_) | Self::File { .. } => false,
            Self::All { failures, .. } => failures.iter().any(|(_, error)| error.is_transient()),
        }
    }

    /// Whether the last who was asked was so slow that more of the same is no progress.
    pub fn is_too_slow(&self) -> bool {
        match self {
            Self::Nobody(_) | Self::File { .. } => false,
            Self::All { failures, .. } => {
                matches!(failures.last(), Some((_, TransferError::TooSlow { .. })))
            }
        }
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
pub struct Fetcher(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    neighbours: Neighbours,
    bandwidth: Bandwidth,
    reach: Reach,
    measuring: Mutex<()>,
}

impl Fetcher {
    /// Downloads with what was known before, within a limit, and not from everywhere.
    pub fn new(neighbours: Neighbours, bandwidth: Bandwidth, reach: Reach) -> Self {
        Self(Arc::new(Shared { neighbours, bandwidth, reach, measuring: Mutex::default() }))
    }

    /// What is known of other peers.
    pub fn neighbours(&self) -> &Neighbours {
        &self.0.neighbours
    }

    pub(super) fn bandwidth(&self) -> &Bandwidth {
        &self.0.bandwidth
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.0.reach
    }

    pub(super) fn turn_to_measure(&self) -> MutexGuard<'_, ()> {
        self.0.measuring.lock().unwrap_or_else(PoisonError::into_inner)
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
        let _held = self.neighbours().hold(&wanted.sources);
        let mut download =
            Download { fetcher: self, wanted, incoming, watch, failures: Vec::new() };
        match download.run() {
            Ok(Some(fetched)) => Ok(fetched),
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

    /// Those from whom the document should come soonest first. Who was never asked, and is one of
    /// several, stands where the index has put it.
    fn in_order<'a>(&self, wanted: &'a Wanted) -> Vec<&'a Source> {
        let mut sources: Vec<&Source> = wanted.sources.iter().collect();
        let lengths = sources.iter().filter_map(|source| source.content.length);
        let length = lengths.max().unwrap_or(64 * 1024);
        sources
            .sort_by_cached_key(|source| self.neighbours().expected_time(&source.holder, length));
        sources
    }
}

struct Download<'a> {
    fetcher: &'a Fetcher,
    wanted: &'a Wanted,
    incoming: &'a mut Incoming,
    watch: &'a mut dyn FnMut(Attempt<'_>),
    failures: Vec<(Endpoint, TransferError)>,
}

impl Download<'_> {
    /// `None` when all have failed; an error when the file cannot be written.
    fn run(&mut self) -> io::Result<Option<Fetched>> {
        for (holder, error) in measure(self.fetcher, &self.wanted.sources) {
            self.failed(&holder, error);
        }
        let mut sources = self.ready();
        if let Some((digest, length)) = self.announced(&sources)
            && length > limits::SEGMENTED
            && let Some(fetched) = self.fetch_large(&mut sources, digest, length)?
        {
            return Ok(Some(fetched));
        }
        while !sources.is_empty() {
            let source = sources.remove(0);
            (self.watch)(Attempt::Asking(&source.holder));
            // Somebody else may be faster.
            let patience =
                if sources.is_empty() { limits::RATE_TIME } else { limits::RATE_TIME_OF_ONE };
            match self.ask_holder(&source.holder, patience) {
                Ok(Outcome::Whole(transferred)) => {
                    return Ok(Some(fetched(source.holder.clone(), transferred)));
                }
                Ok(Outcome::Large(digest, length)) => {
                    sources.insert(0, source);
                    if let Some(fetched) = self.fetch_large(&mut sources, digest, length)? {
                        return Ok(Some(fetched));
                    }
                }
                Err(TransferError::File(error)) => return Err(error),
                Err(error) => self.failed(&source.holder, error),
            }
        }
        Ok(None)
    }

    /// Those who can be asked now, and do not say to have another version than the wanted one.
    fn ready(&mut self) -> Vec<Source> {
        let mut ready = Vec::new();
        for source in self.fetcher.in_order(self.wanted) {
            if self.failures.iter().any(|(failed, _)| *failed == source.holder) {
                continue;
            }
            let error = match self.fetcher.neighbours().readiness(&source.holder) {
                Readiness::Resting(rest) => TransferError::Resting(rest),
                Readiness::GivenUp => TransferError::GivenUp,
                Readiness::Ready => match (self.wanted.digest, source.content.digest) {
                    (Some(expected), Some(found)) if expected != found => {
                        TransferError::OtherVersion { expected, found }
                    }
                    _ => {
                        ready.push(source.clone());
                        continue;
                    }
                },
            };
            self.failed(&source.holder, error);
        }
        ready
    }

    /// The version that is wanted, or that most holders say to have, with its length.
    fn announced(&self, sources: &[Source]) -> Option<(Digest, u64)> {
        let versions = sources.iter().filter_map(|source| {
            let Content { digest, length } = source.content;
            digest.zip(length)
        });
        let versions: Vec<(Digest, u64)> = match self.wanted.digest {
            Some(wanted) => versions.filter(|(digest, _)| *digest == wanted).collect(),
            None => versions.collect(),
        };
        let votes = |version: &(Digest, u64)| versions.iter().filter(|v| *v == version).count();
        // Of several with as many votes the first: `max_by_key` would take the last.
        versions.iter().rev().max_by_key(|version| votes(version)).copied()
    }

    /// Fetches a version from all who have it, or do not say what they have; they are taken from
    /// the sources.
    fn fetch_large(
        &mut self,
        sources: &mut Vec<Source>,
        digest: Digest,
        length: u64,
    ) -> io::Result<Option<Fetched>> {
        let has_it =
            |source: &mut Source| source.content.digest.is_none_or(|found| found == digest);
        let all: Vec<Endpoint> =
            sources.extract_if(.., has_it).map(|source| source.holder).collect();
        let mut groups = vec![all];
        while let Some(group) = groups.pop() {
            let Some(first) = group.first() else { continue };
            if length > limits::LARGEST_DOCUMENT {
                self.failed(first, TransferError::TooLarge(limits::LARGEST_DOCUMENT));
                return Ok(None);
            }
            let Some(pieces) = self.incoming.pieces(&digest, length)? else {
                self.failed(first, TransferError::InUse);
                return Ok(None);
            };
            let missing: u64 = pieces.missing().iter().map(|range| range.end - range.start).sum();
            let outcome = fetch_segments(
                self.fetcher,
                &self.wanted.document,
                digest,
                group.clone(),
                pieces,
                self.watch,
            );
            let brought = match outcome {
                Ok(brought) => brought,
                Err(SwarmError::File(error)) => return Err(error),
                Err(SwarmError::Holders(failures)) => {
                    self.failures.extend(failures);
                    continue;
                }
            };
            if brought.digest == digest {
                return Ok(Some(Fetched {
                    holders: brought.holders,
                    length,
                    length_checked: true,
                    last_modified: brought.last_modified,
                    digest,
                    digest_checked: true,
                }));
            }
            self.incoming.discard()?;
            let error = TransferError::WrongDigest { expected: digest, found: brought.digest };
            match &brought.holders[..] {
                // The fault may lie in what was here before.
                _ if missing < length => groups.push(group),
                [alone] => {
                    self.fetcher.neighbours().failed(alone);
                    (self.watch)(Attempt::Failed(alone, &error));
                    self.failures.push((alone.clone(), error));
                    groups.push(group.into_iter().filter(|holder| holder != alone).collect());
                }
                // Who is to blame is only known when one alone has brought it all.
                _ => groups.extend(group.into_iter().rev().map(|holder| vec![holder])),
            }
        }
        Ok(None)
    }

    fn failed(&mut self, holder: &Endpoint, error: TransferError) {
        if error.is_fault_of_holder() {
            self.fetcher.neighbours().failed(holder);
        }
        (self.watch)(Attempt::Failed(holder, &error));
        self.failures.push((holder.clone(), error));
    }

    /// Asks one holder: for the rest if there is one, and once more in another way if it cannot do
    /// that.
    fn ask_holder(
        &mut self,
        holder: &Endpoint,
        patience: Duration,
    ) -> Result<Outcome, TransferError> {
        let Self { fetcher, wanted, incoming, watch, .. } = self;
        let _busy = fetcher.neighbours().busy(holder);
        let was_begun = incoming.beginning_length().is_some();
        let mut ask = |ask| {
            let Wanted { document, digest, .. } = wanted;
            let in_segments = ask != Ask::Plain;
            let get = Get { document, holder, ask, digest: *digest, in_segments, patience };
            let mut progress = |done, all| watch(Attempt::Progress(done, all));
            let outcome = transfer(fetcher, &get, incoming, &mut progress);
            if let Err(TransferError::WrongDigest { .. }) = outcome {
                incoming.discard().map_err(TransferError::File)?;
            }
            outcome
        };
        if fetcher.neighbours().is_plain(holder) {
            return ask(Ask::Plain);
        }
        match ask(Ask::Rest) {
            // A strict neighbour is asked without extensions, also the next time.
            Err(TransferError::Refused(Status::Refused(Refusal::BadRequest)))
            | Err(TransferError::Protocol(_)) => {
                let outcome = ask(Ask::Plain);
                if outcome.is_ok() {
                    fetcher.neighbours().refuses_extensions(holder);
                }
                outcome
            }
            // What was begun is another document, or a longer one.
            Err(TransferError::Refused(Status::Refused(Refusal::RangeNotSatisfiable)))
            | Err(TransferError::OtherPart) => ask(Ask::Whole),
            // The fault may lie in what was here before.
            Err(TransferError::WrongDigest { .. }) if was_begun => ask(Ask::Whole),
            outcome => outcome,
        }
    }
}

fn fetched(holder: Endpoint, transferred: Transferred) -> Fetched {
    let Transferred { length, length_checked, last_modified, digest, digest_checked } = transferred;
    Fetched { holders: vec![holder], length, length_checked, last_modified, digest, digest_checked }
}
