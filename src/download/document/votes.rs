//! How many networks announce a version of a document (protocol.md section 7).
//!
//! Votes count networks instead of holders: one party may own many endpoints.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::download::dialing::{Admission, HostNames, Party};
use crate::download::downloader::Downloader;
use crate::download::model::{DownloadRequest, Source};
use crate::protocol::{Digest, Endpoint};

/// The number of networks that must agree on a version: one party may own any number of endpoints in one network.
const MAJORITY: usize = 2;

/// The holders of a version that vote for it.
#[derive(Debug, Default)]
struct Votes<'a> {
    parties: BTreeSet<Party>,
    holders: Vec<&'a Source>,
}

impl Votes<'_> {
    /// The number of networks. A name whose address is unknown may lead to any of them, so all such
    /// names count as one network if no other is known, and else as none.
    fn networks(&self) -> usize {
        let unresolved = usize::from(self.parties.contains(&Party::Unresolved));
        self.parties.len().saturating_sub(unresolved).max(unresolved)
    }
}

/// The number of networks in which holders announce this version, or have delivered it.
pub(super) fn agreeing(
    sources: &[Source],
    names: &HostNames,
    delivered: &[Endpoint],
    digest: &Digest,
) -> usize {
    let agrees = |source: &&Source| {
        source.content.digest == Some(*digest) || delivered.contains(&source.holder)
    };
    let parties = sources.iter().filter(agrees).map(|source| Party::of(source, names)).collect();
    Votes { parties, holders: Vec::new() }.networks()
}

/// Whether the versions that these holders announce can decide which of them are asked first: enough
/// networks may agree, and another holder may have another version.
pub fn vote_can_decide(downloader: &Downloader, sources: &[Source]) -> bool {
    if sources.len() <= MAJORITY {
        return false;
    }
    let names = &downloader.admission.names;
    let mut parties = BTreeSet::new();
    sources.iter().any(|source| {
        parties.insert(Party::of(source, names));
        parties.len() >= MAJORITY
    })
}

/// Whether a holder that announces this version is asked after those that announce the majority's. A holder
/// that announces none is, too: otherwise a dishonest one would announce none.
pub(super) fn is_outvoted(version: Option<Digest>, majority: Option<Digest>) -> bool {
    majority.is_some() && version != majority
}

/// The same request without the holders that are outvoted. A chosen holder stays.
pub(in crate::download) fn without_outvoted(
    mut request: DownloadRequest,
    admission: &Admission,
) -> DownloadRequest {
    if request.digest.is_none() {
        let majority = majority(&request.sources, admission);
        request
            .sources
            .retain(|source| source.is_chosen || !is_outvoted(source.content.digest, majority));
    }
    request
}

/// The version that is announced in more networks than any other, and in [`MAJORITY`] or more. Of versions
/// with as many networks, it is one of which a holder has delivered documents, or else the one that is
/// listed first.
pub(super) fn majority(sources: &[Source], admission: &Admission) -> Option<Digest> {
    // The usual case, for which nothing is counted.
    if sources.len() < MAJORITY {
        return None;
    }
    let mut votes: HashMap<Digest, (usize, Votes<'_>)> = HashMap::new();
    for (place, source) in sources.iter().enumerate() {
        if let Some(digest) = source.content.digest {
            let (_, votes) = votes.entry(digest).or_insert_with(|| (place, Votes::default()));
            votes.parties.insert(Party::of(source, &admission.names));
            votes.holders.push(source);
        }
    }
    let is_proven = |source: &&Source| admission.stats.is_proven(&source.holder);
    let (digest, (_, votes)) = votes.into_iter().max_by_key(|(_, (place, votes))| {
        (votes.networks(), votes.holders.iter().any(is_proven), Reverse(*place))
    })?;
    (votes.networks() >= MAJORITY).then_some(digest)
}
