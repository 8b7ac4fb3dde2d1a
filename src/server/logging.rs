//! Log targets of the index server, and numbers in its messages.

/// Peers that join and leave are logged under this target, at level info.
pub const LOG_SESSIONS: &str = "p2p_ci::sessions";
/// Each request is logged under this target, at level info.
pub const LOG_REQUESTS: &str = "p2p_ci::requests";
/// Requests that violate the protocol are logged under this target, at level warn.
pub const LOG_FAULTS: &str = "p2p_ci::faults";

/// `1 peer`, `2 peers`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
