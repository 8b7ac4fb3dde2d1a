//! A limit on log lines of one kind per second, with a count of the suppressed ones.
//!
//! A kind is a place in the source: its lines differ in addresses and numbers only. Lines that the user has
//! requested one by one, such as one for each request, are not limited.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Lines of one kind in a second.
const LINES: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// The place in the source that logs a line.
pub(in crate::cli) type Place = (&'static str, u32);

/// The kinds of lines that were logged recently, with the number of suppressed lines.
#[derive(Debug, Default)]
pub(in crate::cli) struct Throttle(HashMap<Place, Kind>);

#[derive(Debug)]
struct Kind {
    since: Instant,
    said: u32,
    /// The number of suppressed lines, and the last of them.
    unsaid: u32,
    last: String,
}

impl Throttle {
    /// Whether a line may be printed now.
    pub(in crate::cli) fn admits(
        &mut self,
        place: Place,
        line: &dyn Fn() -> String,
        now: Instant,
    ) -> bool {
        let kind = self.0.entry(place).or_insert_with(|| Kind {
            since: now,
            said: 0,
            unsaid: 0,
            last: String::new(),
        });
        // A new second begins only after the suppressed lines were reported.
        if kind.unsaid == 0 && now.duration_since(kind.since) >= SECOND {
            (kind.since, kind.said) = (now, 0);
        }
        if kind.said < LINES {
            kind.said += 1;
            return true;
        }
        kind.unsaid += 1;
        if kind.last.is_empty() {
            kind.last = line();
        }
        false
    }

    /// The summaries of past seconds: one line for each kind with suppressed lines.
    pub(in crate::cli) fn summaries(&mut self, now: Instant) -> Vec<String> {
        let over = self
            .0
            .values_mut()
            .filter(|kind| kind.unsaid > 0 && now.duration_since(kind.since) >= SECOND);
        over.map(|kind| {
            let last = std::mem::take(&mut kind.last);
            let summary = format!("{} more like this: {last}", kind.unsaid);
            (kind.since, kind.said, kind.unsaid) = (now, 0, 0);
            summary
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_of_each_kind_and_a_count_of_the_rest() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        let said = |throttle: &mut Throttle, line: u32, now| {
            (0..25)
                .filter(|n| throttle.admits(("file", line), &|| format!("line {n}"), now))
                .count()
        };
        assert_eq!(said(&mut throttle, 1, now), 10);
        assert_eq!(said(&mut throttle, 2, now), 10);
        assert!(throttle.summaries(now).is_empty());
        let later = now + SECOND;
        let mut summaries = throttle.summaries(later);
        summaries.sort();
        assert_eq!(summaries, ["15 more like this: line 10"; 2]);
        assert!(throttle.summaries(later).is_empty());
        assert_eq!(said(&mut throttle, 1, later), 10);
    }

    #[test]
    fn infrequent_lines_are_always_logged() {
        let mut throttle = Throttle::default();
        let mut now = Instant::now();
        for _ in 0..100 {
            assert!(throttle.admits(("file", 1), &String::new, now));
            now += SECOND / 9;
        }
        assert!(throttle.summaries(now).is_empty());
    }
}
