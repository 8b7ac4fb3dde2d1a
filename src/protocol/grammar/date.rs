//! Dates of headers (protocol.md section 2.7).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::SyntaxError;

/// The first second of the year 10000, which the format cannot express.
const YEAR_10000: u64 = 253_402_300_800;

/// A date in whole seconds, from 1970 to 9999.
///
/// It is written as an IMF-fixdate (RFC 9110 section 5.6.7); the two older forms of HTTP are read
/// too.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Date(u64);

impl Date {
    /// The nearest date that can be written. The time of a file may be before or after the range.
    pub fn clamped(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self(seconds.min(YEAR_10000 - 1))
    }

    /// The same instant as a system time.
    pub fn time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0)
    }
}

impl FromStr for Date {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        httpdate::parse_http_date(text).map(Self::clamped).map_err(|_| {
            SyntaxError::at("a date such as `Sun, 06 Nov 1994 08:49:37 GMT`", text, "2.7")
        })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        httpdate::HttpDate::from(self.time()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_has_no_edge_that_panics() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        let far = UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 1000);
        assert_eq!(Date::clamped(before).to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(Date::clamped(far).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn three_forms_are_read_and_one_is_written() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!(date.to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
        }
        for text in ["", "1994-11-06T08:49:37Z", "784111777", "2021/01/02"] {
            assert!(text.parse::<Date>().is_err(), "{text:?}");
        }
    }
}
