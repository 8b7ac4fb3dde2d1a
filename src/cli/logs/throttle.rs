//! A limit on log lines of one kind per second, with a count of the suppressed ones.
//!
//! A kind is a place in the source: its lines differ in addresses and numbers only. Lines that the user has
//! requested one by one, such as one for each request, are not limited.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use log::Level;

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
    printed: u32,
    /// The number of suppressed lines, and the first of them.
    suppressed: u32,
    first: Option<Line>,
}

/// A line without its time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct Line {
    pub(in crate::cli) level: Level,
    pub(in crate::cli) target: String,
    pub(in crate::cli) message: String,
}

impl Throttle {
    /// Whether a line may be printed now.
    pub(in crate::cli) fn admits(
        &mut self,
        place: Place,
        line: &dyn Fn() -> Line,
        now: Instant,
    ) -> bool {
        let kind = self.0.entry(place).or_insert_with(|| Kind {
            since: now,
            printed: 0,
            suppressed: 0,
            first: None,
        });
        // A new second begins only after the suppressed lines were reported.
        if kind.suppressed == 0 && now.duration_since(kind.since) >= SECOND {
            (kind.since, kind.printed) = (now, 0);
        }
        if kind.printed < LINES {
            kind.printed += 1;
            return true;
        }
        kind.suppressed += 1;
        kind.first.get_or_insert_with(line);
        false
    }

    /// The summaries of past seconds: one line for each kind with suppressed lines.
    pub(in crate::cli) fn summaries(&mut self, now: Instant) -> Vec<Line> {
        self.summaries_if(now, |kind| now.duration_since(kind.since) >= SECOND)
    }

    /// The summaries of all suppressed lines, before the program ends.
    pub(in crate::cli) fn last_summaries(&mut self, now: Instant) -> Vec<Line> {
        self.summaries_if(now, |_| true)
    }

    fn summaries_if(&mut self, now: Instant, is_due: impl Fn(&Kind) -> bool) -> Vec<Line> {
        let over = self.0.values_mut().filter(|kind| kind.suppressed > 0 && is_due(kind));
        over.filter_map(|kind| {
            let suppressed = std::mem::take(&mut kind.suppressed);
            (kind.since, kind.printed) = (now, 0);
            let first = kind.first.take()?;
            Some(Line {
                message: format!("{suppressed} more like this: {}", first.message),
                ..first
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_line(message: &str) -> Line {
        Line { level: Level::Info, target: "target".into(), message: message.into() }
    }

    #[test]
    fn ten_lines_a_second_of_each_kind_and_a_count_of_the_rest() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        let printed = |throttle: &mut Throttle, line: u32, now| {
            (0..25)
                .filter(|n| throttle.admits(("file", line), &|| a_line(&format!("line {n}")), now))
                .count()
        };
        assert_eq!(printed(&mut throttle, 1, now), 10);
        assert_eq!(printed(&mut throttle, 2, now), 10);
        assert!(throttle.summaries(now).is_empty());
        let later = now + SECOND;
        let mut summaries = throttle.summaries(later);
        summaries.sort_by_key(|line| line.message.clone());
        assert_eq!(
            summaries,
            [a_line("15 more like this: line 10"), a_line("15 more like this: line 10")]
        );
        assert!(throttle.summaries(later).is_empty());
        assert_eq!(printed(&mut throttle, 1, later), 10);
        // At the end of the program nothing stays suppressed.
        assert_eq!(throttle.last_summaries(later), [a_line("15 more like this: line 10")]);
        assert!(throttle.last_summaries(later).is_empty());
    }

    #[test]
    fn infrequent_lines_are_always_logged() {
        let mut throttle = Throttle::default();
        let mut now = Instant::now();
        for _ in 0..100 {
            assert!(throttle.admits(("file", 1), &|| a_line(""), now));
            now += SECOND / 9;
        }
        assert!(throttle.summaries(now).is_empty());
    }
}
