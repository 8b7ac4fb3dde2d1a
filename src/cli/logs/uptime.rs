//! How long a program has run, for the last line in its log.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A duration in its two largest units, such as `3 h 12 min`.
pub(in crate::cli) struct Uptime(pub(in crate::cli) Duration);

impl Display for Uptime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, _, _) => write!(f, "{hours} h {} min", minutes % 60),
            (_, _, _) => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3600 + 120, "1 h 2 min"),
            (86400 * 40 + 3600 * 5, "40 d 5 h"),
        ] {
            assert_eq!(Uptime(Duration::from_secs(seconds)).to_string(), text);
        }
    }
}
