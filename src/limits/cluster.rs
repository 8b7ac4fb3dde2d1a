//! Limits of the shared index of several servers (docs/cluster.md).

use std::time::Duration;

/// Time for which a server counts as alive after its last write to the store. Records of a server
/// whose lease has expired are removed.
pub(crate) const LEASE: Duration = Duration::from_millis(5000);
/// Time between two renewals of a lease that is not renewed by a change.
pub(crate) const LEASE_RENEWAL: Duration = Duration::from_millis(1600);
/// Interval at which a server reads the leases of the other servers.
pub(crate) const LEASE_WATCH: Duration = Duration::from_millis(500);
/// Time for connecting to the store, and for each reply of it.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_millis(2000);
/// How often a call of the store is repeated that the system has interrupted.
pub(crate) const STORE_REPEATS: usize = 8;
/// Time until a change that was written must have been read back.
pub(crate) const STORE_ECHO: Duration = Duration::from_millis(3000);
/// Time between two attempts to reach the store.
pub(crate) const STORE_RETRY: Duration = Duration::from_millis(250);
/// Time for which the store holds a read that has nothing to return, in milliseconds.
pub(crate) const STORE_BLOCK: u64 = 250;
/// Changes that are written together, if no session submits more.
pub(crate) const STORE_BATCH: usize = 1024;
/// Batches that are read together.
pub(crate) const STORE_READ: usize = 64;
/// Batches that the stream keeps: a reader that is further behind reads all records.
pub(crate) const STORE_STREAM: usize = 10_000;
/// Elements of a set or a hash that are read together.
pub(crate) const STORE_SCAN: usize = 1000;
/// Connections of a server without a lease whose records are removed together.
pub(crate) const STORE_CLEANED: usize = 64;
/// Time for which a server that starts waits for the records of the others before it serves.
pub(crate) const CLUSTER_FIRST_READ: Duration = Duration::from_secs(30);
/// Pipelined additions of a session that are written together.
pub(crate) const CLUSTER_ADDITIONS: usize = 256;
/// Time between two lines of the log about records for which there is no room.
pub(crate) const CLUSTER_LOG: Duration = Duration::from_secs(60);
