//! Limits of looking up the index servers of a name in DNS.

use std::time::Duration;

/// Time in which the name servers must have replied, all of them together. A peer starts that much later if they do
/// not reply, and then uses the addresses of the name.
pub(crate) const DNS_LOOKUP: Duration = Duration::from_millis(1000);
/// Name servers that are asked, as many as the C library asks.
pub(crate) const DNS_SERVERS: usize = 3;
/// Bytes of a reply by UDP: without an extension of DNS it has at most 512.
pub(crate) const DNS_DATAGRAM: usize = 4096;
/// Bytes of the file that names the name servers. What is after them is not read.
pub(crate) const DNS_CONFIGURATION: u64 = 64 * 1024;
/// Names that are followed from an alias to the next one.
pub(crate) const DNS_ALIASES: usize = 8;
