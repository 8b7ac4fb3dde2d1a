//! A number with a unit, as people write it: `512M`.

/// Reads a number and the unit that follows it without a blank. `factor` knows the units, in the
/// case in which they were written; `None` if it does not know this one, or the number is malformed or
/// too large.
pub(super) fn quantity(text: &str, factor: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(split)?;
    digits.parse::<u64>().ok()?.checked_mul(factor(unit)?)
}
