//! Where the sessions of a server change records.
//!
//! Reads use the index directly: each server has all records in memory.

use std::io;

use super::config::Config;
#[cfg(feature = "cluster")]
use crate::cluster::Cluster;
use crate::index::{Addition, Index, Owner};
#[cfg(feature = "cluster")]
use crate::limits;
use crate::protocol::{Document, Endpoint, Record};

/// Records that are added while the index is locked once: some microseconds.
const BATCH: usize = 8;

/// Where records are changed.
#[derive(Debug)]
pub(super) enum RecordStore {
    /// In the index of this process alone.
    Memory,
    /// In the indexes of all servers of a cluster.
    #[cfg(feature = "cluster")]
    Cluster(Box<Cluster>),
}

impl RecordStore {
    pub(super) fn new(config: &Config) -> Self {
        #[cfg(feature = "cluster")]
        if let Some(settings) = &config.shared_index {
            return Self::Cluster(Box::new(Cluster::new(settings.clone())));
        }
        let _ = config;
        Self::Memory
    }

    /// The cluster, if there is one.
    #[cfg(feature = "cluster")]
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Memory => None,
            Self::Cluster(cluster) => Some(cluster),
        }
    }

    /// Runs `serve`, in which all sessions begin and end, with the threads of the store.
    pub(super) fn run(
        &self,
        index: &Index,
        serve: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Memory => {
                let _ = index;
                serve()
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => std::thread::scope(|scope| {
                cluster.start(scope, index)?;
                let served = serve();
                cluster.end();
                served
            }),
        }
    }

    /// Pipelined additions of a session that are made together.
    pub(super) fn batch(&self) -> usize {
        match self {
            Self::Memory => BATCH,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => limits::CLUSTER_ADDITIONS,
        }
    }

    /// Adds records. Each addition then has its outcome.
    pub(super) fn add_all(&self, index: &Index, owner: Owner, additions: &mut Vec<Addition>) {
        match self {
            Self::Memory => index.add_all(owner, additions),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.add_all(index, owner, additions),
        }
    }

    /// Removes a record of an owner, and returns it. `None` if the owner has no such record.
    pub(super) fn remove(
        &self,
        index: &Index,
        owner: Owner,
        document: &Document,
        holder: &Endpoint,
    ) -> Option<Record> {
        match self {
            Self::Memory => index.remove(owner, document, holder),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.remove(index, owner, document, holder),
        }
    }

    /// Removes all records of an owner, and returns their number.
    pub(super) fn remove_owner(&self, index: &Index, owner: Owner) -> usize {
        match self {
            Self::Memory => index.remove_owner(owner),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.remove_owner(index, owner),
        }
    }
}
