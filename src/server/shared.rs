//! The state that all sessions of a server share.

use std::borrow::Cow;
use std::sync::Arc;

use super::account::RecordMemory;
use super::budgets::memory_limit;
use super::buffers::Buffers;
use super::config::{Config, connection_limit};
use super::host_policy::{HostPolicy, Resolutions};
use super::methods::Counters;
use super::store::RecordStore;
use super::totals::Totals;
use super::turns::Turns;
use crate::counted::counted;
use crate::counters::LiveRequests;
use crate::index::{Capacity, Index};
use crate::limits;
use crate::net::{AccessPolicy, Interface, Permits, Stop};
use crate::protocol::Cluster;
use crate::protocol::dialect::StyleSettings;

/// State that all sessions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) index: Index,
    pub(super) store: RecordStore,
    pub(super) memory: RecordMemory,
    pub(super) buffers: Buffers,
    pub(super) resolutions: Resolutions,
    pub(super) turns: Turns,
    pub(super) permits: Permits,
    pub(super) totals: Arc<Totals>,
    pub(super) counters: Counters,
    pub(super) live: LiveRequests,
    pub(super) stop: Stop,
    pub(super) host_policy: HostPolicy,
    pub(super) explain: bool,
    pub(super) cluster: Option<Cluster>,
    pub(super) limits: limits::Server,
    pub(super) compat: Option<StyleSettings>,
    pub(super) interface: Interface,
    pub(super) access: AccessPolicy,
}

impl Shared {
    /// The state of a server without sessions.
    pub(super) fn new(config: &Config) -> Self {
        let budgets = memory_limit(config.max_memory).0;
        let most = connection_limit(config, budgets).0;
        let limits = config.limits;
        let capacity = Capacity {
            records: limits.records,
            records_of_owner: limits.records_per_connection,
            bytes: budgets.records,
        };
        Self {
            index: Index::new(capacity),
            store: RecordStore::new(config),
            memory: RecordMemory::new(budgets),
            buffers: Buffers::default(),
            resolutions: Resolutions::new(&limits),
            turns: Turns::default(),
            permits: Permits::new(most, config.admission()),
            totals: Arc::default(),
            counters: Counters::default(),
            live: LiveRequests::default(),
            stop: Stop::new(),
            host_policy: config.host_policy,
            explain: config.explain,
            cluster: config.cluster.clone(),
            limits,
            compat: config.compat,
            interface: config.interface.clone(),
            access: config.access.clone(),
        }
    }

    /// The cluster that the server names to peers that ask for it.
    pub(super) fn named_cluster(&self) -> Option<Cow<'_, Cluster>> {
        #[cfg(feature = "cluster")]
        if let Some(member) = self.store.cluster() {
            return member.described().map(Cow::Owned);
        }
        self.cluster.as_ref().map(Cow::Borrowed)
    }

    /// The numbers of peers and records, for the log.
    pub(super) fn population(&self) -> String {
        let (peers, records) = (self.permits.taken(), self.index.len());
        format!("{}, {}", counted(peers, "peer"), counted(records, "record"))
    }
}
