//! Refusals by cause. They are rare, so all threads add to the same counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a connection or a request was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// All connections are in use.
    Connections,
    /// One network has as many connections as it may have.
    ConnectionsOfNetwork,
    /// The same for an IPv6 site.
    ConnectionsOfSite,
    /// Recent connections of a network have sent only malformed requests.
    Abuse,
    /// The network is denied, or banned.
    Denied,
    /// No thread could be started.
    Threads,
    /// The server is about to end.
    Draining,
    /// The request does not follow the grammar.
    Grammar,
    /// The request names another version of the protocol.
    Version,
    /// There is no such record or document.
    NotFound,
    /// The host of a record is not the address of the peer.
    Host,
    /// One connection has as many records as it may have.
    RecordsOfConnection,
    /// The index has as many records as it may have.
    Records,
    /// A memory limit is reached.
    Memory,
    /// The document has no byte of the range.
    Range,
    /// Other uploads are not done yet.
    Slots,
    /// A document is being handed over to another reader.
    HandingOver,
    /// A file cannot be read.
    File,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 18] = [
        Self::Connections,
        Self::ConnectionsOfNetwork,
        Self::ConnectionsOfSite,
        Self::Abuse,
        Self::Denied,
        Self::Threads,
        Self::Draining,
        Self::Grammar,
        Self::Version,
        Self::NotFound,
        Self::Host,
        Self::RecordsOfConnection,
        Self::Records,
        Self::Memory,
        Self::Range,
        Self::Slots,
        Self::HandingOver,
        Self::File,
    ];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsOfNetwork => "connections_of_network",
            Self::ConnectionsOfSite => "connections_of_site",
            Self::Abuse => "abuse",
            Self::Denied => "denied",
            Self::Threads => "threads",
            Self::Draining => "draining",
            Self::Grammar => "grammar",
            Self::Version => "version",
            Self::NotFound => "not_found",
            Self::Host => "host",
            Self::RecordsOfConnection => "records_of_connection",
            Self::Records => "records",
            Self::Memory => "memory",
            Self::Range => "range",
            Self::Slots => "slots",
            Self::HandingOver => "handing_over",
            Self::File => "file",
        }
    }
}

/// Counts of refusals by cause.
#[derive(Debug, Default)]
pub struct Causes([AtomicU64; Cause::ALL.len()]);

impl Causes {
    /// Counts a refusal.
    pub fn add(&self, cause: Cause) {
        // The order of the variants is that of `Cause::ALL`, which a test checks.
        if let Some(count) = self.0.get(cause as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of refusals since the start.
    pub fn of(&self, cause: Cause) -> u64 {
        self.0.get(cause as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_cause_has_a_name_and_a_count() {
        let causes = Causes::default();
        for (number, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, number);
            causes.add(cause);
            assert_eq!(causes.of(cause), 1);
        }
        let names: BTreeSet<&str> = Cause::ALL.map(Cause::name).into();
        assert_eq!(names.len(), Cause::ALL.len());
    }
}
