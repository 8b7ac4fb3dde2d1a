//! `server --show-limits`: each limit, its value, and what it bounds.

use std::time::Duration;

use super::output::table::Table;
use crate::counted::counted;
use crate::limits;
use crate::server::{Config, connection_limit, connection_memory, memory_limit};

/// The table of limits, followed by the bounds on the number of connections on this machine.
pub(super) fn limits_table(config: &Config) -> String {
    let (budgets, memory) = memory_limit(config.max_memory);
    let (connections, bounds) = connection_limit(config, budgets);
    let (server, admission) = (&config.limits, config.admission());
    let mut table = Table::of_whole(["limit", "value", "what it bounds"]);
    let rows = [
        ("request line", bytes(limits::START_LINE), "memory of a connection"),
        ("header line", bytes(limits::HEADER_LINE), "memory of a connection"),
        ("whole head", bytes(limits::HEAD), "memory of a connection"),
        ("empty lines before a request", bytes(limits::EMPTY_LINES), "work for nothing; a minute"),
        ("headers of a request", limits::REQUEST_HEADERS.to_string(), "work for a request"),
        ("headers of a response", limits::RESPONSE_HEADERS.to_string(), "work for a response"),
        ("record line", bytes(limits::RECORD_LINE), "one record of a reply"),
        ("title", bytes(limits::TITLE), "memory of a record"),
        ("host", bytes(limits::HOST), "memory of a record"),
        ("file name", bytes(limits::FILE_NAME), "memory of a record"),
        ("OS, Content-Type", bytes(limits::HEADER_TEXT), "memory of a connection"),
        ("head deadline", seconds(server.head_deadline), "slow writers, from the first byte"),
        ("keepalive", keepalive(), "peers whose machine is gone"),
        ("unacknowledged data", seconds(limits::UNACKNOWLEDGED), "the same, with data queued"),
        (
            "minimum read rate",
            read_rate(server.read_rate),
            "slow readers, while the server waits for them",
        ),
        ("connections", connections.to_string(), "threads; see below"),
        (
            "connections per network",
            per_network(admission.per_network),
            "one IPv4 address or IPv6 /64; no loopback",
        ),
        ("records per connection", server.records_per_connection.to_string(), "one connection"),
        ("records in all", server.records.to_string(), "memory of the index"),
        ("bad requests in a row", server.consecutive_faults.to_string(), "broken programs"),
        ("closed for faults, per network", faults(&admission), "floods; see protocol.md section 9"),
        ("host names resolved", server.host_resolutions.to_string(), "work for one connection"),
        ("the same, for a network", resolutions(server), "one IPv4 address or IPv6 /64"),
        ("thread stack", bytes(limits::THREAD_STACK), "memory of a connection"),
        (
            "connections at --admin",
            limits::Http::DEFAULT.connections.to_string(),
            "operators; threads",
        ),
        ("memory in all", bytes(budgets.total), "records and connections; the process takes more"),
        ("memory of all records", bytes(budgets.records), "the index; the rest is for connections"),
        ("memory of a /48's records", bytes(budgets.site), "one IPv6 site"),
        ("memory of a network's records", bytes(budgets.network), "one IPv4 address or IPv6 /64"),
        ("memory of a connection's records", bytes(budgets.connection), "one connection"),
        ("memory of a connection", bytes(connection_memory(config)), "its stack and its buffers"),
    ];
    for (limit, value, what) in rows {
        table.add_row([limit.into(), value, what.into()]);
    }
    let mut text =
        format!("{}\n\nconnections are bounded by the least of:\n", table.complete_text());
    for bound in bounds {
        text.push_str(&format!("  {:>9}  {}\n", bound.connections, bound.what));
    }
    text.push_str("\nwithout --max-memory, memory is half of the least of (less where a limit of the process is near):\n");
    for bound in memory {
        text.push_str(&format!("  {:>9} MiB  {}\n", bound.bytes >> 20, bound.kind));
    }
    text.trim_end().into()
}

fn bytes(count: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if count >= 16 * MIB || (count >= MIB && count.is_multiple_of(MIB)) {
        format!("{} MiB", count / MIB)
    } else if count >= 1024 && count.is_multiple_of(1024) {
        format!("{} KiB", count / 1024)
    } else {
        counted(count, "byte")
    }
}

fn per_network(of_network: usize) -> String {
    format!("{of_network}, {} of a /48", of_network.saturating_mul(limits::NETWORKS_PER_SITE))
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

fn keepalive() -> String {
    let (idle, interval) = (seconds(limits::KEEPALIVE_IDLE), seconds(limits::KEEPALIVE_INTERVAL));
    format!("{idle} + {} × {interval}", limits::KEEPALIVE_PROBES)
}

fn faults(admission: &limits::Admission) -> String {
    let (most, sites) = (admission.offences, limits::NETWORKS_PER_SITE as f64);
    format!("{most}, less {} a second; {} of a /48", admission.offences_forgotten, most * sites)
}

fn resolutions(server: &limits::Server) -> String {
    let (most, rate) = (server.network_resolutions, server.network_resolution_rate);
    let sites = limits::NETWORKS_PER_SITE as f64;
    format!("{most}, and {rate} a second; {} of a /48", most * sites)
}

fn read_rate(rate: limits::ReadRate) -> String {
    format!("{} KiB per {}", rate.bytes / 1024, seconds(rate.time))
}
