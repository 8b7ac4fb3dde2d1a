//! The holders that a download may ask, and which one is next (protocol.md section 7).
//!
//! The attributes in the index are hints: they change the order, and exclude no holder. The response of
//! a holder takes precedence.

use std::collections::{HashMap, VecDeque};
use std::mem;

use super::votes::{is_outvoted, majority};
use crate::download::dialing::{Admission, Party, Trial};
use crate::download::model::{DownloadRequest, GetForm, Source, TransferError};
use crate::download::statistics::Standing;
use crate::protocol::{Digest, Endpoint};

/// The assumed length of a document if the index announces none.
const USUAL_LENGTH: u64 = 64 * 1024;

/// With this number of downloads a proven holder is busy: others that should be as fast are asked first.
const BUSY: u32 = 2;

/// Up to this number, all holders are ranked each time that one is asked.
const FEW: usize = 64;

/// Of more holders, at least this number is asked in the order of one ranking.
const RANKED: usize = 64;

/// The part of a document that is requested of a holder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ask {
    /// The rest of a document that was begun, with its digest.
    Rest,
    /// The whole document, with its digest.
    Whole,
    /// The whole document, without any extension.
    Plain,
}

/// The version that a holder has, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    /// The version in the index.
    Hint(Option<Digest>),
    /// The version that the holder has announced.
    Replied(Option<Digest>),
}

impl Version {
    fn digest(self) -> Option<Digest> {
        let (Self::Hint(digest) | Self::Replied(digest)) = self;
        digest
    }
}

/// A holder that may be asked.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) source: &'a Source,
    pub(super) ask: Ask,
    /// The form of a request without extensions.
    pub(super) form: GetForm,
    /// The order in which other forms are tried, and how many of them were.
    pub(super) forms: Option<(&'static [GetForm], usize)>,
    pub(super) version: Version,
    /// Whether it is asked before all others, because the last request to it needs another form.
    pub(super) is_first: bool,
    /// Whether it was given up early, because it was silent or slow. It is asked again when no other
    /// holder is left.
    pub(super) is_late: bool,
    /// Whether its version is downloaded from it alone, because a version of several holders had other
    /// bytes than announced.
    pub(super) is_alone: bool,
    /// How often it began the document without completing it.
    pub(super) rounds: u32,
    /// The order of candidates that are otherwise equal.
    place: usize,
}

/// The class of a holder, best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Class {
    /// It has delivered documents.
    Proven,
    /// It has delivered documents, but was silent recently.
    Slow,
    /// It has not delivered documents, or it is busy with other downloads.
    Other,
}

/// The holders that a download has not given up.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    admission: &'a Admission,
    /// All holders, also those that are not left.
    sources: &'a [Source],
    required: Option<Digest>,
    length: u64,
    /// In the order of the last ranking.
    left: VecDeque<Candidate<'a>>,
    /// The number of assigned places.
    places: usize,
    /// How many more are asked in the order of the last ranking.
    ranked: usize,
    /// How often a party was asked.
    asked: HashMap<Party, u32>,
    /// The version that most networks announce, as of the last ranking.
    majority: Option<Digest>,
}

/// Which holder is next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// This holder. A trial is held for an unproven one.
    Ask(Candidate<'a>, Option<Trial>),
    /// None at the moment: other downloads are trying the rest, or too many holders are being tried.
    Blocked,
    /// None is left.
    None,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(admission: &'a Admission, request: &'a DownloadRequest) -> Self {
        let candidate = |(place, source): (usize, &'a Source)| {
            let form = admission.stats.plain_form(&source.holder);
            Candidate {
                source,
                ask: if form.is_some() { Ask::Plain } else { Ask::Rest },
                form: form.unwrap_or_default(),
                forms: None,
                version: Version::Hint(source.content.digest),
                is_first: false,
                is_late: false,
                is_alone: false,
                rounds: 0,
                place,
            }
        };
        let lengths = request.sources.iter().filter_map(|source| source.content.length);
        Self {
            admission,
            sources: &request.sources,
            required: request.digest,
            length: lengths.max().unwrap_or(USUAL_LENGTH),
            left: request.sources.iter().enumerate().map(candidate).collect(),
            places: request.sources.len(),
            ranked: 0,
            asked: HashMap::new(),
            majority: None,
        }
    }

    /// Whether there are holders that were not given up early.
    pub(super) fn has_early(&self) -> bool {
        self.left.iter().any(|candidate| !candidate.is_late)
    }

    /// Whether no holder is left.
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Asks this holder before all others.
    pub(super) fn ask_first(&mut self, holder: &Endpoint) {
        if let Some(candidate) = self.left.iter_mut().find(|one| one.source.holder == *holder) {
            candidate.is_first = true;
            self.ranked = 0;
        }
    }

    /// Removes a holder that cannot be asked.
    pub(super) fn remove(&mut self, holder: &Endpoint) {
        self.left.retain(|candidate| candidate.source.holder != *holder);
    }

    /// The version of the majority, if the caller requires none and a holder has another one or none.
    pub(super) fn majority_against(&self, version: Option<Digest>) -> Option<Digest> {
        let majority = self.majority.filter(|_| self.required.is_none());
        majority.filter(|_| is_outvoted(version, majority))
    }

    /// Whether the version of a holder is the majority's, or there is none, and it was not given up early.
    pub(super) fn is_preferred(&self, candidate: &Candidate<'a>) -> bool {
        !candidate.is_late && self.majority_against(candidate.version.digest()).is_none()
    }

    /// Whether a preferred holder is left.
    pub(super) fn has_preferred(&self) -> bool {
        self.left.iter().any(|candidate| self.is_preferred(candidate))
    }

    /// The holder to ask next. Holders that may not be asked now are added to `skipped`. While a preferred
    /// holder is asked (`is_waiting`), here or by another download, no outvoted one is.
    pub(super) fn next(
        &mut self,
        mut is_waiting: bool,
        skipped: &mut Vec<(&'a Endpoint, TransferError)>,
    ) -> Next<'a> {
        if self.left.len() <= FEW || self.ranked == 0 {
            self.left.retain(|candidate| {
                let Err(error) = self.admission.check(candidate.source) else { return true };
                skipped.push((&candidate.source.holder, error));
                false
            });
            self.rank_all();
        }
        self.ranked = self.ranked.saturating_sub(1);
        let mut has_early = self.has_early();
        let mut at = 0;
        while let Some(candidate) = self.left.get(at) {
            if candidate.is_late && has_early {
                break;
            }
            let is_asked_before = candidate.is_first || candidate.source.is_chosen;
            let is_preferred = self.is_preferred(candidate);
            if is_waiting && !is_asked_before && !candidate.is_late && !is_preferred {
                break;
            }
            let holder = &candidate.source.holder;
            // The holder may have failed after the ranking.
            if let Err(error) = self.admission.check(candidate.source) {
                skipped.push((holder, error));
                self.left.remove(at);
                has_early = self.has_early();
                continue;
            }
            let trial = match self.admission.stats.standing(holder, self.length).is_proven {
                true => None,
                false => match self.admission.begin_trial(candidate.source, candidate.is_late) {
                    Some(trial) => Some(trial),
                    // Trials are short, and the user has not chosen the others.
                    None if candidate.source.is_chosen && !candidate.is_late => break,
                    None => {
                        is_waiting |= is_preferred;
                        at += 1;
                        continue;
                    }
                },
            };
            let Some(mut candidate) = self.left.remove(at) else { break };
            // A holder that does not deliver is asked after the others.
            candidate.is_first = false;
            *self.asked.entry(Party::of(candidate.source, &self.admission.names)).or_default() += 1;
            return Next::Ask(candidate, trial);
        }
        if self.left.is_empty() { Next::None } else { Next::Blocked }
    }

    /// Sorts the holders in the order in which they are asked if nothing else changes.
    fn rank_all(&mut self) {
        // The addresses of names become known meanwhile.
        self.majority = majority(self.sources, self.admission);
        let mut all: Vec<(Candidate<'a>, Standing)> = Vec::with_capacity(self.left.len());
        for candidate in mem::take(&mut self.left) {
            let standing = self.admission.stats.standing(&candidate.source.holder, self.length);
            all.push((candidate, standing));
        }
        all.sort_by_cached_key(|(candidate, standing)| self.rank(candidate, standing, 0));
        // For each holder of a party that is asked, its other holders move back.
        let mut earlier: HashMap<Party, u32> = HashMap::new();
        let mut ranked = Vec::with_capacity(all.len());
        for (candidate, standing) in all {
            let earlier =
                earlier.entry(Party::of(candidate.source, &self.admission.names)).or_default();
            ranked.push((self.rank(&candidate, &standing, *earlier), candidate));
            *earlier = earlier.saturating_add(1);
        }
        ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.left = ranked.into_iter().map(|(_, candidate)| candidate).collect();
        // Bounds the number of rankings if all of very many holders fail.
        self.ranked = RANKED.max(self.left.len() / 8);
    }

    /// The smallest is asked first. `earlier` holders of the same party are asked before it.
    fn rank(
        &self,
        candidate: &Candidate<'a>,
        standing: &Standing,
        earlier: u32,
    ) -> impl Ord + use<> {
        let Candidate { source, version, is_first, is_late, .. } = candidate;
        let version = version.digest();
        let is_wrong = version.zip(self.required).is_some_and(|(one, other)| one != other);
        let asked = self.asked.get(&Party::of(source, &self.admission.names)).copied().unwrap_or(0);
        let asked = asked.saturating_add(earlier);
        let class = match standing.is_proven && standing.downloads < BUSY {
            true if standing.is_silent => Class::Slow,
            true => Class::Proven,
            false => Class::Other,
        };
        (
            !is_first,
            *is_late,
            !source.is_chosen,
            is_wrong,
            standing.is_silent && !standing.is_proven,
            self.majority_against(version).is_some(),
            class,
            asked,
            standing.expected_time,
            candidate.place,
        )
    }

    /// Takes all holders that have this version, or announce no version, in the order in which they
    /// are asked.
    pub(super) fn take_version(&mut self, digest: Digest) -> Vec<Candidate<'a>> {
        let has_it = |candidate: &Candidate<'a>| match candidate.version {
            _ if candidate.is_alone => false,
            Version::Hint(hint) => hint.is_none_or(|hint| hint == digest),
            Version::Replied(version) => version == Some(digest),
        };
        let (mut taken, left): (Vec<_>, Vec<_>) =
            mem::take(&mut self.left).into_iter().partition(has_it);
        self.left = left.into();
        taken.sort_by_cached_key(|candidate| {
            let standing = self.admission.stats.standing(&candidate.source.holder, self.length);
            self.rank(candidate, &standing, 0)
        });
        taken
    }

    /// Returns a holder that is asked again.
    pub(super) fn give_back(&mut self, mut candidate: Candidate<'a>) {
        candidate.place = self.places;
        self.places = self.places.saturating_add(1);
        if candidate.is_first {
            self.left.push_front(candidate);
            return;
        }
        if !candidate.is_late {
            self.ranked = 0;
        }
        self.left.push_back(candidate);
    }
}

#[cfg(test)]
mod tests;
