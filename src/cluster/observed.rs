//! What operators see of a cluster, and how its servers name it to peers.

use std::time::Duration;

use super::member::Cluster;
use super::names::is_remote;
use super::status::{Counts, LiveServer};
use crate::index::{Index, Owner};
use crate::protocol;

impl Cluster {
    /// The servers of the cluster, this one included, whose leases are valid.
    pub fn servers(&self) -> Vec<LiveServer> {
        self.0.status.servers()
    }

    /// The identity of the cluster: a random number that all its servers know.
    pub fn id(&self) -> Option<String> {
        self.0.status.id()
    }

    /// The cluster as its servers name it to peers (protocol.md section 4.13); `None` until its identity is known.
    /// Without the store it names the last known servers: they may work, and a peer tries them.
    pub fn described(&self) -> Option<protocol::Cluster> {
        let mut described = protocol::Cluster::new(self.id()?.parse().ok()?);
        let addresses = self.0.status.addresses().into_iter();
        addresses.filter_map(|address| address.parse().ok()).for_each(|address| {
            described.add(address);
        });
        Some(described)
    }

    /// The name of this server.
    pub fn name(&self) -> &str {
        self.0.settings.name.as_str()
    }

    /// What has happened since the start.
    pub fn counts(&self) -> Counts {
        self.0.status.counts()
    }

    /// Why the store cannot be used; `None` if it can.
    pub fn failure(&self) -> Option<String> {
        self.0.status.failure()
    }

    /// Time since the store has last replied, or since the start.
    pub fn silence(&self) -> Duration {
        self.0.status.contact().elapsed()
    }

    /// Changes of own connections that are not in the index yet.
    pub fn waiting_changes(&self) -> usize {
        self.0.queue.waiting_changes()
    }

    /// Records of other servers in the index.
    pub fn remote_records(&self, index: &Index) -> usize {
        let owners = index.owners().into_iter().filter(|&owner| is_remote(owner));
        index.records_of_owners(&owners.collect::<Vec<Owner>>())
    }
}
