//! The state that all sessions of a server share.

use std::sync::Arc;

use super::account::RecordMemory;
use super::buffers::Buffers;
use super::host_policy::{HostPolicy, Resolutions};
use super::logging::counted;
use super::totals::Totals;
use super::turns::Turns;
use crate::index::Index;
use crate::net::{Permits, Stop};

/// State that all sessions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) index: Index,
    pub(super) memory: RecordMemory,
    pub(super) buffers: Buffers,
    pub(super) resolutions: Resolutions,
    pub(super) turns: Turns,
    pub(super) permits: Permits,
    pub(super) totals: Arc<Totals>,
    pub(super) stop: Stop,
    pub(super) host_policy: HostPolicy,
    pub(super) explain: bool,
}

impl Shared {
    /// The numbers of peers and records, for the log.
    pub(super) fn population(&self) -> String {
        let (peers, records) = (self.permits.taken(), self.index.len());
        format!("{}, {}", counted(peers, "peer"), counted(records, "record"))
    }
}
