//! A large document, of which several holders may have the same version (protocol.md section 5.6).

use std::collections::HashMap;
use std::io;

use super::candidates::{Ask, Candidate, Version};
use super::download::{Download, ROUNDS};
use crate::download::exchange::Response;
use crate::download::model::{CompletedDownload, DownloadProgress, Source, TransferError};
use crate::download::swarm::{Progress, SegmentedDocument, SwarmError};
use crate::protocol::{Digest, Endpoint, Refusal, Status};

impl<'a> From<Progress<'a>> for DownloadProgress<'a> {
    fn from(progress: Progress<'a>) -> Self {
        match progress {
            Progress::Asking(holder) => Self::Asking(holder),
            Progress::Failed(holder, error) => Self::Failed(holder, error),
            Progress::Bytes(done, all) => Self::Bytes(done, Some(all)),
        }
    }
}

impl<'a> Download<'a> {
    /// Fetches the version that a holder has begun to deliver, from all that have it or do not say
    /// what they have. Nothing if it does not come: then the holders that have not failed may be
    /// asked for what they have.
    pub(super) fn fetch_large(
        &mut self,
        mut candidate: Candidate<'a>,
        digest: Digest,
        length: u64,
        response: Response,
    ) -> io::Result<Option<CompletedDownload>> {
        candidate.rounds += 1;
        let is_late = candidate.is_late;
        let mut group = self.candidates.take_version(digest);
        let has_others = !is_late && self.candidates.has_early();
        let mut first = Some(response);
        group.insert(0, candidate);
        let mut groups = vec![group];
        while let Some(group) = groups.pop() {
            if self.dialer.cancel.is_cancelled() {
                return Ok(None);
            }
            let Some(holder) = group.first().map(|candidate| &candidate.source.holder) else {
                continue;
            };
            let pieces = match self.incoming.chunked(&digest, length) {
                Ok(Some(pieces)) => pieces,
                Ok(None) => {
                    // That is not the holder's failure, so nothing is reported about it.
                    self.failures.push((holder.clone(), TransferError::InUse));
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    self.too_large_here(digest, group, error)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let missing: u64 = pieces.missing().iter().map(|range| range.end - range.start).sum();
            let holders: Vec<Source> =
                group.iter().map(|candidate| candidate.source.clone()).collect();
            let watch = &mut *self.watch;
            let segmented = SegmentedDocument {
                dialer: self.dialer,
                admission: self.admission,
                accounting: self.accounting,
                document: &self.request.document,
                digest,
                holders,
                has_others,
                first: first.take(),
                pieces: &pieces,
            };
            let outcome = segmented.fetch(&mut |progress| watch(progress.into()));
            let brought = match outcome {
                Ok(brought) => brought,
                Err(SwarmError::File(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                    drop(pieces);
                    self.too_large_here(digest, group, error)?;
                    continue;
                }
                Err(SwarmError::File(error)) => return Err(error),
                Err(SwarmError::Cancelled) => return Ok(None),
                Err(SwarmError::Holders(failures)) => {
                    self.expect_more();
                    self.after_failed(digest, group, failures);
                    continue;
                }
            };
            if brought.digest == digest {
                for holder in &brought.holders {
                    self.admission.stats.delivered(holder);
                }
                return Ok(Some(CompletedDownload {
                    expected: self.expected(&digest, &brought.holders),
                    holders: brought.holders,
                    length,
                    length_checked: true,
                    last_modified: brought.last_modified,
                    digest,
                }));
            }
            self.incoming.discard()?;
            match brought.holders.as_slice() {
                // The fault may be in what was here before.
                _ if missing < length => groups.push(group),
                [alone] => {
                    let error =
                        TransferError::WrongDigest { expected: digest, found: brought.digest };
                    self.admission.stats.distrust(alone);
                    self.failed(alone, error);
                    let rest = group.into_iter().filter(|one| one.source.holder != *alone);
                    groups.push(rest.collect());
                }
                // Which one is to blame is only known when one alone has delivered it all.
                _ => groups.extend(group.into_iter().rev().map(|one| vec![one])),
            }
        }
        Ok(None)
    }

    /// No file here can have the length that the first of these holders has announced: that is a
    /// failure of this holder. The others may have announced the version without having it.
    fn too_large_here(
        &mut self,
        digest: Digest,
        group: Vec<Candidate<'a>>,
        error: io::Error,
    ) -> io::Result<()> {
        self.incoming.discard()?;
        let mut failures = HashMap::new();
        if let Some(first) = group.first() {
            let error = TransferError::TooLargeHere(error);
            (self.watch)(DownloadProgress::Failed(&first.source.holder, &error));
            failures.insert(first.source.holder.clone(), error);
        }
        self.after_failed(digest, group, failures);
        Ok(())
    }

    /// None of these has delivered the version. Those that have another one, or do not say which
    /// one they have, are asked one by one; those that were given up early are asked last.
    fn after_failed(
        &mut self,
        digest: Digest,
        group: Vec<Candidate<'a>>,
        mut failures: HashMap<Endpoint, TransferError>,
    ) {
        for mut candidate in group {
            let holder = &candidate.source.holder;
            let Some(error) = failures.remove(holder) else {
                // It was not asked.
                if candidate.rounds < ROUNDS {
                    self.candidates.give_back(candidate);
                }
                continue;
            };
            match error {
                TransferError::OtherVersion { found, .. } => {
                    candidate.version = Version::Replied(Some(found));
                    self.ask_later(candidate, error);
                }
                TransferError::NoDigest => {
                    candidate.version = Version::Replied(None);
                    self.ask_later(candidate, error);
                }
                TransferError::OtherPart => self.ask_later(candidate, error),
                // Its document is shorter than this version, which it did not announce itself.
                TransferError::Refused(Status::Refused(Refusal::RangeNotSatisfiable))
                    if candidate.version != Version::Replied(Some(digest)) =>
                {
                    // It is not asked for a segment of another large version, either.
                    candidate.version = Version::Replied(None);
                    candidate.ask = Ask::Whole;
                    self.ask_later(candidate, error);
                }
                // A strict program is asked without extensions for its own version.
                error if error.may_refuse_extensions() => {
                    candidate.version = Version::Replied(None);
                    candidate.ask = Ask::Plain;
                    self.ask_later(candidate, error);
                }
                TransferError::Deferred(_) => {
                    candidate.is_late = true;
                    self.ask_later(candidate, error);
                }
                // It was reported and counted when it failed.
                error => self.failures.push((holder.clone(), error)),
            }
        }
    }
}
