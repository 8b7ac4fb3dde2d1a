//! Limits of discovery on the local network.

use std::time::Duration;

/// Time for which a command searches the local network for programs: a program replies within half a second,
/// and a lost packet is asked for once more after one second.
pub(crate) const LAN_SEARCH: Duration = Duration::from_millis(2500);
/// Programs on the local network that are considered: any machine there can announce as many as it likes.
pub(crate) const LAN_FOUND: usize = 256;
/// Bytes of the name of a program on the local network: the longest label of DNS.
pub(crate) const LAN_NAME: usize = 63;
/// Addresses of one program on the local network that are considered.
pub(crate) const LAN_ADDRESSES: usize = 16;
/// Time for the announcement to other programs that this one leaves.
pub(crate) const LAN_GOODBYE: Duration = Duration::from_secs(1);
