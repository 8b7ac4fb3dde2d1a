//! The distributed hash table (docs/dht.md), with real nodes on loopback addresses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[cfg(all(feature = "dht", target_os = "linux"))]
mod churn;
#[cfg(all(feature = "dht", target_os = "linux"))]
mod commands;
#[cfg(all(feature = "dht", target_os = "linux"))]
#[cfg(all(feature = "dht", target_os = "linux"))]
mod hostile;
#[cfg(all(feature = "dht", target_os = "linux"))]
mod network;
#[cfg(all(feature = "dht", target_os = "linux"))]
mod nodes;
#[cfg(all(feature = "dht", target_os = "linux"))]
mod poisoned;
#[cfg(all(feature = "dht", target_os = "linux"))]
mod programs;
#[cfg(all(feature = "dht", target_os = "linux"))]
mod titles;
