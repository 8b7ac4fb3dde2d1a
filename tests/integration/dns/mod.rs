//! Index servers that DNS names, in a network namespace with a name server and a `/etc/resolv.conf` of the test
//! (docs/cluster.md).

#![cfg(all(feature = "cluster", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test may panic"
)]

mod name_server;
mod peers;
