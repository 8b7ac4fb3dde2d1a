//! The networks that the limits per network count (protocol.md section 7).

use crate::limits;
use crate::network::Network;

/// A part of the internet that has a limit of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Scope {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    Network(Network),
    /// An IPv6 network of 48 bits.
    Site(Network),
}

impl Scope {
    /// All scopes of a network; none for loopback, which is exempt: there, every peer of a
    /// classroom exercise has the same address.
    pub(super) fn of(network: Network) -> impl Iterator<Item = Self> {
        let counted = (!network.is_loopback()).then_some(Self::Network(network));
        counted.into_iter().chain(network.site().map(Self::Site))
    }

    /// The limit of this scope, when this is the limit of one network.
    pub(super) fn limit(self, of_network: usize) -> usize {
        match self {
            Self::Network(_) => of_network,
            Self::Site(_) => of_network.saturating_mul(limits::NETWORKS_PER_SITE),
        }
    }
}
