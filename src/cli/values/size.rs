//! A size of memory as users type it: `800000`, `512M`, `2G`.

use std::str::FromStr;

use super::quantity::{byte_factor, quantity};
use crate::limits;

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) struct MemorySize(u64);

impl MemorySize {
    pub(in crate::cli) fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = quantity(text, byte_factor);
        size.filter(|size| *size >= limits::MEMORY_LEAST).map(Self).ok_or_else(|| {
            let least = limits::MEMORY_LEAST >> 20;
            format!(
                "expected a size of at least {least}MiB, such as `512M` (decimal) or `2GiB` (binary), \
                 found `{text}`"
            )
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
            ("16MiB", 16 << 20),
            ("512m", 512_000_000),
            ("2G", 2_000_000_000),
            ("2GB", 2_000_000_000),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(text.parse(), Ok(MemorySize(size)), "{text}");
        }
        for text in [
            "",
            "0",
            "1M",
            "16M",
            "G",
            "-5G",
            "5 G",
            "5X",
            "1.5G",
            "99999999999999999999",
            "99999999T",
        ] {
            assert!(text.parse::<MemorySize>().is_err(), "{text:?}");
        }
    }
}
