//! The metrics and the health of an index server.

use std::fmt;

use serde_json::{Map, Value};

use super::exposition::{Exposition, number};
use super::program::Observed;
use super::request_metrics::{expose_refusals, expose_requests};
use super::table::ObservedTable;
use crate::counters::Cause;
use crate::index::Announced;
use crate::net::{AccessPolicy, OpenConnection, Stop};
use crate::server::{INDEX_METHODS, Monitor};

/// The codes of its replies.
const STATUSES: [u16; 5] = [200, 400, 404, 503, 505];

/// The causes of its refusals.
const CAUSES: [Cause; 14] = [
    Cause::Connections,
    Cause::ConnectionsOfNetwork,
    Cause::ConnectionsOfSite,
    Cause::Abuse,
    Cause::Denied,
    Cause::Threads,
    Cause::Draining,
    Cause::Grammar,
    Cause::Version,
    Cause::NotFound,
    Cause::Host,
    Cause::RecordsOfConnection,
    Cause::Records,
    Cause::Memory,
];

/// An index server that is observed, and its node of the distributed hash table.
#[derive(Clone, Debug)]
pub struct ObservedServer(pub Monitor, pub ObservedTable);

impl ObservedServer {
    /// How many connections and requests were refused, by cause.
    pub fn refusals(&self) -> impl Iterator<Item = (Cause, u64)> {
        CAUSES.into_iter().map(|cause| (cause, self.0.refused(cause)))
    }
}

impl Observed for ObservedServer {
    fn name(&self) -> &'static str {
        "server"
    }

    fn check(&self) {
        self.0.check();
    }

    fn check_ready(&self) -> Result<Option<String>, String> {
        if !self.0.is_accepting() {
            return Err("it is about to end".into());
        }
        #[cfg(feature = "cluster")]
        if let Some((cluster, _)) = self.0.cluster() {
            return super::cluster::check_ready(cluster);
        }
        Ok(None)
    }

    fn stop(&self) -> &Stop {
        self.0.stop()
    }

    fn access(&self) -> &AccessPolicy {
        self.0.access()
    }

    fn describe(&self, connection: &OpenConnection, to: &mut Map<String, Value>) {
        let announced = self.0.announced(connection.number);
        to.insert("records".into(), announced.as_ref().map_or(0, |all| all.records).into());
        if let Some(Announced { endpoint, endpoints, .. }) = announced {
            to.insert("endpoint".into(), endpoint.to_string().into());
            to.insert("endpoints".into(), endpoints.into());
        }
    }

    fn summarize(&self, to: &mut Map<String, Value>) {
        let now = self.0.observe();
        let requests: u64 = now.requests.counts.iter().flatten().sum();
        let refused: u64 = self.refusals().map(|(_, count)| count).sum();
        for (name, value) in [
            ("peers", now.peers as u64),
            ("peers_limit", now.most_peers as u64),
            ("records", now.records as u64),
            ("index_bytes", now.index_bytes as u64),
            ("requests", requests),
            ("refusals", refused),
            ("received_bytes", now.requests.received),
            ("sent_bytes", now.requests.sent),
        ] {
            to.insert(name.into(), value.into());
        }
        self.1.summarize(to);
        #[cfg(feature = "cluster")]
        if let Some((cluster, index)) = self.0.cluster() {
            super::cluster::summarize(cluster, index, to);
        }
    }

    fn expose(&self, to: &mut Exposition<'_>) -> fmt::Result {
        let now = self.0.observe();
        to.gauge("p2p_ci_peers", "Connections of peers", number(now.peers))?;
        let help = "The largest number of connections";
        to.gauge("p2p_ci_peers_limit", help, number(now.most_peers))?;
        to.gauge("p2p_ci_index_records", "Records of all peers", number(now.records))?;
        let search = now.search_bytes;
        let memory = [("records", now.index_bytes.saturating_sub(search)), ("search", search)];
        let memory = memory.map(|(part, bytes)| ([("part", part)], number(bytes)));
        to.gauges("p2p_ci_index_memory_bytes", "Memory that the index takes", memory)?;
        let help = "Titles that are not in the search structure yet";
        to.gauge("p2p_ci_index_queued_titles", help, number(now.queued_titles))?;
        let (waits, waited) = now.lock_waits;
        let help = "How often a thread had to wait for the lock of the index";
        to.counter("p2p_ci_index_lock_waits", help, number(waits))?;
        let help = "Time that threads have waited for the lock of the index, in seconds";
        to.counter("p2p_ci_index_lock_wait_seconds", help, waited.as_secs_f64())?;
        expose_requests(to, INDEX_METHODS, &STATUSES, &now.requests)?;
        let help = "Bytes of requests that were read";
        to.counter("p2p_ci_received_bytes", help, number(now.requests.received))?;
        let help = "Bytes of replies that were sent";
        to.counter("p2p_ci_sent_bytes", help, number(now.requests.sent))?;
        expose_refusals(to, &CAUSES, |cause| self.0.refused(cause))?;
        self.1.expose(to)?;
        #[cfg(feature = "cluster")]
        if let Some((cluster, index)) = self.0.cluster() {
            super::cluster::expose(cluster, index, to)?;
        }
        Ok(())
    }
}
