//! Times, sizes and rates as users write them: `20 ms`, `256 KiB`, `1 MiB` per second.

use std::time::Duration;

use crate::escape::excerpt;

/// The longest time: a laboratory ends by itself.
const LONGEST: Duration = Duration::from_secs(3600);
/// With a lower rate other peers would time out.
pub(super) const LEAST_RATE: u64 = 4096;

/// Splits a number and its unit, which a blank may separate.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number, unit.trim_start()))
}

/// A time, such as `20 ms`, `1.5 s` or `2 min`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || {
        let found = excerpt(text);
        format!("expected a time up to 60 min, such as `20 ms`, `1.5 s` or `2 min`, found {found}")
    };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "min" => 60.0,
        _ => return Err(wrong()),
    };
    let time = Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())?;
    if time <= LONGEST { Ok(time) } else { Err(wrong()) }
}

/// A number of bytes, such as `500`, `100 KiB` or `1 MiB`. `kB` and `MB` are powers of 1000, `KiB` and
/// `MiB` powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("expected a size, such as `500`, `100 KiB` or `1 MiB`, found {}", excerpt(text));
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.parse().ok().and_then(|number: u64| number.checked_mul(factor)).ok_or_else(wrong)
}

/// The size as [`size`] reads it: in the largest binary unit in which it is a whole number.
pub(super) fn shown_size(size: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = units.iter().find(|(unit, _)| size > 0 && size.is_multiple_of(*unit));
    whole.map_or_else(|| size.to_string(), |(unit, name)| format!("{} {name}", size / unit))
}

/// A rate in bytes per second, such as `100 KiB`; `None` for `unlimited`.
pub(super) fn rate(text: &str) -> Result<Option<u64>, String> {
    if text.trim() == "unlimited" {
        return Ok(None);
    }
    size(text).ok().filter(|rate| *rate >= LEAST_RATE).map(Some).ok_or_else(|| {
        format!(
            "expected a rate of at least 4 KiB a second, such as `100 KiB` or `2 MiB`, or `unlimited`, \
             found {}",
            excerpt(text)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sizes_and_rates() {
        for (text, milliseconds) in
            [("20 ms", 20), ("20ms", 20), ("1.5 s", 1500), ("2 min", 120_000), ("0 s", 0)]
        {
            assert_eq!(time(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "-1 s", "1.2.3 s", "61 min", "1 h", "1e9 s"] {
            assert!(time(text).is_err(), "{text:?}");
        }
        for (text, bytes) in [
            ("500", 500),
            ("500 B", 500),
            ("100 KiB", 102_400),
            ("1M", 1_000_000),
            ("1 MiB", 1 << 20),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
            assert_eq!(size(&shown_size(bytes)), Ok(bytes), "{text}");
        }
        for text in ["", "1.5 KiB", "KiB", "5 X", "99999999999999999999", "18446744073709551615 K"]
        {
            assert!(size(text).is_err(), "{text:?}");
        }
        assert_eq!(rate("4 KiB"), Ok(Some(4096)));
        assert_eq!(rate("unlimited"), Ok(None));
        assert!(rate("4095").is_err());
    }
}
