//! A large document, of which several holders may have the same version (protocol.md section 5.6).

use std::collections::HashMap;
use std::io;

use super::candidates::{Ask, Candidate, Version};
use super::download::{Download, ROUNDS};
use crate::download::exchange::Response;
use crate::download::model::{CompletedDownload, DownloadProgress, Source, TransferError};
use crate::download::swarm::{Progress, SegmentedDocument, SwarmError};
use crate::library::Opened;
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
    /// Downloads the version that a holder has begun to deliver, from all holders that have it or
    /// announce no version. `None` if it cannot be completed: then the holders that have not failed
    /// may be asked for other versions.
    pub(super) fn fetch_large(
        &mut self,
        mut candidate: Candidate<'a>,
        digest: Digest,
        length: u64,
        response: Response,
    ) -> io::Result<Option<CompletedDownload>> {
        candidate.rounds += 1;
        let (is_late, is_alone) = (candidate.is_late, candidate.is_alone);
        let mut group = match is_alone {
            true => {
                // Bytes of another holder may be wrong.
                self.partial.discard()?;
                Vec::new()
            }
            false => self.candidates.take_version(digest),
        };
        let has_others = !is_late && self.candidates.has_early();
        let preferred_rates = (is_alone && has_others)
            .then(|| self.preferred_rates(&candidate.source.holder, &response));
        let mut first = Some(response);
        group.insert(0, candidate);
        let mut groups = vec![group];
        while let Some(group) = groups.pop() {
            if self.dialer.cancel.is_cancelled() {
                return Ok(None);
            }
            if group.is_empty() {
                continue;
            }
            let part = match self.partial.chunked(&digest, length) {
                Ok(Opened::Locked(part)) => part,
                Ok(Opened::Busy) => {
                    self.is_in_use = true;
                    return Ok(None);
                }
                // Then the document is downloaded from one holder, into a temporary file.
                Ok(Opened::Unusable) => {
                    self.in_segments = false;
                    for candidate in group {
                        self.ask_again(candidate, Ask::Whole);
                    }
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    self.too_large_here(digest, group, error)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let missing: u64 = part.missing().iter().map(|range| range.end - range.start).sum();
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
                preferred_rates,
                first: first.take(),
                part: &part,
            };
            let outcome = segmented.fetch(&mut |progress| watch(progress.into()));
            let delivered = match outcome {
                Ok(delivered) => delivered,
                Err(SwarmError::File(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                    drop(part);
                    self.too_large_here(digest, group, error)?;
                    continue;
                }
                Err(SwarmError::File(error)) => return Err(error),
                Err(SwarmError::Unreadable(error)) => {
                    // Bytes that were just received cannot be read either: the disk has failed.
                    if missing == length {
                        return Err(error);
                    }
                    part.remove_unreadable(error)?;
                    groups.push(group);
                    continue;
                }
                Err(SwarmError::Cancelled) => return Ok(None),
                Err(SwarmError::Holders(failures)) => {
                    self.expect_more();
                    self.after_failed(digest, group, failures);
                    continue;
                }
            };
            if delivered.digest == digest {
                for holder in &delivered.holders {
                    self.admission.stats.delivered(holder);
                }
                return Ok(Some(CompletedDownload {
                    expected: self.expected(&digest, &delivered.holders),
                    holders: delivered.holders,
                    length,
                    length_checked: true,
                    last_modified: delivered.last_modified,
                    digest,
                }));
            }
            self.partial.discard()?;
            match delivered.holders.as_slice() {
                // The bytes that were here before may be wrong.
                _ if missing < length => groups.push(group),
                [alone] => {
                    let error =
                        TransferError::WrongDigest { expected: digest, found: delivered.digest };
                    self.admission.stats.distrust(alone);
                    self.failed(alone, error);
                    let rest = group.into_iter().filter(|one| one.source.holder != *alone);
                    groups.push(rest.collect());
                }
                _ => self.try_each_alone(group),
            }
        }
        Ok(None)
    }

    /// Each of these holders is tried alone, because some of them have sent other bytes than announced.
    /// Those that begin to deliver are first.
    fn try_each_alone(&mut self, group: Vec<Candidate<'a>>) {
        self.expect_more();
        for mut candidate in group {
            candidate.is_alone = true;
            candidate.ask = Ask::Whole;
            candidate.rounds = 0;
            self.candidates.give_back(candidate);
        }
    }

    /// Handles a length that no file here can have. The first of these holders has announced it, and
    /// has failed. The others may not have this version.
    fn too_large_here(
        &mut self,
        digest: Digest,
        group: Vec<Candidate<'a>>,
        error: io::Error,
    ) -> io::Result<()> {
        self.partial.discard()?;
        let mut failures = HashMap::new();
        if let Some(first) = group.first() {
            let error = TransferError::TooLargeHere(error);
            (self.watch)(DownloadProgress::Failed(&first.source.holder, &error));
            failures.insert(first.source.holder.clone(), error);
        }
        self.after_failed(digest, group, failures);
        Ok(())
    }

    /// Handles holders of which none has completed the version. Those that have another version, or
    /// announce none, are asked one by one. Those that were given up early are asked last.
    fn after_failed(
        &mut self,
        digest: Digest,
        group: Vec<Candidate<'a>>,
        mut failures: HashMap<Endpoint, TransferError>,
    ) {
        for mut candidate in group {
            let holder = &candidate.source.holder;
            let Some(error) = failures.remove(holder) else {
                // The holder was not asked.
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
                // The holder has a shorter document, and did not announce this version.
                TransferError::Refused(Status::Refused(Refusal::RangeNotSatisfiable))
                    if candidate.version != Version::Replied(Some(digest)) =>
                {
                    // It is not asked for a range of another large version, either.
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
                // The failure was reported and counted when it occurred.
                error => self.failures.push((holder.clone(), error)),
            }
        }
    }
}
