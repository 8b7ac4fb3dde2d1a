//! How many networks announce a version of a document (protocol.md section 7).
//!
//! Votes count networks instead of holders: one party may own many endpoints.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::download::dialing::literal;
use crate::download::model::Source;
use crate::network::Network;
use crate::protocol::{Digest, Endpoint};

/// Holders that may belong to one party.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Party {
    Network(Network),
    /// All holders whose addresses are unknown: one party may own any number of names.
    Unresolved,
}

impl Party {
    pub(super) fn of(source: &Source) -> Self {
        match literal(source) {
            Some(address) => Self::Network(Network::of(address)),
            None => Self::Unresolved,
        }
    }
}

/// The number of networks in which holders announce this version, or have delivered it. All holders
/// whose addresses are unknown count as one network.
pub(super) fn agreeing(sources: &[Source], delivered: &[Endpoint], digest: &Digest) -> usize {
    let agrees = |source: &&Source| {
        source.content.digest == Some(*digest) || delivered.contains(&source.holder)
    };
    sources.iter().filter(agrees).map(Party::of).collect::<HashSet<_>>().len()
}

/// The version that is announced in more networks than any other, and in more than one.
pub(super) fn majority(sources: &[Source]) -> Option<Digest> {
    let mut votes: HashMap<Digest, HashSet<Party>> = HashMap::new();
    for source in sources {
        if let Some(digest) = source.content.digest {
            votes.entry(digest).or_default().insert(Party::of(source));
        }
    }
    let mut counts: Vec<(usize, Digest)> =
        votes.into_iter().map(|(digest, parties)| (parties.len(), digest)).collect();
    counts.sort_by_key(|(count, _)| Reverse(*count));
    match counts.as_slice() {
        [(first, _), (second, _), ..] if first == second => None,
        [(count, digest), ..] if *count > 1 => Some(*digest),
        _ => None,
    }
}
