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
/// Those at one address.
pub(crate) const LAN_FOUND_PER_ADDRESS: usize = 16;
/// Peers that are asked for lists of their documents.
pub(crate) const LAN_PEERS: usize = 64;
/// Time in which all of them must have sent their lists.
pub(crate) const LAN_LISTS: Duration = Duration::from_secs(10);
/// Time for which a list is used before it is requested again.
pub(crate) const LAN_LIST_AGE: Duration = Duration::from_secs(5);
/// Time for which a peer is not asked again that has sent no list.
pub(crate) const LAN_REST: Duration = Duration::from_secs(30);
/// Bytes of memory that a list takes. What is after them is not read.
pub(crate) const LAN_LIST_BYTES: usize = 16 * 1024 * 1024;
/// Those of all lists: 2.5 MiB each of 64 peers, of which 9,700 RFCs take 2 MiB.
pub(crate) const LAN_ALL_LISTS_BYTES: usize = 160 * 1024 * 1024;
/// Time for the announcement to other programs that this one leaves.
pub(crate) const LAN_GOODBYE: Duration = Duration::from_secs(1);
