//! The bytes that the processes of this network namespace have sent.

use std::{fs, io};

/// The bytes of all IP packets that were sent, with their IP and UDP headers. Every packet of a namespace with a loopback
/// interface alone is sent and received once in it.
pub(super) fn sent() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/net/netstat")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("IpExt: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let at = names.split(' ').position(|name| name == "OutOctets");
    let value = at.and_then(|at| values.split(' ').nth(at)?.parse().ok());
    value.ok_or_else(|| io::Error::other("expected IpExt OutOctets in /proc/self/net/netstat"))
}
