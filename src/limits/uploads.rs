//! Limits of an upload server (protocol.md sections 5 and 7).

use std::num::NonZeroUsize;
use std::time::Duration;

/// Concurrent uploads.
pub const UPLOADS: usize = 64;
/// Least file descriptors of a peer: with fewer it cannot register, or save a document.
pub const PEER_FILES_LEAST: usize = 20;
/// File descriptors of a peer that are no upload's.
pub const PEER_FILES: usize = 40;
/// File descriptors that an upload takes: its connection, its document, and a copy of that if it has
/// to be unpacked.
pub const FILES_PER_UPLOAD: usize = 3;
/// Uploads where there are hardly any descriptors. When there are none left, readers get 503.
pub const LEAST_UPLOADS: usize = 4;
/// Connections for uploads from one network, unless `--uploads-per-address` sets another number; loopback
/// is exempt.
pub const UPLOADS_PER_ADDRESS: usize = 8;

/// Time for which an upload server waits for the next request of a connection that it keeps open.
pub const KEPT_OPEN: Duration = Duration::from_secs(5);

/// Concurrent uploads of large documents, unless `--upload-slots` sets another number.
pub const UPLOAD_SLOTS: NonZeroUsize = NonZeroUsize::new(16).expect("it is not zero");
/// Time for which an upload waits for a slot. It is less than [`first_byte`](super::Downloads::first_byte), so
/// that the downloader receives the refusal.
pub const SLOT_WAIT: Duration = Duration::from_secs(8);

/// Bytes that an upload outside the slots sends in [`SEND_CHECK`](super::SEND_CHECK): the minimum rate
/// of [`PROGRESS_BYTES`](super::PROGRESS_BYTES) in [`PROGRESS_TIME`](super::PROGRESS_TIME), and a
/// little more, so that its reader sees no less than that.
pub const OUTSIDE_PIECE: u64 = 1280;
/// Uploads that have given up their slots and continue outside, for networks without an upload; for
/// others half as many.
pub const OUTSIDE: usize = 32;
/// Time over which the rate of an upload in a slot is measured: what a receive buffer takes first is over
/// before another upload has waited for [`SLOT_WAIT`]. One whose reader takes less than
/// [`SLOW_READER`] gives up its slot for an upload of a network that has fewer.
pub const SLOT_TIME: Duration = Duration::from_secs(3);
/// Bytes a second below which the reader of an upload in a slot is slow.
pub const SLOW_READER: u64 = super::Downloads::DEFAULT.slow_rate;
/// Bytes that are sent and not acknowledged where the reader lets its sender wait. With fewer, the
/// sender's own rate limit is what keeps the rate down.
pub const SLOW_BACKLOG: u64 = 32 * 1024;
/// Time after which an upload that waits checks whether its connection was closed for another one.
pub const SLOT_LOOK: Duration = Duration::from_millis(50);
/// Time between two comparisons of the rates of uploads in slots while others wait.
pub const RATES_CHECK: Duration = Duration::from_millis(250);
/// Of this many places for uploads, those that may be in use before only networks without an upload
/// may begin another: three quarters.
pub const fn crowd(places: usize) -> usize {
    places - places / 4
}
/// Age from which the rate of an upload is compared with others.
pub const RATE_KNOWN: Duration = Duration::from_secs(2);

/// Time within which a reader must read some bytes of a document that is handed over; otherwise another
/// reader may get it. It is also the time for the last bytes to be acknowledged.
pub const HAND_OVER_STALL: Duration = Duration::from_secs(2);
/// Time after which the sender of such a document checks what its reader has read.
pub const HAND_OVER_CHECK: Duration = Duration::from_millis(250);
