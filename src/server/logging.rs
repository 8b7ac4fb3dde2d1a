//! Log targets of the index server.

/// Peers that join and leave are logged under this target, at level info.
pub const LOG_SESSIONS: &str = "p2p_ci::sessions";
/// Each request is logged under this target, at level info.
pub const LOG_REQUESTS: &str = "p2p_ci::requests";
/// Requests that violate the protocol are logged under this target, at level warn.
pub const LOG_FAULTS: &str = "p2p_ci::faults";
