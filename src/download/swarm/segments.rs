//! Which worker downloads which range of a large document (protocol.md section 5.6).
//!
//! Plain data: no socket, no file. At the beginning there are the missing ranges. A worker takes one
//! of them. When none is left, it takes the end of the range that would be complete last, so that both
//! workers end at the same time. A worker that delivers nothing loses its range.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::library::CHUNK;

/// A worker that delivers nothing for this time has a rate of 0.
const STALLED: Duration = Duration::from_secs(2);

/// A smaller rest is not split.
const LEAST: u64 = 2 * CHUNK;

/// The missing ranges of a document, and the workers that download them.
#[derive(Debug)]
pub(super) struct Segments(Vec<Segment>);

#[derive(Debug)]
struct Segment {
    next: u64,
    end: u64,
    work: Option<Work>,
}

#[derive(Clone, Copy, Debug)]
struct Work {
    worker: usize,
    since: Instant,
    /// The first byte of its work.
    first: u64,
    /// When the last bytes arrived.
    last: Instant,
}

impl Segment {
    fn left(&self) -> u64 {
        self.end - self.next
    }

    /// The current rate of its worker, in bytes per second.
    #[allow(clippy::cast_precision_loss, reason = "a rate is not exact anyway")]
    fn rate(&self, work: &Work, now: Instant) -> f64 {
        if now.duration_since(work.last) >= STALLED {
            return 0.0;
        }
        let time = now.duration_since(work.since).as_secs_f64().max(0.001);
        (self.next - work.first) as f64 / time
    }
}

impl Segments {
    /// The missing ranges, in order. Each range begins at the beginning of a chunk.
    pub(super) fn new(missing: Vec<Range<u64>>) -> Self {
        let segment = |range: Range<u64>| Segment { next: range.start, end: range.end, work: None };
        Self(missing.into_iter().map(segment).collect())
    }

    /// Whether nothing is missing.
    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of missing bytes.
    pub(super) fn left(&self) -> u64 {
        self.0.iter().map(Segment::left).sum()
    }

    /// The end of the complete beginning of the document.
    pub(super) fn complete_until(&self, length: u64) -> u64 {
        self.0.iter().map(|segment| segment.next).min().unwrap_or(length)
    }

    /// Assigns a range to a worker with this expected rate, in bytes per second; `None` if the other
    /// workers will complete everything soon enough.
    pub(super) fn take(&mut self, worker: usize, rate: f64, now: Instant) -> Option<Range<u64>> {
        let free = self.0.iter().position(|segment| segment.work.is_none());
        let at = match free {
            Some(at) => at,
            None => self.split(rate, now)?,
        };
        let segment = self.0.get_mut(at)?;
        segment.work = Some(Work { worker, since: now, first: segment.next, last: now });
        Some(segment.next..segment.end)
    }

    /// Splits the segment that would be complete last. Returns the index of a free segment.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a document's length, which need not be exact"
    )]
    fn split(&mut self, rate: f64, now: Instant) -> Option<usize> {
        let time_left = |segment: &Segment| {
            let theirs = segment.work.map_or(0.0, |work| segment.rate(&work, now));
            segment.left() as f64 / theirs.max(1.0)
        };
        let (at, slowest) = self
            .0
            .iter()
            .enumerate()
            .max_by(|one, other| time_left(one.1).total_cmp(&time_left(other.1)))?;
        let theirs = slowest.work.map_or(0.0, |work| slowest.rate(&work, now));
        let has_begun = slowest.work.is_some_and(|work| slowest.next > work.first);
        // The rate of a worker that has just begun is unknown: it is assumed to be the same.
        let is_new =
            !has_begun && slowest.work.is_some_and(|work| now.duration_since(work.since) < STALLED);
        let theirs = if is_new { rate } else { theirs };
        let left = slowest.left() as f64;
        let share = left * rate / (rate + theirs);
        if slowest.left() < LEAST {
            // A small rest is taken only from a worker that would need much longer.
            let is_much_slower = left / theirs.max(1.0) > 1.0 + 4.0 * left / rate.max(1.0);
            return if is_much_slower { self.take_over(at) } else { None };
        }
        let from = slowest.end.saturating_sub(share as u64).max(slowest.next);
        let from = from.next_multiple_of(CHUNK);
        if theirs < 1.0 {
            return self.take_over(at);
        }
        if from >= slowest.end {
            return None;
        }
        let end = std::mem::replace(&mut self.0.get_mut(at)?.end, from);
        self.0.insert(at + 1, Segment { next: from, end, work: None });
        Some(at + 1)
    }

    /// Takes a segment from its worker.
    fn take_over(&mut self, at: usize) -> Option<usize> {
        self.0.get_mut(at)?.work = None;
        Some(at)
    }

    /// The current end of the range of a worker; `None` if it has lost its range.
    pub(super) fn end(&self, worker: usize) -> Option<u64> {
        self.of(worker).map(|segment| segment.end)
    }

    /// Notes that a worker has delivered this number of bytes.
    pub(super) fn advance(&mut self, worker: usize, count: u64, now: Instant) {
        let Some(at) = self.at(worker) else { return };
        let Some(segment) = self.0.get_mut(at) else { return };
        segment.next = (segment.next + count).min(segment.end);
        if let Some(work) = &mut segment.work {
            work.last = now;
        }
        if segment.next == segment.end {
            self.0.remove(at);
        }
    }

    /// Releases the range of a worker for others.
    pub(super) fn release(&mut self, worker: usize) {
        if let Some(at) = self.at(worker) {
            self.take_over(at);
        }
    }

    fn of(&self, worker: usize) -> Option<&Segment> {
        self.0.get(self.at(worker)?)
    }

    fn at(&self, worker: usize) -> Option<usize> {
        self.0.iter().position(|segment| segment.work.is_some_and(|work| work.worker == worker))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;
    const RATE: f64 = 7.0 * 1024.0 * 1024.0;

    fn of(length: u64) -> Segments {
        Segments::new(std::iter::once(0..length).collect())
    }

    #[test]
    fn the_second_takes_half_and_the_fast_take_from_the_slow() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut segments = of(16 * MIB);
        assert_eq!(segments.take(0, 1e6, at(0)), Some(0..16 * MIB));
        assert_eq!(segments.take(1, 1e6, at(0)), Some(8 * MIB..16 * MIB));
        assert_eq!(segments.end(0), Some(8 * MIB));

        // After a second the first worker has delivered 1 MiB, and the second everything.
        segments.advance(0, MIB, at(1));
        segments.advance(1, 8 * MIB, at(1));
        let taken = segments.take(1, RATE, at(1)).unwrap();
        assert_eq!(taken.end, 8 * MIB);
        let share = taken.end - taken.start;
        assert!(share.abs_diff(7 * MIB * 7 / 8) <= CHUNK, "{share}");
        assert_eq!(segments.end(0), Some(taken.start));
        assert_eq!(segments.left(), 7 * MIB);
        assert_eq!(segments.complete_until(16 * MIB), MIB);
    }

    #[test]
    fn a_stalled_worker_loses_its_range() {
        let start = Instant::now();
        let mut segments = of(16 * MIB);
        segments.take(0, 1e6, start).unwrap();
        segments.advance(0, 100, start);
        let later = start + STALLED;
        assert_eq!(segments.take(1, 1e6, later), Some(100..16 * MIB));
        assert_eq!(segments.end(0), None);
        segments.advance(0, 100, later);
        assert_eq!(segments.left(), 16 * MIB - 100);
    }

    #[test]
    fn a_small_rest_is_left_to_its_worker() {
        let start = Instant::now();
        let second = start + Duration::from_secs(1);
        let mut segments = of(2 * CHUNK);
        segments.take(0, 1e6, start).unwrap();
        segments.advance(0, CHUNK, second);
        assert_eq!(segments.take(1, 1e6, second), None);
        segments.advance(0, CHUNK, second);
        assert!(segments.is_done());
    }

    #[test]
    fn a_released_range_is_taken_by_the_next_worker() {
        let now = Instant::now();
        let mut segments = Segments::new(vec![CHUNK..2 * CHUNK, 5 * CHUNK..6 * CHUNK + 1]);
        assert_eq!(segments.take(7, 1.0, now), Some(CHUNK..2 * CHUNK));
        segments.advance(7, 10, now);
        segments.release(7);
        assert_eq!(segments.take(8, 1.0, now), Some(CHUNK + 10..2 * CHUNK));
    }

    proptest! {
        /// Whatever workers do, every byte is delivered exactly once, and the end is reached.
        #[test]
        fn every_byte_is_delivered_once(
            length in 1..40 * CHUNK,
            steps in prop::collection::vec((0..4usize, 1..300_000u64, 0..5000u64, any::<bool>()), 0..200),
        ) {
            let mut segments = of(length);
            let mut places: [Option<u64>; 5] = [None; 5];
            let mut delivered = vec![0u8; usize::try_from(length).unwrap()];
            let mut now = Instant::now();
            let last = (0..2000).map(|_| (4, 100_000, 10, false));
            for (worker, count, time, fails) in steps.into_iter().chain(last) {
                now += Duration::from_millis(time);
                if fails {
                    segments.release(worker);
                    places[worker] = None;
                }
                if segments.end(worker).is_none() {
                    places[worker] = segments.take(worker, 1e6, now).map(|range| range.start);
                }
                let (Some(place), Some(end)) = (places[worker], segments.end(worker)) else { continue };
                let count = count.min(end - place);
                for at in place..place + count {
                    delivered[usize::try_from(at).unwrap()] += 1;
                }
                places[worker] = Some(place + count);
                segments.advance(worker, count, now);
                if segments.is_done() {
                    break;
                }
                // A silent worker loses its range in time.
            }
            while !segments.is_done() {
                now += STALLED;
                let range = segments.take(9, 1e6, now).unwrap();
                for at in range.clone() {
                    delivered[usize::try_from(at).unwrap()] += 1;
                }
                segments.advance(9, range.end - range.start, now);
            }
            prop_assert!(delivered.iter().all(|times| *times == 1));
        }
    }
}
