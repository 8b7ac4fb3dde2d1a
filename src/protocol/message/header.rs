//! The headers of requests, and their names (protocol.md section 2.9).

use crate::protocol::grammar::keep_alive;

/// A header that has a meaning in requests, and therefore may occur only once.
#[derive(Clone, Copy)]
pub(super) enum Header {
    Host,
    Port,
    Title,
    Os,
    Limit,
    WantDigest,
    Range,
    WantAttributes,
    WantCluster,
    Digest,
    Length,
    Connection,
}

/// The names of each [`Header`], in their order.
pub(super) const NAMES: [&str; 12] = [
    "Host",
    "Port",
    "Title",
    "OS",
    "Limit",
    "Want-Digest",
    "Range",
    "Want-Attributes",
    "Want-Cluster",
    "Digest",
    "Length",
    keep_alive::NAME,
];
