//! The version of the protocol, and how a status line begins with it (protocol.md sections 2.8 and 4.9).

/// The version that a writer puts into each request line and status line (protocol.md section 2.8).
pub const VERSION: &str = "P2P-CI/1.0";

/// The beginnings of a status line. Other programs write the second one.
const BEGINNINGS: [&str; 2] = ["P2P-CI/", "P2PCI/"];

/// Returns the position of the status line within a line that begins with something else.
pub(in crate::protocol) fn find_status_line(line: &str) -> Option<usize> {
    BEGINNINGS.iter().find_map(|beginning| line.find(beginning))
}

/// Returns whether a line can only be a status line: no record and no header begins like this.
pub(crate) fn starts_status_line(line: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning.as_bytes()))
}

/// Returns whether a line may begin with these bytes and be a status line: more of them are needed.
pub(in crate::protocol) fn may_start_status_line(line: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| beginning.as_bytes().starts_with(line))
}
