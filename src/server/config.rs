//! How an index server behaves, and how many connections it accepts (protocol.md sections 4.7 and
//! 7).

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use super::budgets::Budgets;
use super::host_policy::HostPolicy;
#[cfg(feature = "cluster")]
use crate::cluster;
use crate::limits;
use crate::net::{AccessPolicy, Interface};
use crate::protocol::Cluster;
use crate::protocol::dialect::StyleSettings;
use crate::system::{self, Bound};

/// How an index server behaves.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// Ports to listen on at every address, IPv4 and IPv6. If there is neither an address nor a port:
    /// port 7734.
    pub ports: Vec<u16>,
    /// The host under which the records of a peer are listed (protocol.md section 4.7).
    pub host_policy: HostPolicy,
    /// Whether a refusal carries a `Reason` (protocol.md section 6.3).
    pub explain: bool,
    /// Whether requests are accepted in the forms of other programs, and what the replies to them have
    /// that requests do not show (protocol.md appendix B).
    pub compat: Option<StyleSettings>,
    /// The cluster to which the server belongs, which it names to peers that ask for it (protocol.md section 4.13).
    pub cluster: Option<Cluster>,
    /// The largest number of concurrent connections, if the machine allows it. `None`: that of the limits.
    pub max_connections: Option<usize>,
    /// Bytes of memory for records and connections. `None`: half of what the machine allows
    /// ([`memory_limit`](super::memory_limit)).
    pub max_memory: Option<u64>,
    /// The largest number of concurrent connections from one network; loopback is exempt. `None`:
    /// that of the limits.
    pub connections_per_address: Option<NonZeroUsize>,
    /// The addresses that may connect.
    pub access: AccessPolicy,
    /// The network interface of the server.
    pub interface: Interface,
    /// The store through which the server shares its index with other servers. It then names these servers to peers,
    /// and ignores `cluster`.
    #[cfg(feature = "cluster")]
    pub shared_index: Option<cluster::Settings>,
    /// Deadlines and limits of resources.
    pub limits: limits::Server,
}

impl Config {
    /// The limits, with the number of connections per network that was asked for.
    pub(crate) fn admission(&self) -> limits::Admission {
        let admission = self.limits.admission;
        let per_network = self.connections_per_address.map(NonZeroUsize::get);
        limits::Admission { per_network: per_network.unwrap_or(admission.per_network), ..admission }
    }
}

/// The memory that a connection is counted with.
pub fn connection_memory(config: &Config) -> usize {
    limits::CONNECTION_MEMORY + config.compat.map_or(0, |_| limits::COMPAT_MEMORY)
}

/// How many connections this machine can serve: as the configuration says, unless a lower bound applies.
/// Also returns all bounds, the lowest first.
pub fn connection_limit(config: &Config, budgets: Budgets) -> (usize, Vec<Bound>) {
    let asked = match config.max_connections {
        Some(connections) => Bound { what: "--max-connections".into(), connections },
        None => Bound { what: "default".into(), connections: config.limits.connections },
    };
    // Where there are few descriptors, a quarter is kept.
    let few = (system::open_files() / 4).max(limits::LEAST_RESERVED_FILES);
    let reserved = limits::RESERVED_FILES.min(few);
    let mut bounds = system::connection_bounds(reserved);
    let each = connection_memory(config);
    let what = format!("half of the memory, {} KiB each", each / 1024);
    bounds.extend([asked, Bound { what, connections: budgets.connections(each) }]);
    bounds.sort_by_key(|bound| bound.connections);
    (bounds.first().map_or(0, |bound| bound.connections), bounds)
}
