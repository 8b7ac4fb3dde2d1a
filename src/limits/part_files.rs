//! Limits of part files and of the journal of downloads (protocol.md section 7).

use std::time::Duration;

/// Part files of one document, each of which has another digest or length.
pub const PART_FILES_OF_DOCUMENT: usize = 4;
/// Unused part files of a directory whose digests the user does not trust.
pub const PART_FILES: usize = 4096;
/// Bytes of these part files on disk.
pub const PARTS_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// The divisor of the free space that limits these bytes, too: an eighth.
pub const PARTS_SHARE: u64 = 8;
/// Age after which a part file that no download needs is deleted.
pub const PART_AGE: Duration = Duration::from_hours(7 * 24);
/// Entries that the journal keeps of one document.
pub const JOURNAL_ENTRIES: usize = 12;
/// Bytes of a journal of downloads above which it is compacted, if less is worth keeping.
pub const JOURNAL_COMPACT_ABOVE: u64 = 4 * 1024 * 1024;
/// The shortest time between two syncs of a journal, and so the longest part of it that a power failure
/// loses. Each sync also waits for the documents that are being written to the same file system.
pub const JOURNAL_SYNC: Duration = Duration::from_secs(1);
/// Bytes that a journal of downloads may have. Half of them are kept when it is compacted.
pub const JOURNAL_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of a part file above which its document is given up when the disk is full, so that the others are
/// downloaded.
pub const YIELDS_SPACE: u64 = 1024 * 1024;
/// Time after which a document is tried again that has found the disk full.
pub const SPACE_RETRY: Duration = Duration::from_secs(1);
/// Free bytes below which part files of trusted digests are deleted when the disk is full.
pub const DISK_FREE: u64 = 1024 * 1024;
