//! Numbers with their nouns, for messages.

use std::fmt::Display;

/// A number with its noun: `1 document`, `2 documents`.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(
            [0u64, 1, 2].map(|number| counted(number, "byte")),
            ["0 bytes", "1 byte", "2 bytes"]
        );
    }
}
