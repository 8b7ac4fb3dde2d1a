//! Which holders may belong to one party (protocol.md section 7).

use super::host_names::HostNames;
use crate::download::model::Source;
use crate::network::Network;

/// Holders that may belong to one party.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::download) enum Party {
    Network(Network),
    /// All holders whose addresses are unknown: one party may own any number of names.
    Unresolved,
}

impl Party {
    /// The party of a holder. A name counts as the network of the address at which it was connected to.
    /// An IPv6 network of 48 bits counts once: its owner has all of its networks of 64 bits.
    pub(in crate::download) fn of(source: &Source, names: &HostNames) -> Self {
        match names.address(source) {
            Some(address) => Self::Network(Network::leads_to(address).site_or_self()),
            None => Self::Unresolved,
        }
    }
}
