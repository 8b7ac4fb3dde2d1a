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
use crate::net::Stop;
use crate::protocol::{Document, Endpoint, Record};

/// Records that are added while the index is locked once: some microseconds.
const BATCH: usize = 8;

/// A change was not made, because of an internal failure. The server ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an internal failure; the server ends")]
pub(super) struct Lost;

#[cfg(feature = "cluster")]
impl From<crate::cluster::Lost> for Lost {
    fn from(_: crate::cluster::Lost) -> Self {
        Self
    }
}

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
        stop: &Stop,
        serve: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Memory => {
                let _ = (index, stop);
                serve()
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => std::thread::scope(|scope| {
                cluster.start(scope, index, || stop.stop())?;
                cluster.wait_until_read(|| stop.is_stopping());
                let served = serve();
                cluster.end();
                match cluster.has_panicked() {
                    true => Err(io::Error::other(Lost)),
                    false => served,
                }
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
    ///
    /// # Errors
    /// When they were not added because of an internal failure. Then the additions are lost.
    pub(super) fn add_all(
        &self,
        index: &Index,
        owner: Owner,
        additions: &mut Vec<Addition>,
    ) -> Result<(), Lost> {
        match self {
            Self::Memory => {
                index.add_all(owner, additions);
                Ok(())
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => Ok(cluster.add_all(index, owner, additions)?),
        }
    }

    /// Removes a record of an owner, and returns it. `None` if the owner has no such record.
    ///
    /// # Errors
    /// When it was not removed because of an internal failure.
    pub(super) fn remove(
        &self,
        index: &Index,
        owner: Owner,
        document: &Document,
        holder: &Endpoint,
    ) -> Result<Option<Record>, Lost> {
        match self {
            Self::Memory => Ok(index.remove(owner, document, holder)),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => Ok(cluster.remove(index, owner, document, holder)?),
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
