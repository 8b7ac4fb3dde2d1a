//! One download of this process, as `status` and the status page show it: while it runs, and when it has ended.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime};

use crate::cli::progress::{RecentRate, time_left};
use crate::error_chain::error_chain;
use crate::library::Saved;
use crate::peer::{Cancel, CompletedDownload, DownloadProgress, Received};
use crate::protocol::{Document, Endpoint};

/// A download that runs.
#[derive(Clone, Debug)]
pub(in crate::cli) struct RunningDownload {
    pub(in crate::cli) document: Document,
    pub(in crate::cli) state: DownloadState,
    /// The bytes that are here.
    pub(in crate::cli) bytes: u64,
    /// The length that a holder has announced.
    pub(in crate::cli) length: Option<u64>,
    /// `None` while the rate is unknown.
    pub(in crate::cli) bytes_per_second: Option<u64>,
    pub(in crate::cli) time_left: Option<Duration>,
    /// The holders that deliver it now.
    pub(in crate::cli) holders: Vec<Endpoint>,
}

/// What a download does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum DownloadState {
    /// It waits for its turn, or for the reply of a holder.
    Waiting,
    Receiving,
    /// It is tried again at this time, after this failure.
    Retrying(SystemTime, String),
    /// It was cancelled, and ends soon.
    Cancelled,
}

/// A download that has ended.
#[derive(Clone, Debug)]
pub(in crate::cli) struct EndedDownload {
    pub(in crate::cli) document: Document,
    pub(in crate::cli) time: SystemTime,
    pub(in crate::cli) result: DownloadResult,
}

/// How a download has ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum DownloadResult {
    /// The document is here, and has this length.
    Complete(u64),
    /// The document was here already.
    Present,
    /// It was not downloaded, for this reason.
    Failed(String),
    Cancelled,
}

/// How a download ended for which a command waits.
pub(in crate::cli) enum Finish {
    Fetched(Box<CompletedDownload>, Saved),
    GivenUp,
}

/// An entry of the register.
pub(super) struct One {
    /// The commands that wait for the end.
    pub(super) waiting: Vec<Sender<Finish>>,
    pub(super) cancel: Cancel,
    received: Received,
    /// With the bytes that had been here before.
    rate: Option<(RecentRate, u64)>,
    retrying: Option<(SystemTime, String)>,
}

impl One {
    /// A download that has received nothing, and that this handle cancels.
    pub(super) fn new(cancel: Cancel) -> Self {
        let received = Received::default();
        Self { waiting: Vec::new(), cancel, received, rate: None, retrying: None }
    }

    /// Updates what is here.
    pub(super) fn receive(&mut self, received: Received, now: Instant) {
        let (rate, before) =
            self.rate.get_or_insert_with(|| (RecentRate::new(now), received.bytes));
        // Another holder may have to begin again.
        *before = (*before).min(received.bytes);
        rate.at(now, received.bytes.saturating_sub(*before));
        (self.received, self.retrying) = (received, None);
    }

    /// Notes that the download is tried again after this pause.
    pub(super) fn retry(&mut self, pause: Duration, reason: String) {
        let due = SystemTime::now().checked_add(pause).unwrap_or_else(SystemTime::now);
        (self.rate, self.retrying) = (None, Some((due, reason)));
        self.received.holders.clear();
    }

    /// Follows an event of the download, and returns the number of bytes that have arrived.
    pub(super) fn follow(&mut self, event: &DownloadProgress<'_>, now: Instant) -> u64 {
        // The first report of a transfer has the bytes that were here before.
        let before = self.rate.as_ref().map(|_| self.received.bytes);
        let mut received = self.received.clone();
        received.follow(event);
        match event {
            DownloadProgress::Bytes(bytes, _) => {
                self.receive(received, now);
                before.map_or(0, |before| bytes.saturating_sub(before))
            }
            DownloadProgress::Retrying(error, pause) => {
                self.retry(*pause, error_chain(error));
                0
            }
            DownloadProgress::Asking(_)
            | DownloadProgress::Receiving(_)
            | DownloadProgress::Failed(..) => {
                self.received = received;
                0
            }
        }
    }

    /// Whether bytes have arrived in the present attempt.
    pub(super) fn has_begun(&self) -> bool {
        self.rate.is_some()
    }

    pub(super) fn show(&mut self, document: &Document, now: Instant) -> RunningDownload {
        let Received { bytes, length, holders } = self.received.clone();
        let rate = self.rate.as_mut();
        let bytes_per_second =
            rate.and_then(|(rate, before)| rate.at(now, bytes.saturating_sub(*before)));
        let state = match &self.retrying {
            _ if self.cancel.is_cancelled() => DownloadState::Cancelled,
            Some((due, reason)) => DownloadState::Retrying(*due, reason.clone()),
            None if self.rate.is_some() => DownloadState::Receiving,
            None => DownloadState::Waiting,
        };
        let left = length.map(|length| length.saturating_sub(bytes));
        let time_left = left.and_then(|left| time_left(left, bytes_per_second));
        let document = document.clone();
        RunningDownload { document, state, bytes, length, bytes_per_second, time_left, holders }
    }
}
