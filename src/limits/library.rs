//! Limits of the shared directory: digests, packed documents, titles, and scans (protocol.md section
//! 7).

use std::time::Duration;

/// When a shared directory is scanned. [`Library::DEFAULT`] has the values of protocol.md section 7.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Library {
    /// A new file is shared after this time without writes.
    pub quiet_time: Duration,
    /// The shortest time between two scans, and the time between two checks whether the path leads to
    /// another directory.
    pub rescan_delay: Duration,
    /// The longest pause between two scans of a directory that changes, unless a scan takes half of it.
    pub scan_pause_max: Duration,
    /// The time after which a directory is scanned although the system has reported no change.
    pub rescan_interval: Duration,
    /// `rescan_interval` of a directory that cannot be watched.
    pub rescan_interval_unwatched: Duration,
}

impl Library {
    /// The values of protocol.md section 7.
    pub const DEFAULT: Self = Self {
        quiet_time: Duration::from_secs(1),
        rescan_delay: Duration::from_secs(1),
        scan_pause_max: Duration::from_secs(3),
        rescan_interval: Duration::from_secs(60),
        rescan_interval_unwatched: Duration::from_secs(5),
    };
}

impl Default for Library {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Bytes of a list of digests that the user trusts.
pub const DIGEST_LIST: u64 = 256 * 1024 * 1024;
/// Digests in the store of the digest cache; each takes about 150 bytes.
pub const DIGESTS: usize = 200_000;
/// Digests of earlier states of files, beyond which a session forgets them.
pub const OLD_DIGESTS: usize = DIGESTS;

/// Unpacked bytes of a packed document.
pub const UNPACKED: u64 = 64 * 1024 * 1024;
/// Packed files that cannot be unpacked, which a session remembers.
pub const UNPACKABLE: usize = 10_000;
/// Bytes of all unpacked copies from which an upload server sends.
pub const UNPACKED_ALL: u64 = 256 * 1024 * 1024;
/// Bytes of unpacked copies that are kept for the next reader.
pub const UNPACKED_UNUSED: u64 = 64 * 1024 * 1024;
/// Unpacked copies that are kept for the next reader; each has a descriptor.
pub const UNPACKED_UNUSED_FILES: usize = 8;
/// Unpacked bytes of a list of titles (`rfc-index.txt`). The list of the RFC Editor has less than 3 MiB.
pub const OFFICIAL_LIST: u64 = UNPACKED;
/// Packed bytes of a list of titles. Reading millions of empty gzip members would take seconds.
pub const OFFICIAL_LIST_PACKED: u64 = 4 * 1024 * 1024;
/// Bytes of an entry of the list. The longest entry of the RFC Editor has 2 KiB.
pub const OFFICIAL_ENTRY: usize = 16 * 1024;
/// Titles of the list that are stored.
pub const OFFICIAL_TITLES: usize = 100_000;
/// The time between two checks that a part file is still in its directory.
pub const PLACE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
