//! Limits of an upload server (protocol.md sections 5 and 7).

use std::num::NonZeroUsize;
use std::time::Duration;

use super::{Admission, ReadRate, SEND_CHECK};

/// The limits of an upload server. [`Uploads::DEFAULT`] has the values of protocol.md section 7.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Uploads {
    /// Concurrent uploads, where there are enough descriptors.
    pub uploads: usize,
    /// Which connections are admitted.
    pub admission: Admission,
    /// Time for the first request of a connection to arrive, and for a later one from its first byte.
    pub head_deadline: Duration,
    /// Time for which the server waits for the next request of a connection that it keeps open.
    pub kept_open: Duration,
    /// How fast a reader must be.
    pub read_rate: ReadRate,
    /// Time for which an upload waits for a slot. It is less than
    /// [`first_byte`](super::Downloads::first_byte), so that the downloader receives the refusal.
    pub slot_wait: Duration,
    /// Bytes of a document whose unknown digest is computed before the reply.
    pub digest_at_once: u64,
    /// Time within which a reader must read some bytes of a document that is handed over; otherwise
    /// another reader may get it. It is also the time for the last bytes to be acknowledged.
    pub hand_over_stall: Duration,
    /// Time after which the end of a document that is handed over counts as lost, unless more of it is
    /// acknowledged.
    pub hand_over_end: Duration,
    /// Time for uploads to finish when the server stops.
    pub grace: Duration,
}

impl Uploads {
    /// The values of protocol.md section 7.
    pub const DEFAULT: Self = Self {
        uploads: 64,
        admission: Admission::of_network(8),
        head_deadline: Duration::from_secs(20),
        kept_open: Duration::from_secs(5),
        read_rate: ReadRate::DEFAULT,
        slot_wait: Duration::from_secs(8),
        digest_at_once: 16 * 1024 * 1024,
        hand_over_stall: Duration::from_secs(2),
        hand_over_end: Duration::from_secs(20),
        grace: Duration::from_secs(5),
    };
}

impl Uploads {
    /// Bytes that an upload outside the slots sends in [`SEND_CHECK`]: the minimum read rate, and a little
    /// more, so that its reader sees no less than that.
    pub(crate) fn outside_piece(&self) -> u64 {
        (self.read_rate.due(SEND_CHECK * 75) / 64).max(1)
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Least file descriptors of a peer: with fewer it cannot register, or save a document.
pub const PEER_FILES_LEAST: usize = 20;
/// File descriptors of a peer that are no upload's.
pub const PEER_FILES: usize = 40;
/// File descriptors that an upload takes: its connection, its document, and a copy of that if it has
/// to be unpacked.
pub const FILES_PER_UPLOAD: usize = 3;
/// Uploads where there are hardly any descriptors. When there are none left, readers get 503.
pub const LEAST_UPLOADS: usize = 4;

/// Concurrent uploads of large documents, unless `--upload-slots` sets another number.
pub const UPLOAD_SLOTS: NonZeroUsize = NonZeroUsize::new(16).expect("it is not zero");

/// Uploads that have given up their slots and continue outside, before a network that has an upload gets
/// only free slots. For networks without an upload the places are the only limit: otherwise slow readers
/// of 48 networks could keep them waiting for hours.
pub const OUTSIDE: usize = 16;
/// Time over which the rate of an upload in a slot is measured: what a receive buffer takes first is over
/// before another upload has waited for [`slot_wait`](Uploads::slot_wait). One whose reader takes less than
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

/// Documents whose records an upload server writes while it holds the lock of the library once.
pub const UPLOAD_LIST_ROWS: usize = 1024;

/// Time after which the sender of such a document checks what its reader has read.
pub const HAND_OVER_CHECK: Duration = Duration::from_millis(250);
/// Time between the head of a reply and the document, for programs without extensions in compatibility mode
/// (protocol.md appendix B.6).
pub const COMPAT_HEAD_PAUSE: Duration = Duration::from_millis(80);
