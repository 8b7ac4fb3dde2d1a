//! Settings of uploads (protocol.md sections 5, 7 and 8.8).

use std::num::NonZeroUsize;

use crate::limits;
use crate::net::{AccessPolicy, Bandwidth, Interface, NetworkRates};
use crate::protocol::RecordRequests;
use crate::upload::slots::Slots;

/// Settings of an upload server.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    /// The limit of all uploads together, in bytes per second.
    pub bandwidth: Bandwidth,
    /// The limits of some networks, which apply as well.
    pub network_rates: NetworkRates,
    /// The slots for concurrent uploads of large documents.
    pub slots: Slots,
    /// The largest number of concurrent connections from one network; loopback is exempt. `None`: that
    /// of the limits.
    pub per_address: Option<NonZeroUsize>,
    /// Whether each refusal says what was expected and what was found.
    pub explain: bool,
    /// Whether requests are accepted in the forms of other programs (protocol.md appendix B).
    pub compat: bool,
    /// The requests for records that are answered (extensions, protocol.md sections 5.8 and 5.9).
    pub records: RecordRequests,
    /// Whether a document is moved out of the library after another peer has downloaded all of it.
    pub hand_over: bool,
    /// The addresses that may connect.
    pub access: AccessPolicy,
    /// The network interface of the peer.
    pub interface: Interface,
    /// Deadlines and limits of resources.
    pub limits: limits::Uploads,
}

impl Uploads {
    /// The limits, with the number of connections per network that was asked for.
    pub(super) fn admission(&self) -> limits::Admission {
        let admission = self.limits.admission;
        let per_network = self.per_address.map(NonZeroUsize::get);
        limits::Admission { per_network: per_network.unwrap_or(admission.per_network), ..admission }
    }
}
