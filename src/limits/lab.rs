//! Limits of a laboratory (docs/lab.md).

use std::time::Duration;

/// Time in which the store of several index servers must accept connections.
#[cfg(all(feature = "cluster", unix))]
pub(crate) const LAB_STORE_START: Duration = Duration::from_secs(10);
/// Interval of the samples of several index servers.
pub(crate) const LAB_SAMPLE: Duration = Duration::from_millis(50);
/// Samples and lookups that are kept: a laboratory may run for a long time.
pub(crate) const LAB_SAMPLES: usize = 100_000;
/// Interval of the lookups at each of several index servers.
pub(crate) const LAB_LOOKUP: Duration = Duration::from_millis(5);
/// Time for which a record of a peer that has left may be listed: the lease of its server, and what it takes to see
/// its end.
pub(crate) const LAB_STALE: Duration = Duration::from_secs(10);
