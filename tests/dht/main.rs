//! The distributed hash table (docs/dht.md), with real nodes on loopback addresses.

#![cfg(all(feature = "dht", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod churn;
#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod namespace;
mod network;
mod nodes;
mod programs;
