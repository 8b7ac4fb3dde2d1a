//! The headings of options in the help.

/// Options of a peer that shares.
pub(super) const SHARING: &str = "Sharing";
/// Options of a peer that downloads.
pub(super) const DOWNLOADING: &str = "Downloading";
/// Options of connections.
pub(super) const NETWORK: &str = "Network";
/// Options of a server that shares its index with others.
pub(super) const CLUSTER: &str = "Cluster";
/// Options of what is limited.
pub(super) const LIMITS: &str = "Limits";
/// Options of what is printed.
pub(super) const OUTPUT: &str = "Output";
