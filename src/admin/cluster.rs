//! The metrics of a server that shares its index with others (docs/cluster.md).

use std::fmt;

use serde_json::{Map, Value};

use super::exposition::{Exposition, number};
use crate::cluster::Cluster;
use crate::index::Index;

/// Why the server cannot serve yet, or what is limited while it serves.
///
/// # Errors
/// When the server has not read the records of the other servers yet.
pub(super) fn check_ready(cluster: &Cluster) -> Result<Option<String>, String> {
    if !cluster.has_read() {
        return Err("it reads the records of the other servers of its cluster".into());
    }
    Ok(cluster.failure().map(|why| format!("the store of the cluster cannot be used: {why}")))
}

/// Adds the state of the cluster to the totals of the server.
pub(super) fn summarize(cluster: &Cluster, index: &Index, to: &mut Map<String, Value>) {
    to.insert("cluster".into(), cluster.id().into());
    to.insert("cluster_name".into(), cluster.name().into());
    for (name, value) in [
        ("cluster_servers", other_servers(cluster) as u64),
        ("cluster_records", cluster.remote_records(index) as u64),
        ("cluster_waiting_changes", cluster.waiting_changes() as u64),
        ("cluster_silence_seconds", cluster.silence().as_secs()),
    ] {
        to.insert(name.into(), value.into());
    }
    to.insert("cluster_failure".into(), cluster.failure().into());
}

/// Writes the metrics of the cluster.
///
/// # Errors
/// When they cannot be written.
pub(super) fn expose(cluster: &Cluster, index: &Index, to: &mut Exposition<'_>) -> fmt::Result {
    let is_usable = u8::from(cluster.failure().is_none());
    let help = "Whether the store of the cluster can be used";
    to.gauge("p2p_ci_cluster_store_usable", help, f64::from(is_usable))?;
    let help = "Time since the store has last replied, in seconds";
    to.gauge("p2p_ci_cluster_silence_seconds", help, cluster.silence().as_secs_f64())?;
    let help = "Other servers of the cluster whose lease is valid";
    to.gauge("p2p_ci_cluster_servers", help, number(other_servers(cluster)))?;
    let help = "Records of other servers in the index";
    to.gauge("p2p_ci_cluster_records", help, number(cluster.remote_records(index)))?;
    let help = "Changes of own connections that are not in the index yet";
    to.gauge("p2p_ci_cluster_waiting_changes", help, number(cluster.waiting_changes()))?;
    let counts = cluster.counts();
    let changes = [
        ("published", counts.published),
        ("published_again", counts.republished),
        ("local", counts.local),
        ("remote", counts.applied),
    ];
    let changes = changes.map(|(kind, count)| ([("kind", kind)], count));
    let help = "Changes: of own connections that were written to the store; records that were written again \
                after a loss; changes that were applied without the store; changes of other servers";
    to.counters("p2p_ci_cluster_changes", help, changes)?;
    let (waited, waits) = counts.waited;
    let help = "Time from the submission of changes until they were in the index, in seconds";
    let waited = std::time::Duration::from_nanos(waited).as_secs_f64();
    to.counter("p2p_ci_cluster_wait_seconds", help, waited)?;
    for (name, help, count) in [
        ("p2p_ci_cluster_waits", "Submissions of changes", waits),
        ("p2p_ci_cluster_batches", "Batches of changes that were written", counts.batches),
        ("p2p_ci_cluster_store_failures", "How often the store was lost", counts.failures),
        (
            "p2p_ci_cluster_fenced_writes",
            "Batches that the store has refused: without a valid lease, or after lost changes",
            counts.fenced,
        ),
        (
            "p2p_ci_cluster_resyncs",
            "How often all records of the other servers were read",
            counts.resyncs,
        ),
        (
            "p2p_ci_cluster_illegal_entries",
            "Entries of the store that are illegal, and were skipped",
            counts.illegal,
        ),
        (
            "p2p_ci_cluster_refused_records",
            "Records of other servers for which there was no room",
            counts.refused,
        ),
    ] {
        to.counter(name, help, number(count))?;
    }
    Ok(())
}

fn other_servers(cluster: &Cluster) -> usize {
    let servers = cluster.servers();
    servers.iter().filter(|server| server.name != cluster.name()).count()
}
