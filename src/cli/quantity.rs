//! Numbers with units: as people write them (`512M`), and in messages (`2 documents`).

use std::fmt::Display;

/// Reads a number and the unit that follows it without a blank. `factor` knows the units, in the
/// case in which they were written; `None` if it does not know this one, or the number is malformed or
/// too large.
pub(super) fn quantity(text: &str, factor: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(split)?;
    digits.parse::<u64>().ok()?.checked_mul(factor(unit)?)
}

/// A number of things for a message: `1 document`, `2 documents`.
pub(super) fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(0_usize, "document"), "0 documents");
        assert_eq!(counted(1_u64, "byte"), "1 byte");
        assert_eq!(counted(2_usize, "holder"), "2 holders");
    }
}
