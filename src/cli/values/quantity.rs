//! Numbers with units: as users type them (`512M`), and in messages (`2 documents`).

use std::fmt::Display;

/// Reads a number and its unit, without a blank between them. `factor` returns the value of a unit in the
/// case in which it was typed. `None` if the unit is unknown, or the number is malformed or too large.
pub(in crate::cli) fn quantity(text: &str, factor: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(split)?;
    digits.parse::<u64>().ok()?.checked_mul(factor(unit)?)
}

/// A number with its noun, for messages: `1 document`, `2 documents`.
pub(in crate::cli) fn counted<N: Copy + Display + PartialEq + From<u8>>(
    number: N,
    noun: &str,
) -> String {
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
