//! A rate as users type it: `800000`, `500k`, `2MiB`.

use std::num::NonZeroU64;
use std::str::FromStr;

use super::quantity::{byte_factor, quantity};

/// Bytes per second, at least 4 KiB: with a lower rate other peers would time out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) struct Rate(NonZeroU64);

impl Rate {
    pub(in crate::cli) fn bytes_per_second(self) -> NonZeroU64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const LEAST: u64 = 4096;
        let malformed = || {
            format!(
                "expected a rate of at least {LEAST} bytes a second, such as `500k` or `5MB` (decimal) or \
                 `2MiB` (binary), found `{text}`"
            )
        };
        let rate = quantity(text, byte_factor);
        rate.filter(|rate| *rate >= LEAST).and_then(NonZeroU64::new).map(Self).ok_or_else(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_all_units() {
        for (text, rate) in [
            ("4096", 4096),
            ("500k", 500_000),
            ("2M", 2_000_000),
            ("5MB", 5_000_000),
            ("2MiB", 2 << 20),
            ("1G", 1_000_000_000),
        ] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.0.get()), Ok(rate));
        }
        for text in
            ["", "0", "4095", "k", "-5k", "5 k", "4k", "5Mb", "1.5M", "99999999999999999999G"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }
}
