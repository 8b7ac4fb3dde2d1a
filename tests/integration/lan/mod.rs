//! Discovery on the local network, between two network namespaces that a virtual cable connects: no packet reaches
//! a real network.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

#[cfg(all(feature = "lan", target_os = "linux"))]
mod discovering;
#[cfg(all(feature = "lan", target_os = "linux"))]
mod hostile;
#[cfg(all(feature = "lan", target_os = "linux"))]
mod machines;
#[cfg(all(feature = "lan", target_os = "linux"))]
mod peers;
