//! The keys of the store (docs/cluster.md).
//!
//! All keys have the same hash tag, so a Redis Cluster stores them in one slot, where a script can
//! change several of them.

use super::settings::ServerName;

/// The identity of the cluster.
pub(super) const ID: &str = "{p2pci}:id";
/// The set of servers and their epochs.
pub(super) const SERVERS: &str = "{p2pci}:servers";
/// The stream of changes.
pub(super) const CHANGES: &str = "{p2pci}:changes";
/// Before the name of a server: its lease.
pub(super) const LEASE: &str = "{p2pci}:lease:";

/// Before the server and the number of a connection: its records.
pub(super) const RECORDS: &str = "{p2pci}:records:";

/// The key of the lease of a server.
pub(super) fn lease(name: &ServerName) -> String {
    format!("{LEASE}{name}")
}

/// A server in one of its epochs.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Origin {
    pub(super) name: ServerName,
    pub(super) epoch: Epoch,
}

impl Origin {
    /// The number of the last batch.
    pub(super) fn batch(&self) -> String {
        self.key("batch")
    }

    /// The set of its connections.
    pub(super) fn connections(&self) -> String {
        self.key("connections")
    }

    /// Before the number of a connection: its records.
    pub(super) fn records(&self) -> String {
        self.key("records") + ":"
    }

    /// The element of [`SERVERS`].
    pub(super) fn member(&self) -> String {
        format!("{} {}", self.name, self.epoch.0)
    }

    /// The origin of an element of [`SERVERS`].
    pub(super) fn of_member(member: &str) -> Option<Self> {
        let (name, epoch) = member.split_once(' ')?;
        Some(Self { name: name.parse().ok()?, epoch: Epoch::read(epoch)? })
    }

    fn key(&self, kind: &str) -> String {
        format!("{{p2pci}}:{kind}:{}:{}", self.name, self.epoch.0)
    }
}

/// A period in which a server has had its lease without interruption: 16 hexadecimal digits.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Epoch(String);

impl Epoch {
    pub(super) fn new() -> Self {
        Self(super::settings::random())
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let is_epoch = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_epoch.then(|| Self(text.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
