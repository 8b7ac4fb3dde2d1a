//! Limits of downloads (protocol.md section 7).

use std::time::Duration;

use super::Connecting;

/// The limits of downloads. [`Downloads::DEFAULT`] has the values of protocol.md section 7.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Downloads {
    /// How holders are connected to.
    pub connecting: Connecting,
    /// Time until the head of a holder's reply is complete. Resolving its name and connecting are
    /// included. A busy uploader may answer only after [`slot_wait`](super::Uploads::slot_wait).
    pub first_byte: Duration,
    /// `first_byte` of a holder that has not delivered anything yet, while others are left to ask.
    pub first_byte_unproven: Duration,
    /// `first_byte` of a holder that has not understood another form of the request.
    pub first_byte_of_form: Duration,
    /// Bytes of a document that a holder that has not delivered anything yet must have delivered before
    /// no other is asked in parallel, and before its connection no longer counts among the `trials`.
    pub beginning: u64,
    /// The most that `beginning` becomes: after each holder of a document that began and then stopped or
    /// was slow, the other holders must have delivered eight times as much.
    pub beginning_max: u64,
    /// Bytes a second that a beginning must have in each `first_byte_unproven` while others are left
    /// to ask. After one that stopped or was slow it is `slow_rate`.
    pub beginning_rate: u64,
    /// Time after which the next holder is asked in parallel.
    pub holder_stagger: Duration,
    /// Holders that are asked in parallel for one document.
    pub holders_asked: usize,
    /// Connections to holders that have not delivered anything yet, in all downloads together, until
    /// `beginning` bytes of a document have come.
    pub trials: usize,
    /// Those of the `trials` that may be connections to holders that were given up early and are asked
    /// again. The others are for holders that were never tried.
    pub late_trials: usize,
    /// Concurrent lookups of names of holders that have not delivered anything yet. They count among
    /// the `trials`, and leave room for holders whose addresses are known.
    pub name_trials: usize,
    /// Time after which a lookup of a name counts as slow.
    pub lookup_slow: Duration,
    /// Slow lookups without an address, since the last one that found an address, after which no
    /// holder's name is looked up for `lookup_pause`.
    pub lookups_unanswered: u32,
    /// Time for which a slow lookup is remembered.
    pub lookup_pause: Duration,
    /// Time for which all downloads ask a holder last that did not answer in time.
    pub silent: Duration,
    /// Time in which `beginning_rate` must be reached while other holders are left to ask: a document
    /// that has begun and then stops is resumed from another one.
    pub stopped_after: Duration,
    /// Whole documents that a holder must deliver to be proven again, after it began one and stopped. A
    /// proven holder that stops once in this number of documents owes one.
    pub proven_again: u32,
    /// Attempts at a document or a holder without success.
    pub tries: u32,
    /// First pause before a holder that failed is asked again; it doubles up to `retry_max`.
    pub retry: Duration,
    /// The longest pause before a holder that failed is asked again.
    pub retry_max: Duration,
    /// Bytes a second that a download must bring, on average over `min_rate_time`.
    pub min_rate: u64,
    /// Time over which `min_rate` is measured.
    pub min_rate_time: Duration,
    /// `min_rate_time` while other holders are left to ask.
    pub min_rate_time_with_others: Duration,
    /// Bytes a second below which a download is slow. A document's time budget is its length divided
    /// by this rate.
    pub slow_rate: u64,
    /// Announced bytes that count for the time budget of a document while no holder of it is proven.
    pub budget_unproven: u64,
    /// Time after which the rate of a download is compared with `slow_rate`.
    pub slow_after: Duration,
    /// The shortest time budget of a document. Beyond its budget it yields its worker to documents
    /// that wait.
    pub document_time: Duration,
    /// Time after which a document of which nothing has come, from several holders that have not
    /// delivered anything yet, yields its worker to documents that were never tried.
    pub fruitless_after: Duration,
    /// The shortest turn of a download at a worker while holders wait that have used much less time; twice
    /// as much at `rate_with_others`. Turns are halved after each one that brings no document.
    pub least_turn: Duration,
    /// Time after which a download from a proven holder counts as long. Another one counts as long after
    /// `slow_after`.
    pub long_after: Duration,
    /// Workers that long downloads may not occupy while other documents were never tried.
    pub reserved_workers: usize,
    /// Bytes a second that a document must have, at most, from a holder that has not delivered anything
    /// yet, while other holders are left to ask: it should be complete in `slow_after`.
    pub rate_with_others: u64,
    /// The shortest time in which such a holder must reach a rate. The time is halved after each one that
    /// began a document and did not complete it.
    pub least_patience: Duration,
    /// Time for which a download waits while another process downloads the same document.
    pub in_use: Duration,
    /// First pause before the index is asked again for a document without holders; it doubles up to
    /// `no_holders_max`.
    pub no_holders: Duration,
    /// The longest pause before the index is asked again for a document without holders.
    pub no_holders_max: Duration,
    /// Bytes of a document that a peer accepts.
    pub document_length: u64,
    /// Bytes of a document that a peer accepts without having been told its length.
    pub unannounced_length: u64,
    /// A document of more bytes is fetched in segments.
    pub segmented: u64,
}

impl Downloads {
    /// The values of protocol.md section 7.
    pub const DEFAULT: Self = Self {
        connecting: Connecting::DEFAULT,
        first_byte: Duration::from_secs(10),
        first_byte_unproven: Duration::from_secs(2),
        first_byte_of_form: Duration::from_secs(2),
        beginning: 16 * 1024,
        beginning_max: 1024 * 1024,
        beginning_rate: 4 * 1024,
        holder_stagger: Duration::from_secs(1),
        holders_asked: 8,
        trials: 8,
        late_trials: 6,
        name_trials: 4,
        lookup_slow: Duration::from_secs(1),
        lookups_unanswered: 32,
        lookup_pause: Duration::from_secs(60),
        silent: Duration::from_secs(60),
        stopped_after: Duration::from_secs(2),
        proven_again: 8,
        tries: 3,
        retry: Duration::from_secs(3),
        retry_max: Duration::from_secs(60),
        min_rate: 1024,
        min_rate_time: Duration::from_secs(30),
        min_rate_time_with_others: Duration::from_secs(5),
        slow_rate: 16 * 1024,
        budget_unproven: 16 * 1024 * 1024,
        slow_after: Duration::from_secs(10),
        document_time: Duration::from_mins(2),
        fruitless_after: Duration::from_secs(3),
        least_turn: Duration::from_millis(250),
        long_after: Duration::from_secs(60),
        reserved_workers: 2,
        rate_with_others: 64 * 1024,
        least_patience: Duration::from_millis(250),
        in_use: Duration::from_hours(1),
        no_holders: Duration::from_mins(1),
        no_holders_max: Duration::from_hours(1),
        document_length: 64 * 1024 * 1024 * 1024,
        unannounced_length: 1024 * 1024 * 1024,
        segmented: 8 * 1024 * 1024,
    };
}

impl Downloads {
    /// A time that is halved after each of several holders that did not deliver in time, down to
    /// `least_patience`.
    pub(crate) fn halved(&self, time: Duration, times: u32) -> Duration {
        let divisor = 1u32.checked_shl(times.min(16)).unwrap_or(1);
        (time / divisor).max(self.least_patience).min(time)
    }

    /// The same for holders of segments, of which a few are asked at a time: down to twice that.
    pub(crate) fn halved_for_segment(&self, time: Duration, times: u32) -> Duration {
        self.halved(time, times).max(self.least_patience.saturating_mul(2)).min(time)
    }
}

impl Default for Downloads {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The bytes that a rate brings in this time.
pub(crate) fn bytes_in(bytes_per_second: u64, time: Duration) -> u64 {
    let bytes = u128::from(bytes_per_second).saturating_mul(time.as_millis()) / 1000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Bytes after a document of another program that are read.
pub const SURPLUS: usize = 64 * 1024;
/// Time for which they are awaited.
pub const SURPLUS_TIME: Duration = Duration::from_millis(200);
/// Time without a byte after which the client ends its half of a connection whose end would complete the
/// document, and time for which the bytes are awaited that decide where a document begins.
pub const DOCUMENT_SILENCE: Duration = Duration::from_secs(2);
/// Holders from which the segments of one document are downloaded concurrently.
pub const SEGMENTS_AT_ONCE: usize = 8;
/// Documents that are downloaded concurrently, where there are enough descriptors.
pub const DOWNLOADS_AT_ONCE: usize = 8;
/// Interval at which a download checks whether another process has finished the same document.
pub const IN_USE_PAUSE: Duration = Duration::from_millis(500);
/// Time without a byte after which a process that downloads a document counts as stopped: others do not
/// wait for it.
pub const IN_USE_SILENCE: Duration = Duration::from_mins(2);
/// Pipelined requests on a connection that its holder keeps open.
pub const ASKED_AHEAD: usize = 8;
/// Downloads that are synced to disk together, at most.
pub const BATCH: usize = 64;
/// The size of a batch from which on the whole file system is synced instead of each file. That waits for
/// the unwritten data of all programs, so fewer files are synced one by one.
pub const SYNC_TOGETHER: usize = 16;
/// Time for which a complete download waits for others.
pub const BATCH_TIME: Duration = Duration::from_millis(100);
/// Time for which a name in the shared directory counts as free after nothing was found there. A file that
/// another program saves meanwhile is never replaced: the document was only downloaded twice.
pub const NAMES_KEPT: Duration = Duration::from_secs(1);
/// Downloads that were requested on the status page and run at the same time: each has a thread, and a worker.
pub const BACKGROUND_DOWNLOADS: usize = 4;
/// Downloads that were requested on the status page and wait for others.
pub const REQUESTED_DOWNLOADS: usize = 1000;
/// Downloads that have ended and are still shown.
pub const ENDED_DOWNLOADS: usize = 50;
/// Peers whose statistics are kept.
pub const PEERS_KNOWN: usize = 10_000;
