//! One document from its holders: one after the other, or a large one from several at once.

use std::io;
use std::time::Duration;

use super::{Attempt, Fetched, Fetcher, Source, Wanted};
use crate::library::Incoming;
use crate::limits;
use crate::peer::conversation::Conversation;
use crate::peer::measure::measure;
use crate::peer::neighbours::Readiness;
use crate::peer::swarm::{SwarmError, fetch_segments};
use crate::peer::transfer::{Ask, Get, Outcome, Transferred, transfer};
use crate::peer::transfer_error::TransferError;
use crate::protocol::{Content, Digest, Endpoint, Refusal, Status};

/// A download that is going on.
pub(super) struct Download<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) wanted: &'a Wanted,
    pub(super) conversation: &'a mut Conversation,
    pub(super) incoming: &'a mut Incoming,
    pub(super) watch: &'a mut dyn FnMut(Attempt<'_>),
    pub(super) failures: Vec<(Endpoint, TransferError)>,
}

impl Download<'_> {
    /// `None` when all have failed; an error when the file cannot be written.
    pub(super) fn run(&mut self) -> io::Result<Option<Fetched>> {
        for (holder, error) in measure(self.fetcher, &self.wanted.sources) {
            self.failed(&holder, error);
        }
        let mut sources = self.ready();
        if let Some(holder) = self.conversation.asked_for(&self.wanted.document)
            && let Some(at) = sources.iter().position(|source| source.holder == *holder)
        {
            sources[..=at].rotate_right(1);
        }
        if let Some((digest, length)) = self.announced(&sources)
            && length > limits::SEGMENTED
            && let Some(fetched) = self.fetch_large(&mut sources, digest, length)?
        {
            return Ok(Some(fetched));
        }
        while !sources.is_empty() && !self.fetcher.cancel().is_cancelled() {
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

    /// The version that is wanted, that the chosen holder or else that most say to have, with its
    /// length.
    fn announced(&self, sources: &[Source]) -> Option<(Digest, u64)> {
        let has_chosen = sources.iter().any(|source| source.is_chosen);
        let asked_first = sources.iter().filter(|source| source.is_chosen == has_chosen);
        let versions = asked_first.filter_map(|source| {
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
                Err(SwarmError::Cancelled) => return Ok(None),
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
        if self.fetcher.cancel().is_cancelled() {
            // The connection was shut down here.
            return;
        }
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
        let Self { fetcher, wanted, conversation, incoming, watch, .. } = self;
        let _busy = fetcher.neighbours().busy(holder);
        let was_begun = incoming.beginning_length().is_some();
        let mut ask = |ask| {
            let Wanted { document, digest, .. } = wanted;
            let in_segments = ask != Ask::Plain;
            let get = Get { document, holder, ask, digest: *digest, in_segments, patience };
            let mut progress = |done, all| watch(Attempt::Progress(done, all));
            let outcome = transfer(fetcher, &get, conversation, incoming, &mut progress);
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
