//! Limits of downloads (protocol.md section 7).

use std::time::Duration;

/// Time until the head of a holder's reply is complete. Resolving its name and connecting are included.
/// A busy uploader may answer only after [`SLOT_WAIT`](super::SLOT_WAIT).
pub const FIRST_BYTE: Duration = Duration::from_secs(10);
/// The same for a holder that has not delivered anything yet, while others are left to ask.
pub const FIRST_BYTE_UNPROVEN: Duration = Duration::from_secs(2);
/// Bytes of a document that such a holder must have delivered before no other is asked in parallel,
/// and before its connection no longer counts among the [`TRIALS`].
pub const BEGINNING: u64 = 16 * 1024;
/// The same for the other holders of a document of which one began and then stopped or was slow: eight
/// times as much after each, up to this.
pub const BEGINNING_MOST: u64 = 1024 * 1024;
/// Bytes a second that a beginning must have in each [`FIRST_BYTE_UNPROVEN`] while others are left to
/// ask. After one that stopped or was slow it is [`SLOW_RATE`].
pub const BEGINNING_RATE: u64 = 4 * 1024;
/// Time after which the next holder is asked in parallel.
pub const HOLDER_STAGGER: Duration = Duration::from_secs(1);
/// Holders that are asked in parallel for one document.
pub const HOLDERS_ASKED: usize = 8;
/// Connections to holders that have not delivered anything yet, in all downloads together, until
/// [`BEGINNING`] bytes of a document have come.
pub const TRIALS: usize = 8;
/// Of these, those to holders that were given up early and are asked again: the rest is for holders
/// that were never tried.
pub const LATE_TRIALS: usize = 6;
/// Time for which all downloads ask a holder last that did not answer in time.
pub const SILENT: Duration = Duration::from_secs(60);
/// A download must bring [`RATE_BYTES`] in this time.
pub const RATE_TIME: Duration = Duration::from_secs(30);
/// See [`RATE_TIME`]: 1 KiB a second.
pub const RATE_BYTES: u64 = 30 * 1024;
/// Bytes of a document that a peer accepts without having been told its length.
pub const DOCUMENT: u64 = 1024 * 1024 * 1024;
/// Bytes of a document that a peer accepts.
pub const LARGEST_DOCUMENT: u64 = 64 * 1024 * 1024 * 1024;
/// A document of more bytes is fetched in segments.
pub const SEGMENTED: u64 = 8 * 1024 * 1024;
/// Holders from which the segments of one document are downloaded concurrently.
pub const SEGMENTS_AT_ONCE: usize = 8;
/// Time after which a holder that is below [`RATE_BYTES`] in proportion is left for another one.
pub const RATE_TIME_OF_ONE: Duration = Duration::from_secs(5);
/// Documents that are downloaded concurrently, where there are enough descriptors.
pub const DOWNLOADS_AT_ONCE: usize = 8;
/// Workers of these that slow documents may not occupy while other documents were never tried.
pub const RESERVED_WORKERS: usize = 2;
/// Bytes a second below which a download is slow. A document's time budget is its length divided by this
/// rate.
pub const SLOW_RATE: u64 = 16 * 1024;
/// Time after which the rate of a download is compared with [`SLOW_RATE`].
pub const SLOW_AFTER: Duration = Duration::from_secs(10);
/// The shortest time budget of a document. Beyond its budget it yields its worker to documents that wait.
pub const DOCUMENT_TIME: Duration = Duration::from_mins(2);
/// Time for which a download waits while another process downloads the same document.
pub const IN_USE: Duration = Duration::from_hours(1);
/// Interval at which it checks whether the other process has finished.
pub const IN_USE_PAUSE: Duration = Duration::from_millis(500);
/// Pipelined requests on a connection that its holder keeps open.
pub const ASKED_AHEAD: usize = 8;
/// Downloads that are synced to disk together, at most.
pub const BATCH: usize = 64;
/// The size of a batch from which on the whole file system is synced instead of each file. That waits for
/// the unwritten data of all programs, so fewer files are synced one by one.
pub const SYNC_TOGETHER: usize = 16;
/// Time for which a complete download waits for others.
pub const BATCH_TIME: Duration = Duration::from_millis(100);
/// Attempts at a document or a holder without success.
pub const TRIES: u32 = 3;
/// First pause before a holder that failed is asked again; it doubles up to [`ASK_AGAIN_MAX`].
pub const ASK_AGAIN: Duration = Duration::from_secs(3);
/// See [`ASK_AGAIN`].
pub const ASK_AGAIN_MAX: Duration = Duration::from_secs(60);
/// First pause before the index is asked again for a document without holders; it doubles up to
/// [`NOBODY_HAS_IT_MAX`].
pub const NOBODY_HAS_IT: Duration = Duration::from_mins(1);
/// See [`NOBODY_HAS_IT`].
pub const NOBODY_HAS_IT_MAX: Duration = Duration::from_hours(1);
/// Peers whose statistics are kept.
pub const NEIGHBOURS: usize = 10_000;
