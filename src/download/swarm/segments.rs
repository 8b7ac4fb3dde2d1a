//! Which part of a large document is fetched from whom (protocol.md section 5.6).
//!
//! Plain data: no socket, no file. The document begins as the ranges that are missing. A worker
//! takes one; when none is left, it takes over the end of what the slowest other worker still has
//! to do, so that both are done at the same time. A worker that brings nothing loses all of it.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::library::CHUNK;

/// A holder that delivers nothing for this time is not counted on.
const STALLED: Duration = Duration::from_secs(2);

/// Less than this is not worth a request of its own while somebody is bringing it.
const LEAST: u64 = 2 * CHUNK;

/// The parts of a document, and who fetches them.
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
    /// Where it began.
    first: u64,
    /// When the last bytes came.
    last: Instant,
}

impl Segment {
    fn left(&self) -> u64 {
        self.end - self.next
    }

    /// Bytes a second of whoever works on it, as it looks now.
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
    /// What is missing, in order; each range begins where a piece begins.
    pub(super) fn new(missing: Vec<Range<u64>>) -> Self {
        let segment = |range: Range<u64>| Segment { next: range.start, end: range.end, work: None };
        Self(missing.into_iter().map(segment).collect())
    }

    /// Whether everything is there.
    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes are missing.
    pub(super) fn left(&self) -> u64 {
        self.0.iter().map(Segment::left).sum()
    }

    /// Up to where the document is whole.
    pub(super) fn whole_until(&self, length: u64) -> u64 {
        self.0.iter().map(|segment| segment.next).min().unwrap_or(length)
    }

    /// Gives a worker something to fetch, whose rate is expected to be this many bytes a second;
    /// nothing if others will be done with everything soon enough.
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

    /// Parts what would be done last; returns which segment is free now.
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
        // Of who has just begun nothing is known: as fast as oneself.
        let is_new =
            !has_begun && slowest.work.is_some_and(|work| now.duration_since(work.since) < STALLED);
        let theirs = if is_new { rate } else { theirs };
        let left = slowest.left() as f64;
        let share = left * rate / (rate + theirs);
        if slowest.left() < LEAST {
            // Only from who would take much longer.
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

    /// Takes everything from a worker.
    fn take_over(&mut self, at: usize) -> Option<usize> {
        self.0.get_mut(at)?.work = None;
        Some(at)
    }

    /// Where what this worker is to fetch ends by now; nothing if it has lost it all.
    pub(super) fn end(&self, worker: usize) -> Option<u64> {
        self.of(worker).map(|segment| segment.end)
    }

    /// A worker has brought so many bytes more.
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

    /// A worker gives up; what it has not brought is for others.
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

        // After a second the first has brought 1 MiB, the second all.
        segments.advance(0, MIB, at(1));
        segments.advance(1, 8 * MIB, at(1));
        let taken = segments.take(1, RATE, at(1)).unwrap();
        assert_eq!(taken.end, 8 * MIB);
        let share = taken.end - taken.start;
        assert!(share.abs_diff(7 * MIB * 7 / 8) <= CHUNK, "{share}");
        assert_eq!(segments.end(0), Some(taken.start));
        assert_eq!(segments.left(), 7 * MIB);
        assert_eq!(segments.whole_until(16 * MIB), MIB);
    }

    #[test]
    fn who_stalls_loses_everything() {
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
    fn a_small_rest_is_left_to_who_brings_it() {
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
    fn what_is_released_is_taken_by_the_next() {
        let now = Instant::now();
        let mut segments = Segments::new(vec![CHUNK..2 * CHUNK, 5 * CHUNK..6 * CHUNK + 1]);
        assert_eq!(segments.take(7, 1.0, now), Some(CHUNK..2 * CHUNK));
        segments.advance(7, 10, now);
        segments.release(7);
        assert_eq!(segments.take(8, 1.0, now), Some(CHUNK + 10..2 * CHUNK));
    }

    proptest! {
        /// Whatever workers do, every byte is brought exactly once, and the end is reached.
        #[test]
        fn every_byte_is_brought_once(
            length in 1..40 * CHUNK,
            steps in prop::collection::vec((0..4usize, 1..300_000u64, 0..5000u64, any::<bool>()), 0..200),
        ) {
            let mut segments = of(length);
            let mut places: [Option<u64>; 5] = [None; 5];
            let mut brought = vec![0u8; usize::try_from(length).unwrap()];
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
                    brought[usize::try_from(at).unwrap()] += 1;
                }
                places[worker] = Some(place + count);
                segments.advance(worker, count, now);
                if segments.is_done() {
                    break;
                }
                // A holder that is silent while the last one works loses its part in time.
            }
            while !segments.is_done() {
                now += STALLED;
                let range = segments.take(9, 1e6, now).unwrap();
                for at in range.clone() {
                    brought[usize::try_from(at).unwrap()] += 1;
                }
                segments.advance(9, range.end - range.start, now);
            }
            prop_assert!(brought.iter().all(|times| *times == 1));
        }
    }
}
