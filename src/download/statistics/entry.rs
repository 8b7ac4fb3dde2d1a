//! The statistics of one peer, and their effect on the order of holders (protocol.md section 7).

use std::time::{Duration, Instant};

use super::stops::Stops;
use super::store::Stored;
use crate::download::backoff::Readiness;
use crate::download::model::GetForm;

/// The round trip and the rate that are assumed for a holder that was never asked.
const ROUND_TRIP: Duration = Duration::from_millis(50);
const BYTES_PER_SECOND: u64 = 1024 * 1024;

/// Round trips within one step count as equal.
const STEP: Duration = Duration::from_millis(1);

/// The statistics of one peer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PeerEntry {
    pub(super) round_trip: Option<Duration>,
    pub(super) bytes_per_second: Option<u64>,
    /// The form of requests that it understands, if it refuses extensions.
    pub(super) form: Option<GetForm>,
    /// The number of documents for which other forms were tried.
    pub(super) forms_tried: usize,
    /// Whether it has ever replied in this protocol.
    pub(super) has_answered: bool,
    /// Whether it has delivered a document, and has not failed several times since.
    pub(super) is_proven: bool,
    pub(super) stops: Stops,
    /// Until when others are asked before it, because it did not answer soon.
    pub(super) silent_until: Option<Instant>,
    /// Downloads from it at this moment.
    pub(super) busy: u32,
    pub(super) failures: u32,
    pub(super) backed_off_until: Option<Instant>,
}

impl From<Stored> for PeerEntry {
    fn from(stored: Stored) -> Self {
        let Stored { round_trip, bytes_per_second, is_proven } = stored;
        let has_answered = is_proven || bytes_per_second.is_some();
        let round_trip = Some(round_trip);
        Self { round_trip, bytes_per_second, has_answered, is_proven, ..Self::default() }
    }
}

impl PeerEntry {
    /// The values that are stored, if there are any.
    pub(super) fn stored(&self) -> Option<Stored> {
        let Self { round_trip, bytes_per_second, is_proven, .. } = *self;
        Some(Stored { round_trip: round_trip?, bytes_per_second, is_proven })
    }

    pub(super) fn readiness(&self, now: Instant, tries: u32) -> Readiness {
        match self.backed_off_until.and_then(|until| until.checked_duration_since(now)) {
            Some(left) if left.is_zero() => Readiness::Ready,
            Some(_) if !self.has_answered || self.failures >= tries => Readiness::GivenUp,
            Some(left) => Readiness::BackedOff(left),
            None => Readiness::Ready,
        }
    }

    /// The time that a download of this length should take, concurrently with the others from this
    /// peer.
    pub(super) fn expected_time(&self, length: u64) -> Duration {
        let rate = self.bytes_per_second.unwrap_or(BYTES_PER_SECOND).max(1);
        let nanos = u128::from(length).saturating_mul(1_000_000_000) / u128::from(rate);
        let transfer = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        // Smaller differences are random; then the order of the index decides.
        let steps = self.round_trip.unwrap_or(ROUND_TRIP).as_micros() / STEP.as_micros();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX).saturating_add(1);
        let round_trip = STEP.saturating_mul(steps);
        let alone = round_trip.saturating_mul(2).saturating_add(transfer);
        alone.saturating_mul(self.busy.saturating_add(1))
    }
}

/// The statistics that decide when a holder is asked.
#[derive(Clone, Copy, Debug)]
pub(in crate::download) struct Standing {
    /// Whether it has delivered a document, and has not failed several times since.
    pub(in crate::download) is_proven: bool,
    /// Whether it did not answer soon when it was asked last.
    pub(in crate::download) is_silent: bool,
    /// Downloads from it at this moment.
    pub(in crate::download) downloads: u32,
    /// The time that the download should take, with the others that are running.
    pub(in crate::download) expected_time: Duration,
}
