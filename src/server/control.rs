//! Changes of a server that runs.

use std::sync::Arc;

use super::budgets::memory_limit;
use super::config::{Config, connection_limit};
use super::shared::Shared;

/// A handle to a server that runs. Clones are handles to the same server.
#[derive(Clone, Debug)]
pub struct Control(pub(super) Arc<Shared>);

impl Control {
    /// Sets the largest numbers of connections of this configuration, in all and from one network. Connections
    /// that exist stay.
    pub fn set_connections(&self, config: &Config) {
        let most = connection_limit(config, memory_limit(config.max_memory).0).0;
        self.0.permits.set_limits(most, config.admission().per_network);
    }

    /// Closes the connections of addresses that may not connect any more, and returns their number.
    pub fn close_denied(&self) -> usize {
        self.0.stop.close_from(|address| self.0.access.check(address).is_err())
    }
}
