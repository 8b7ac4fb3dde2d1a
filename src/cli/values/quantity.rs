//! Numbers with units: as users type them (`512M`), and in messages (`2 documents`).

use std::io::{self, IsTerminal};

use indicatif::BinaryBytes;

use crate::counted::counted;

/// Reads a number and its unit, without a blank between them. `factor` returns the value of a unit in the
/// case in which it was typed. `None` if the unit is unknown, or the number is malformed or too large.
pub(in crate::cli) fn quantity(text: &str, factor: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(split)?;
    digits.parse::<u64>().ok()?.checked_mul(factor(unit)?)
}

/// The number of bytes of a unit: `k`, `kB`, `M` and `MB` are powers of 1000, `KiB` and `MiB` powers of
/// 1024. Case does not matter, except that `Mb` is refused, because it may mean bits.
pub(in crate::cli) fn byte_factor(unit: &str) -> Option<u64> {
    let (prefix, suffix) = unit.split_at_checked(1).unwrap_or((unit, ""));
    let base: u64 = match suffix {
        "" | "B" => 1000,
        suffix if suffix.eq_ignore_ascii_case("i") || suffix.eq_ignore_ascii_case("ib") => 1024,
        _ => return None,
    };
    match (&*prefix.to_ascii_lowercase(), suffix) {
        ("" | "b", "") => Some(1),
        ("k", _) => Some(base),
        ("m", _) => Some(base.pow(2)),
        ("g", _) => Some(base.pow(3)),
        ("t", _) => Some(base.pow(4)),
        _ => None,
    }
}

/// A number of bytes for people: `512 bytes`, `1.50 KiB`.
pub(in crate::cli) fn size(bytes: u64) -> String {
    if bytes < 1024 { counted(bytes, "byte") } else { BinaryBytes(bytes).to_string() }
}

/// A number of bytes in a message on standard error: exact, unless a person reads it on a terminal.
pub(in crate::cli) fn message_size(bytes: u64) -> String {
    if io::stderr().is_terminal() { size(bytes) } else { counted(bytes, "byte") }
}

/// A rate for people: `1.50 KiB/s`.
pub(in crate::cli) fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", BinaryBytes(bytes_per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_decimal_without_an_i_and_binary_with_one() {
        for (text, bytes) in [
            ("5", Some(5)),
            ("5B", Some(5)),
            ("2k", Some(2000)),
            ("2kB", Some(2000)),
            ("2K", Some(2000)),
            ("2KiB", Some(2048)),
            ("2M", Some(2_000_000)),
            ("5MB", Some(5_000_000)),
            ("2m", Some(2_000_000)),
            ("2MiB", Some(2 << 20)),
            ("2Mi", Some(2 << 20)),
            ("1GB", Some(1_000_000_000)),
            ("1GiB", Some(1 << 30)),
            ("1T", Some(1_000_000_000_000)),
            ("1TiB", Some(1 << 40)),
            // Bits.
            ("5Mb", None),
            ("5kbit", None),
            ("5X", None),
            ("5 M", None),
            ("1.5M", None),
            ("5\u{e9}", None),
            ("99999999TiB", None),
        ] {
            assert_eq!(quantity(text, byte_factor), bytes, "{text}");
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(0_usize, "document"), "0 documents");
        assert_eq!(counted(1_u64, "byte"), "1 byte");
        assert_eq!(counted(2_usize, "holder"), "2 holders");
    }

    #[test]
    fn sizes_and_rates_have_binary_units() {
        let sizes = [0, 1, 1023, 1024, 1_500_000].map(size);
        assert_eq!(sizes, ["0 bytes", "1 byte", "1023 bytes", "1.00 KiB", "1.43 MiB"]);
        assert_eq!([0, 2048].map(rate), ["0 B/s", "2.00 KiB/s"]);
    }
}
