//! Limits of sending: the minimum read rate, and the sizes of writes (protocol.md section 7).

use std::time::Duration;

/// The minimum read rate: a reader must take this many bytes in this time, or its connection is cut.
/// [`ReadRate::DEFAULT`] is the rate of protocol.md section 7.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ReadRate {
    /// Bytes that the reader must take in `time`.
    pub bytes: u64,
    /// Time in which the reader must take `bytes`.
    pub time: Duration,
}

impl ReadRate {
    /// The rate of protocol.md section 7.
    pub const DEFAULT: Self = Self { bytes: 64 * 1024, time: Duration::from_secs(60) };

    /// Bytes that must be read in this time.
    pub(crate) fn due(&self, time: Duration) -> u64 {
        let due = time.as_millis().saturating_mul(self.bytes.into()) / self.time.as_millis().max(1);
        u64::try_from(due).unwrap_or(u64::MAX)
    }
}

impl Default for ReadRate {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Time of sending between two checks of what the reader has acknowledged.
pub const READ_CHECK: Duration = Duration::from_secs(10);
/// Bytes that a reader may have read although its system acknowledges nothing: a sixteenth of a
/// receive buffer of 3 MiB.
pub const READ_UNSEEN: u64 = 192 * 1024;
/// The largest number of bytes acknowledged between two checks that counts as a small step.
pub const STEADY_STEP: u64 = 32 * 1024;
/// Time after which a blocked sender checks the rate of its reader, its slot, and the waiting uploads.
pub const SEND_CHECK: Duration = Duration::from_secs(1);
/// Bytes of a document that are sent between two such checks: a reader that reads 64 KiB a second, and
/// so never blocks its sender for [`SEND_CHECK`], reads them in 4 s.
pub const SEND_PIECE: u64 = 256 * 1024;
/// Bytes of a chunk of a long list, which is produced and written in chunks. With small chunks the
/// reader drains each before the next arrives, and wakeups dominate; with large chunks other
/// connections wait while a processor copies one.
pub const LIST_PIECE: usize = 56 * 1024;
/// Bytes of the buffer for a chunk and the record that completes it.
pub const LIST_BUFFER: usize = 64 * 1024;
/// Bytes of replies for which a session keeps its buffer while it waits for requests.
pub const SMALL_OUTPUT: usize = 8 * 1024;
/// Larger buffers that are kept for reuse by all sessions, each of at most two chunks of a list.
pub const UNUSED_BUFFERS: usize = 16;
/// Time that sent data may stay unacknowledged, except by readers of long replies, for which there is
/// the [`ReadRate`]. Keepalive does not probe while data is queued.
pub const UNACKNOWLEDGED: Duration = Duration::from_secs(90);
/// Bytes of a reply that the kernel buffers ahead of what is on the wire; of a long upload it
/// buffers what it likes.
pub const UNSENT: u32 = 64 * 1024;
