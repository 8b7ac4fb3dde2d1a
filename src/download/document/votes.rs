//! How many networks announce a version of a document (protocol.md section 7).
//!
//! Votes count networks instead of holders: one party may own many endpoints.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::download::dialing::{Admission, HostNames, Party};
use crate::download::model::Source;
use crate::protocol::{Digest, Endpoint};

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

/// The version that is announced in more networks than any other, and in more than one. Of versions
/// with as many networks, it is one of which a holder has delivered documents, or else the one that is
/// listed first.
pub(super) fn majority(sources: &[Source], admission: &Admission) -> Option<Digest> {
    // The usual case, for which nothing is counted.
    if sources.len() < 2 {
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
    (votes.networks() > 1).then_some(digest)
}
