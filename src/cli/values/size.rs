//! A size of memory as users type it: `800000`, `512M`, `2G`.

use std::str::FromStr;

use super::quantity::quantity;
use crate::limits;

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) struct MemorySize(u64);

impl MemorySize {
    pub(in crate::cli) fn bytes(self) -> u64 {
        self.0
    }
}

/// The number of bytes of a unit: powers of 1024.
pub(in crate::cli) fn binary_factor(unit: &str) -> Option<u64> {
    match unit.to_ascii_lowercase().as_str() {
        "" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "t" | "tib" => Some(1 << 40),
        _ => None,
    }
}

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = quantity(text, binary_factor);
        size.filter(|size| *size >= limits::MEMORY_LEAST).map(Self).ok_or_else(|| {
            let least = limits::MEMORY_LEAST >> 20;
            format!("expected a size of at least {least}M, such as `512M` or `2G`, found `{text}`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_all_units() {
        for (text, size) in [
            ("16777216", 16 << 20),
            ("16M", 16 << 20),
            ("512m", 512 << 20),
            ("2G", 2 << 30),
            ("2GiB", 2 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(text.parse(), Ok(MemorySize(size)), "{text}");
        }
        for text in
            ["", "0", "1M", "G", "-5G", "5 G", "5X", "1.5G", "99999999999999999999", "99999999T"]
        {
            assert!(text.parse::<MemorySize>().is_err(), "{text:?}");
        }
    }
}
