//! What all downloads of a program share.

use std::sync::Arc;

use super::addresses::Addresses;
use super::bandwidth::Bandwidth;
use super::neighbours::Neighbours;
use super::trials::Trials;
use crate::net::{Cancel, Reach};

/// What all downloads of a program share: what is known of other peers, and the limit of bytes a
/// second. Cloning it shares both.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    shared: Arc<Shared>,
    cancel: Cancel,
}

#[derive(Debug, Default)]
struct Shared {
    neighbours: Neighbours,
    bandwidth: Bandwidth,
    reach: Reach,
    addresses: Addresses,
    trials: Trials,
}

impl Fetcher {
    /// Downloads with what was known before, within a limit, and not from everywhere.
    pub fn new(neighbours: Neighbours, bandwidth: Bandwidth, reach: Reach) -> Self {
        let shared = Shared { neighbours, bandwidth, reach, ..Shared::default() };
        Self { shared: Arc::new(shared), cancel: Cancel::new() }
    }

    /// The same, for downloads that this handle cancels.
    pub fn with_cancel(&self, cancel: Cancel) -> Self {
        Self { shared: Arc::clone(&self.shared), cancel }
    }

    /// The handle that cancels these downloads.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// What is known of other peers.
    pub fn neighbours(&self) -> &Neighbours {
        &self.shared.neighbours
    }

    pub(super) fn bandwidth(&self) -> &Bandwidth {
        &self.shared.bandwidth
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.shared.reach
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.shared.addresses
    }

    pub(super) fn trials(&self) -> &Trials {
        &self.shared.trials
    }
}
